//! Writing one table of one split as Parquet.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

use super::{Column, PreparationError, PreparedFile, Split, TableSchema};

/// Rows that are held before they are handed to Parquet.
const BATCH_ROWS: usize = 8_192;
const ROW_GROUP_ROWS: usize = 100_000;

/// A kind of rows: how they become columns.
pub trait Rows: Default {
    /// The folder of the table.
    const TABLE: &'static str;
    type Row;

    fn schema() -> Schema;
    fn push(&mut self, row: Self::Row);
    fn rows(&self) -> usize;
    /// The columns of the rows pushed so far, which are forgotten.
    fn take(&mut self) -> Vec<ArrayRef>;
}

pub fn table_schema<R: Rows>() -> TableSchema {
    let schema = R::schema();
    let columns = schema.fields().iter().map(|field| Column {
        name: field.name().clone(),
        data_type: field.data_type().to_string(),
        nullable: field.is_nullable(),
    });
    TableSchema { table: R::TABLE.to_owned(), columns: columns.collect() }
}

/// A file that is being written. The rows must come in order of the first two columns.
pub struct TableWriter<R: Rows> {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    rows: R,
    written: u64,
    path: String,
    split: Split,
}

impl<R: Rows> TableWriter<R> {
    /// Begins the file below `folder`. A split without rows is a file with the schema.
    pub fn create(folder: &Path, split: Split) -> Result<Self, PreparationError> {
        let path = format!("{}/{}-00000-of-00001.parquet", R::TABLE, split.name());
        let file = folder.join(&path);
        let failed = |source| PreparationError::File { path: file.clone(), source };
        std::fs::create_dir_all(folder.join(R::TABLE)).map_err(failed)?;
        let sorted_by = |column_idx| SortingColumn { column_idx, descending: false, nulls_first: false };
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_sorting_columns(Some(vec![sorted_by(0), sorted_by(1)]))
            // The bytes must not change with the version of a library.
            .set_created_by("fincoach-continuous-learning".to_owned())
            .build();
        let schema = Arc::new(R::schema());
        let writer = ArrowWriter::try_new(File::create(&file).map_err(failed)?, Arc::clone(&schema), Some(properties))?;
        Ok(Self { writer, schema, rows: R::default(), written: 0, path, split })
    }

    pub fn push(&mut self, row: R::Row) -> Result<(), PreparationError> {
        self.rows.push(row);
        if self.rows.rows() == BATCH_ROWS { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), PreparationError> {
        self.written += self.rows.rows() as u64;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), self.rows.take())?;
        Ok(self.writer.write(&batch)?)
    }

    /// Ends the file and takes its measure.
    pub fn finish(mut self, folder: &Path) -> Result<PreparedFile, PreparationError> {
        if self.rows.rows() > 0 {
            self.flush()?;
        }
        self.writer.close()?;
        let path = folder.join(&self.path);
        let (bytes, sha256) = measure(&path).map_err(|source| PreparationError::File { path, source })?;
        Ok(PreparedFile {
            path: self.path,
            table: R::TABLE.to_owned(),
            split: self.split,
            rows: self.written,
            bytes,
            sha256,
        })
    }
}

/// Size and SHA-256 of a file.
fn measure(path: &Path) -> io::Result<(u64, String)> {
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
