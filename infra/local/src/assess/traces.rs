//! The traces of all records, by user, in bounded memory: beyond it they go to
//! temporary files. Users are spread over parts, and a part is small enough to be
//! sorted in memory, however large the files are.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use learning_core::quality::Trace;

/// A trace, where its line stands, and the datasets (a bit each) of which it is a record.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    pub trace: Trace,
    pub position: u64,
    pub datasets: u32,
}

const BYTES: usize = Trace::BYTES + 8 + 4;
pub const PARTS: usize = 64;
/// Bytes of traces that are kept in memory: those of some 900,000 records.
const IN_MEMORY: usize = 128 * 1024 * 1024;
/// Bytes that a writer collects before it hands them over.
const HANDED_OVER: usize = 16 * 1024;

#[derive(Debug)]
pub struct Traces {
    parts: Vec<Mutex<Part>>,
    in_memory: AtomicUsize,
}

#[derive(Debug, Default)]
struct Part {
    /// As they were handed over.
    memory: Vec<Vec<u8>>,
    file: Option<File>,
}

/// What one thread writes.
pub struct Writer<'a> {
    traces: &'a Traces,
    buffers: Vec<Vec<u8>>,
}

impl Traces {
    pub fn new() -> Self {
        Self { parts: (0..PARTS).map(|_| Mutex::default()).collect(), in_memory: AtomicUsize::new(0) }
    }

    pub fn writer(&self) -> Writer<'_> {
        Writer { traces: self, buffers: vec![Vec::new(); PARTS] }
    }

    fn take_over(&self, part: usize, buffer: &mut Vec<u8>) -> Result<()> {
        let mut part = self.parts[part].lock().expect("no writer panics");
        if self.in_memory.load(Ordering::Relaxed) + buffer.len() <= IN_MEMORY {
            self.in_memory.fetch_add(buffer.len(), Ordering::Relaxed);
            part.memory.push(std::mem::take(buffer));
        } else {
            if part.file.is_none() {
                part.file = Some(tempfile::tempfile().context("cannot make a temporary file")?);
            }
            let file = part.file.as_mut().expect("it was just made");
            file.write_all(buffer).context("cannot write a temporary file: is the disk full?")?;
        }
        buffer.clear();
        Ok(())
    }

    /// The traces of a part, user by user, in order of time. They are read once.
    pub fn sorted(&self, part: usize) -> Result<Vec<Kept>> {
        let mut part = self.parts[part].lock().expect("no writer panics");
        let mut spilled = Vec::new();
        if let Some(mut file) = part.file.take() {
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_end(&mut spilled))
                .context("cannot read a temporary file")?;
        }
        let buffers = std::mem::take(&mut part.memory);
        let buffers = buffers.iter().map(Vec::as_slice).chain([spilled.as_slice()]);
        let written = buffers.flat_map(|buffer| buffer.as_chunks::<BYTES>().0);
        // Where they lie, by what orders them: that is smaller than what they are.
        let order = |kept: &Kept| (kept.trace.order(), kept.position);
        let mut places: Vec<_> = written.map(|bytes| (order(&read(bytes)), bytes)).collect();
        places.sort_unstable_by_key(|(order, _)| *order);
        Ok(places.into_iter().map(|(_, bytes)| read(bytes)).collect())
    }
}

fn read(bytes: &[u8; BYTES]) -> Kept {
    let (trace, rest) = bytes.split_first_chunk::<{ Trace::BYTES }>().expect("it begins with a trace");
    let (position, datasets) = rest.split_first_chunk::<8>().expect("then comes the position");
    Kept {
        trace: Trace::read(trace),
        position: u64::from_le_bytes(*position),
        datasets: u32::from_le_bytes(datasets.try_into().expect("and the datasets")),
    }
}

impl Writer<'_> {
    pub fn write(&mut self, kept: &Kept) -> Result<()> {
        // The low bits of a user's id are as good as any hash, or all one user's.
        let part = kept.trace.user.0.as_u128() as usize % PARTS;
        let buffer = &mut self.buffers[part];
        if buffer.capacity() == 0 {
            buffer.reserve_exact(HANDED_OVER + BYTES);
        }
        kept.trace.write(buffer);
        buffer.extend_from_slice(&kept.position.to_le_bytes());
        buffer.extend_from_slice(&kept.datasets.to_le_bytes());
        if buffer.len() >= HANDED_OVER {
            self.traces.take_over(part, buffer)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> Result<()> {
        for (part, buffer) in self.buffers.iter_mut().enumerate() {
            self.traces.take_over(part, buffer)?;
        }
        Ok(())
    }
}
