//! Writing a table as Parquet: for each split, files of subjects in order.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use sha2::{Digest, Sha256};

use super::column::{Cell, Cells, ColumnBuilder};
use super::profile::Profile;
use super::pseudonym::Subject;
use super::{Column, PreparationError, PreparedFile, Split, TableSchema};

/// Rows that are held before they are handed to Parquet.
const BATCH_ROWS: usize = 8_192;
const ROW_GROUP_ROWS: usize = 100_000;
/// The folder of splits without rows. Hugging Face's `datasets` cannot load a split
/// that has no rows, in whatever form, and loads every split that it finds beside the
/// others; so they lie where it does not look.
const EMPTY: &str = "empty";

/// The declaration of a table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its folder.
    pub name: &'static str,
    pub fields: Vec<Field>,
    /// The subject's column first, then time.
    pub sorted_by: [&'static str; 2],
}

impl Table {
    pub fn schema(&self) -> TableSchema {
        let columns = self.fields.iter().map(|field| Column {
            name: field.name().clone(),
            data_type: field.data_type().to_string(),
            nullable: field.is_nullable(),
        });
        TableSchema {
            table: self.name.to_owned(),
            columns: columns.collect(),
            sorted_by: self.sorted_by.map(str::to_owned).to_vec(),
        }
    }

    fn properties(&self) -> WriterProperties {
        let place = |name: &str| self.fields.iter().position(|field| field.name() == name).unwrap_or_default();
        // Parquet numbers the leaves; every declared list comes after these columns or has one leaf.
        let sorted_by = self.sorted_by.map(|name| SortingColumn {
            column_idx: place(name) as i32,
            descending: false,
            nulls_first: false,
        });
        let mut properties = WriterProperties::builder();
        for field in &self.fields {
            let column = ColumnPath::from(field.name().as_str());
            properties = match field.data_type() {
                // Times and positions grow: their differences are small, and there are as many
                // values as rows, of which a dictionary would be a second copy.
                DataType::Timestamp(..) | DataType::UInt32 => properties
                    .set_column_dictionary_enabled(column.clone(), false)
                    .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED),
                // Amounts are many, or zeros: compressed as they are, they take less room than
                // with a dictionary, and less time.
                DataType::Float64 => properties.set_column_dictionary_enabled(column, false),
                _ => properties,
            };
        }
        properties
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_sorting_columns(Some(sorted_by.to_vec()))
            // Of whole row groups: what a reader skips by, since rows are sorted.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // The bytes must not change with the version of a library.
            .set_created_by("fincoach-continuous-learning".to_owned())
            .build()
    }
}

/// The files of all splits of one table, while they are written. Subjects come in order.
pub struct TableFiles {
    table: Table,
    schema: SchemaRef,
    folder: PathBuf,
    splits: [SplitFiles; 3],
    profiles: Vec<Profile>,
    done: Vec<PreparedFile>,
}

struct SplitFiles {
    /// Files of the split, a power of two: a subject's leading bits tell which is its.
    parts: u32,
    part: u32,
    writer: Option<ArrowWriter<File>>,
    columns: Vec<ColumnBuilder>,
    pending: usize,
    /// Of the part.
    rows: u64,
}

/// A row that is being put together, cell by cell in the order of the columns.
pub struct Row<'a> {
    columns: std::slice::IterMut<'a, ColumnBuilder>,
}

impl Row<'_> {
    /// # Panics
    /// Beyond the last column, or for a value of another type than its column.
    pub fn put<'c>(&mut self, cell: impl Into<Cell<'c>>) -> &mut Self {
        self.columns.next().expect("a row has as many cells as its table has columns").append(cell.into());
        self
    }

    pub fn put_all<'c, T: Into<Cell<'c>>>(&mut self, cells: impl IntoIterator<Item = T>) -> &mut Self {
        for cell in cells {
            self.put(cell);
        }
        self
    }
}

impl TableFiles {
    /// Begins the files below `folder`; `parts` gives the number of files of each
    /// split, in the order of [`Split::ALL`].
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn create(table: Table, folder: &Path, parts: [u32; 3]) -> Result<Self, PreparationError> {
        let path = folder.join(table.name);
        std::fs::create_dir_all(&path).map_err(|source| PreparationError::File { path, source })?;
        let schema = Arc::new(Schema::new(table.fields.clone()));
        let columns = || schema.fields().iter().map(|field| ColumnBuilder::of(field)).collect();
        let splits =
            parts.map(|parts| SplitFiles { parts, part: 0, writer: None, columns: columns(), pending: 0, rows: 0 });
        let profiles = schema.fields().iter().map(|field| Profile::of(field)).collect();
        let mut files = Self { table, schema, folder: folder.to_owned(), splits, profiles, done: Vec::new() };
        for split in Split::ALL {
            files.open(split)?;
        }
        Ok(files)
    }

    fn open(&mut self, split: Split) -> Result<(), PreparationError> {
        let path = self.folder.join(self.path(split));
        let file = File::create(&path).map_err(|source| PreparationError::File { path, source })?;
        let writer = ArrowWriter::try_new(file, Arc::clone(&self.schema), Some(self.table.properties()))?;
        self.splits[split as usize].writer = Some(writer);
        Ok(())
    }

