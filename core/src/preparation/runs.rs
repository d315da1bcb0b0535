//! Sorted runs: users in order of subject, in memory or spilled to a file, and
//! their merge. A run file is a sequence of users in postcard's encoding, each
//! after its length; it lives as long as one preparation.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::PreparationError;
use super::pseudonym::Subject;
use super::user::User;

/// Bytes of a user's encoding that are believed; more is a broken file.
const LONGEST: usize = 1 << 31;

/// Writes users, who must come in order of subject, to a new file.
///
/// # Errors
/// Whatever the file system says.
pub fn write_run(
    path: &Path,
    users: impl IntoIterator<Item = Result<User, PreparationError>>,
) -> Result<(), PreparationError> {
    let failed = |source| PreparationError::File { path: path.to_owned(), source };
    let mut file = BufWriter::with_capacity(1 << 18, File::create(path).map_err(failed)?);
    let mut buffer = Vec::new();
    for user in users {
        buffer.clear();
        buffer = postcard::to_extend(&user?, buffer).map_err(|error| failed(io::Error::other(error)))?;
        let length = (buffer.len() as u64).to_le_bytes();
        file.write_all(&length).and_then(|()| file.write_all(&buffer)).map_err(failed)?;
    }
    file.flush().map_err(failed)
}

/// Users in order of subject.
#[derive(Debug)]
pub enum Run {
    Memory(std::vec::IntoIter<User>),
    File { path: PathBuf, reader: BufReader<File> },
}

impl Run {
    pub fn in_memory(mut users: Vec<User>) -> Self {
        users.sort_unstable_by_key(|user| user.subject);
        Run::Memory(users.into_iter())
    }

    /// # Errors
    /// Whatever the file system says.
    pub fn open(path: &Path) -> Result<Self, PreparationError> {
        let file = File::open(path).map_err(|source| PreparationError::File { path: path.to_owned(), source })?;
        Ok(Run::File { path: path.to_owned(), reader: BufReader::with_capacity(1 << 18, file) })
    }

    fn next(&mut self) -> Result<Option<User>, PreparationError> {
        match self {
            Run::Memory(users) => Ok(users.next()),
            Run::File { path, reader } => {
                read_user(reader).map_err(|source| PreparationError::File { path: path.clone(), source })
            }
        }
    }
}

fn read_user(reader: &mut impl Read) -> io::Result<Option<User>> {
    let mut length = [0; 8];
    match reader.read_exact(&mut length) {
        Ok(()) => {}
        // Between two users, the end is the end; a run is never cut short there, because
        // it is read by whoever wrote it, or after its checksum was compared.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "a run with a user of impossible size"));
    }
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes)?;
    postcard::from_bytes(&bytes).map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// Merges runs into one order of subjects, holding one user of each.
#[derive(Debug)]
pub struct Merge {
    /// Whether the runs hold users in part.
    joins: bool,
    runs: Vec<Run>,
    heads: Vec<Option<User>>,
    order: BinaryHeap<Reverse<(Subject, usize)>>,
    last: Option<Subject>,
}

impl Merge {
    /// # Errors
    /// A run that cannot be read.
    pub fn of(mut runs: Vec<Run>, joins: bool) -> Result<Self, PreparationError> {
        let mut heads = Vec::with_capacity(runs.len());
        let mut order = BinaryHeap::new();
        for (place, run) in runs.iter_mut().enumerate() {
            let head = run.next()?;
            if let Some(user) = &head {
                order.push(Reverse((user.subject, place)));
            }
            heads.push(head);
        }
        Ok(Self { joins, runs, heads, order, last: None })
    }

    fn advance(&mut self) -> Result<Option<User>, PreparationError> {
        let Some(mut user) = self.pop()? else { return Ok(None) };
        while self.joins && self.order.peek().is_some_and(|Reverse((next, _))| *next == user.subject) {
            if let Some(part) = self.pop()? {
                user.append(part);
                user.order();
            }
        }
        // The split by user rests on this: a user comes once, and whole.
        if self.last.is_some_and(|last| last >= user.subject) {
            return Err(PreparationError::OverlappingSegments);
        }
        self.last = Some(user.subject);
        Ok(Some(user))
    }

    fn pop(&mut self) -> Result<Option<User>, PreparationError> {
        let Some(Reverse((_, place))) = self.order.pop() else { return Ok(None) };
        let user = self.heads[place].take();
        self.heads[place] = self.runs[place].next()?;
        if let Some(next) = &self.heads[place] {
            self.order.push(Reverse((next.subject, place)));
        }
        Ok(user)
    }
}

impl Iterator for Merge {
    type Item = Result<User, PreparationError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}
