//! Files as blocks of whole lines, for several threads to read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;

const BLOCK: usize = 512 * 1024;
/// A line beyond this is no event, and would only fill the memory.
const LINE: u64 = 64 * 1024 * 1024;

/// Whole lines that follow one another.
#[derive(Debug)]
pub struct Block {
    /// Blocks are numbered over all inputs.
    pub number: u32,
    /// The input, and the line in it at which the block begins (from 1).
    pub input: usize,
    pub first_line: u64,
    pub bytes: Vec<u8>,
}

/// What is read: more than once if need be.
#[derive(Debug)]
pub struct Input {
    pub name: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    /// Standard input can be read once: what came is kept in a temporary file.
    StandardInput(Mutex<Option<File>>),
}

impl Input {
    /// # Errors
    /// One line: there is no such file, it is a folder, it may not be read.
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self { name: "standard input".to_owned(), place: Place::StandardInput(Mutex::default()) });
        }
        let shown = path.display();
        let file =
            File::open(path).with_context(|| format!("cannot open {shown}: name a file of NDJSON, plain or .gz"))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            bail!("{shown} is a folder: name a file of NDJSON, plain or .gz");
        }
        Ok(Self { name: shown.to_string(), place: Place::File(path.to_owned()) })
    }

    fn reader(&self) -> Result<Box<dyn BufRead>> {
        const GZIP: [u8; 2] = [0x1f, 0x8b];
        let raw: Box<dyn Read> = match &self.place {
            Place::File(path) => Box::new(File::open(path).with_context(|| format!("cannot open {}", self.name))?),
            Place::StandardInput(kept) => {
                let mut kept = kept.lock().expect("no reader panics");
                match kept.as_mut() {
                    None => {
                        let copy = tempfile::tempfile().context("cannot make a temporary file")?;
                        *kept = Some(copy.try_clone()?);
                        Box::new(Copying { from: io::stdin(), to: copy })
                    }
                    Some(copy) => {
                        copy.seek(SeekFrom::Start(0))?;
                        Box::new(copy.try_clone()?)
                    }
                }
            }
        };
        let mut reader = BufReader::with_capacity(BLOCK, raw);
        if reader.fill_buf().with_context(|| format!("cannot read {}", self.name))?.starts_with(&GZIP) {
            return Ok(Box::new(BufReader::with_capacity(BLOCK, MultiGzDecoder::new(reader))));
        }
        Ok(Box::new(reader))
    }

    /// Hands all lines over, in blocks that are numbered on from `number`.
    fn send(&self, input: usize, number: &mut u32, blocks: &SyncSender<Block>) -> Result<()> {
        let mut reader = self.reader()?;
        let mut first_line = 1;
        loop {
            let mut bytes = Vec::with_capacity(BLOCK + 4096);
            let read = reader.by_ref().take(BLOCK as u64).read_to_end(&mut bytes);
            let read = read.and_then(|_| reader.by_ref().take(LINE).read_until(b'\n', &mut bytes));
            let line = read.with_context(|| format!("cannot read {} from line {first_line} on", self.name))?;
            if line as u64 == LINE {
                bail!("{} has a line of more than {LINE} bytes after line {first_line}", self.name);
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
            // Nobody listens any more when a reader has failed; it tells why.
            if blocks.send(Block { number: *number, input, first_line, bytes }).is_err() {
                return Ok(());
            }
            first_line += lines;
            *number += 1;
        }
    }
}

struct Copying {
    from: io::Stdin,
    to: File,
}

impl Read for Copying {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.to.write_all(&buffer[..read])?;
        Ok(read)
    }
}

/// Reads all inputs, and has each block worked on by one of `threads` workers.
pub fn read<T: Send>(
    inputs: &[Input],
    threads: usize,
    work: impl Fn(&Mutex<Receiver<Block>>) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let (sender, receiver) = sync_channel(threads);
    let receiver = Mutex::new(receiver);
    std::thread::scope(|scope| {
        let work = &work;
        let receiver = &receiver;
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(move || work(receiver))).collect();
        let mut number = 0;
        let sent = inputs.iter().enumerate().try_for_each(|(place, input)| input.send(place, &mut number, &sender));
        drop(sender);
        let done = workers.into_iter().map(|worker| worker.join().expect("a worker does not panic")).collect();
        sent.and(done)
    })
}

impl Block {
    /// Its lines, without what ends them.
    pub fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let mut begin = 0;
        memchr::memchr_iter(b'\n', &self.bytes).chain([self.bytes.len()]).map(move |end| {
            let line = &self.bytes[begin..end];
            begin = end + 1;
            line
        })
    }
}

/// The next block; `None` at the end.
pub fn next(blocks: &Mutex<Receiver<Block>>) -> Option<Block> {
    blocks.lock().expect("no worker panics").recv().ok()
}
