//! Files as blocks of whole records, for several threads to read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context, Result, bail};
use learning_core::event::decode::{self, DecodeLimits, Decoder, Text};

const BLOCK: usize = 512 * 1024;
/// A line beyond this is no event, and would only fill the memory.
const LINE: u64 = 64 * 1024 * 1024;

/// Whole records that follow one another.
#[derive(Debug)]
pub struct Block {
    /// Blocks are numbered over all inputs.
    pub number: u32,
    pub input: usize,
    bytes: Vec<u8>,
    cut: Cut,
}

/// Where records lie in a block.
#[derive(Debug)]
enum Cut {
    /// One per line; the block begins at this one (from 1).
    Lines(u64),
    /// The line and the end of each, for inputs of another form.
    Records(Vec<(u64, usize)>),
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
        let file = File::open(path)
            .with_context(|| format!("cannot open {shown}: name a file of JSON lines (NDJSON) or of a JSON array"))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            bail!("{shown} is a folder: name a file of JSON lines (NDJSON) or of a JSON array");
        }
        Ok(Self { name: shown.to_string(), place: Place::File(path.to_owned()) })
    }

    /// Its text.
    fn reader(&self) -> Result<Decoded> {
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
        let reader = BufReader::with_capacity(BLOCK, raw);
        Ok(Decoded { reader, text: Text::new(u64::MAX) })
    }

    /// Hands all records over, in blocks that are numbered on from `number`.
    fn send(&self, input: usize, number: &mut u32, blocks: &SyncSender<Block>) -> Result<()> {
        let mut reader = self.reader()?;
        let mut head = Vec::new();
        let read = reader.by_ref().take(decode::FORM_BYTES as u64).read_to_end(&mut head);
        read.with_context(|| format!("cannot read {}", self.name))?;
        let is_lines = decode::is_lines(&head, head.len() < decode::FORM_BYTES);
        let reader = Cursor::new(head).chain(reader);
        if is_lines {
            self.send_lines(reader, input, number, blocks)
        } else {
            self.send_records(reader, input, number, blocks)
        }
    }

    fn send_lines(
        &self,
        mut reader: impl BufRead,
        input: usize,
        number: &mut u32,
        blocks: &SyncSender<Block>,
    ) -> Result<()> {
        let mut first_line = 1;
        loop {
            let mut bytes = Vec::with_capacity(BLOCK + 4096);
            let read = reader.by_ref().take(BLOCK as u64).read_to_end(&mut bytes);
            let read = read.and_then(|_| reader.by_ref().take(LINE).read_until(b'\n', &mut bytes));
            let line = read.with_context(|| format!("cannot read {}", self.name))?;
            if line as u64 == LINE {
                bail!("{} has a line of more than {LINE} bytes after line {first_line}", self.name);
            }
            if bytes.is_empty() {
                return Ok(());
            }
            let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64;
            // Nobody listens any more when a reader has failed; it tells why.
            if blocks.send(Block { number: *number, input, bytes, cut: Cut::Lines(first_line) }).is_err() {
                return Ok(());
            }
            first_line += lines;
            *number += 1;
        }
    }

    fn send_records(
        &self,
        mut reader: impl BufRead,
        input: usize,
        number: &mut u32,
        blocks: &SyncSender<Block>,
    ) -> Result<()> {
        let mut decoder = Decoder::new(DecodeLimits { record_bytes: LINE as usize, decompressed_bytes: u64::MAX });
        let (mut bytes, mut records, mut ended) = (Vec::new(), Vec::new(), false);
        while !ended {
            let piece = reader.fill_buf().with_context(|| format!("cannot read {}", self.name))?;
            let mut rest = piece;
            ended = piece.is_empty();
            while let Some(record) =
                decoder.next(&mut rest, ended).with_context(|| format!("cannot read {}", self.name))?
            {
                bytes.extend_from_slice(&record.text);
                records.push((record.line, bytes.len()));
            }
            let read = piece.len();
            reader.consume(read);
            if !records.is_empty() && (ended || bytes.len() >= BLOCK) {
                let (bytes, records) = (std::mem::take(&mut bytes), std::mem::take(&mut records));
                if blocks.send(Block { number: *number, input, bytes, cut: Cut::Records(records) }).is_err() {
                    return Ok(());
                }
                *number += 1;
            }
        }
        Ok(())
    }
}

/// The text of an input.
struct Decoded {
    reader: BufReader<Box<dyn Read>>,
    text: Text,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Decoded {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while matches!(self.text.available(), ([], false)) {
            let bytes = self.reader.fill_buf()?;
            let (mut rest, last) = (bytes, bytes.is_empty());
            self.text.read(&mut rest, last).map_err(io::Error::other)?;
            let read = bytes.len() - rest.len();
            self.reader.consume(read);
        }
        Ok(self.text.available().0)
    }

    fn consume(&mut self, amount: usize) {
        self.text.consume(amount);
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
    /// Its records, each with its line.
    pub fn records(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut begin = 0;
        let (lines, records) = match &self.cut {
            Cut::Lines(first) => (Some(*first), &[][..]),
            Cut::Records(records) => (None, records.as_slice()),
        };
        let ends = lines.map(|first| (first.., memchr::memchr_iter(b'\n', &self.bytes).chain([self.bytes.len()])));
        let lines = ends.into_iter().flat_map(|(numbers, ends)| numbers.zip(ends.map(|end| (end, end + 1))));
        let records = records.iter().map(|(line, end)| (*line, (*end, *end)));
        lines.chain(records).map(move |(line, (end, next))| {
            let record = &self.bytes[begin..end];
            begin = next;
            (line, record)
        })
    }
}

/// The next block; `None` at the end.
pub fn next(blocks: &Mutex<Receiver<Block>>) -> Option<Block> {
    blocks.lock().expect("no worker panics").recv().ok()
}