    fn path(&self, split: Split) -> String {
        let SplitFiles { part, parts, .. } = self.splits[split as usize];
        format!("{}/{}-{part:05}-of-{parts:05}.parquet", self.table.name, split.name())
    }

    /// Begins a row of a subject; all its cells must be put before the next begins.
    ///
    /// # Errors
    /// Whatever the file system and Parquet say.
    pub fn row(&mut self, subject: Subject, split: Split) -> Result<Row<'_>, PreparationError> {
        let files = self.at(subject, split)?;
        files.pending += 1;
        Ok(Row { columns: files.columns.iter_mut() })
    }

    /// Writes consecutive rows of a subject, column by column.
    ///
    /// # Errors
    /// Whatever the file system and Parquet say.
    ///
    /// # Panics
    /// Where there are more or fewer columns than the table has.
    pub fn rows(
        &mut self,
        subject: Subject,
        split: Split,
        count: usize,
        columns: &[Cells<'_>],
    ) -> Result<(), PreparationError> {
        assert_eq!(columns.len(), self.table.fields.len(), "rows have as many columns as their table");
        let mut written = 0;
        while written < count {
            let files = self.at(subject, split)?;
            let next = count.min(written + BATCH_ROWS - files.pending);
            for (column, cells) in files.columns.iter_mut().zip(columns) {
                column.append_all(*cells, written..next);
            }
            files.pending += next - written;
            written = next;
        }
        Ok(())
    }

    /// The files that a row of a subject goes to next, with room for one at least.
    fn at(&mut self, subject: Subject, split: Split) -> Result<&mut SplitFiles, PreparationError> {
        let files = &self.splits[split as usize];
        let part = subject.part(files.parts);
        if files.pending == BATCH_ROWS {
            self.flush(split)?;
        }
        while self.splits[split as usize].part < part {
            self.close(split)?;
            self.splits[split as usize].part += 1;
            self.open(split)?;
        }
        Ok(&mut self.splits[split as usize])
    }

    fn flush(&mut self, split: Split) -> Result<(), PreparationError> {
        let files = &mut self.splits[split as usize];
        let arrays: Vec<_> = files.columns.iter_mut().map(ColumnBuilder::finish).collect();
        for (profile, array) in self.profiles.iter_mut().zip(&arrays) {
            profile.observe(array);
        }
        files.rows += files.pending as u64;
        files.pending = 0;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)?;
        match &mut files.writer {
            Some(writer) => Ok(writer.write(&batch)?),
            None => Err(PreparationError::Closed),
        }
    }

    /// Ends the open part of a split and takes its measure.
    fn close(&mut self, split: Split) -> Result<(), PreparationError> {
        if self.splits[split as usize].pending > 0 {
            self.flush(split)?;
        }
        let path = self.path(split);
        let files = &mut self.splits[split as usize];
        files.writer.take().ok_or(PreparationError::Closed)?.close()?;
        let rows = std::mem::take(&mut files.rows);
        let file = self.folder.join(&path);
        let (bytes, sha256) = measure(&file).map_err(|source| PreparationError::File { path: file, source })?;
        self.done.push(PreparedFile { path, table: self.table.name.to_owned(), split, rows, bytes, sha256 });
        Ok(())
    }

    /// Ends all files. A part without rows is a file with the schema; a whole split
    /// without rows lies below [`EMPTY`].
    ///
    /// # Errors
    /// Whatever the file system and Parquet say.
    pub fn finish(mut self) -> Result<(Vec<PreparedFile>, Vec<Profile>), PreparationError> {
        for split in Split::ALL {
            self.close(split)?;
            while self.splits[split as usize].part + 1 < self.splits[split as usize].parts {
                self.splits[split as usize].part += 1;
                self.open(split)?;
                self.close(split)?;
            }
        }
        self.set_empty_splits_apart()?;
        Ok((self.done, self.profiles))
    }

    fn set_empty_splits_apart(&mut self) -> Result<(), PreparationError> {
        let rows = Split::ALL
            .map(|split| self.done.iter().filter(|file| file.split == split).map(|file| file.rows).sum::<u64>());
        // A table without any row keeps one split where its readers look for the schema.
        let is_apart =
            |split: Split| rows[split as usize] == 0 && (split != Split::Train || rows.iter().any(|rows| *rows > 0));
        for file in self.done.iter_mut().filter(|file| is_apart(file.split)) {
            let apart = format!("{EMPTY}/{}", file.path);
            let (from, to) = (self.folder.join(&file.path), self.folder.join(&apart));
            let parent = to.parent().map_or(Ok(()), std::fs::create_dir_all);
            let moved = parent.and_then(|()| std::fs::rename(&from, &to));
            moved.map_err(|source| PreparationError::File { path: to, source })?;
            file.path = apart;
        }
        Ok(())
    }
}

/// Size and SHA-256 of a file.
pub(super) fn measure(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex::encode(hash.finalize()))),
            read => {
                bytes += read as u64;
                hash.update(&buffer[..read]);
            }
        }
    }
}
