//! Where replayed lines come from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor};
use std::path::Path;

use anyhow::{Context, Result, bail};
use fincoach_simulate::Simulation;
use indicatif::ProgressBar;

/// An input of events that exists and may be read.
#[derive(Debug)]
pub struct Source {
    name: String,
    bytes: Option<u64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(File),
    StandardInput,
    /// The bundled sample.
    Sample(Vec<u8>),
}

impl Source {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// One line: there is no such file, it is a folder, it may not be read.
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self { name: "standard input".to_owned(), bytes: None, kind: Kind::StandardInput });
        }
        let shown = path.display();
        let file = File::open(path).with_context(|| {
            format!("cannot open the events file {shown}: name a file of JSON lines (NDJSON) or of a JSON array")
        })?;
        let metadata = file.metadata().with_context(|| format!("cannot look at {shown}"))?;
        if metadata.is_dir() {
            bail!("{shown} is a folder: name a file of JSON lines (NDJSON) or of a JSON array");
        }
        let name = path.file_name().map_or_else(|| shown.to_string(), |name| name.to_string_lossy().into_owned());
        // A pipe has no length.
        let bytes = metadata.is_file().then_some(metadata.len());
        Ok(Self { name, bytes, kind: Kind::File(file) })
    }

    /// The bundled sample, made from its seed.
    ///
    /// # Errors
    /// None that a build whose tests passed can meet.
    pub fn sample() -> Result<Self> {
        let mut lines = Vec::new();
        for event in Simulation::default().generate()?.events {
            serde_json::to_writer(&mut lines, &event)?;
            lines.push(b'\n');
        }
        Ok(Self { name: "bundled sample".to_owned(), bytes: Some(lines.len() as u64), kind: Kind::Sample(lines) })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its size, before decompression; `None` where it is not known.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// The bytes, as they are stored; what is read moves `bar`.
    pub(super) fn reader(self, bar: &ProgressBar) -> Box<dyn BufRead + Send> {
        match self.kind {
            Kind::StandardInput => Box::new(BufReader::new(io::stdin())),
            Kind::Sample(lines) => Box::new(BufReader::new(bar.wrap_read(Cursor::new(lines)))),
            Kind::File(file) => Box::new(BufReader::with_capacity(64 * 1024, bar.wrap_read(file))),
        }
    }
}
