use std::fmt;

/// Where a decoder is in its input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The line in which the next record begins, from 1: everything before it was read.
    pub line: u64,
    /// Bytes of the input that were read, still compressed.
    pub read: u64,
    /// Bytes that they became.
    pub decompressed: u64,
    pub is_compressed: bool,
}

/// An input that cannot be read, or not further. Records before its location are good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} ({location})")]
pub struct DecodeError {
    pub kind: DecodeErrorKind,
    /// What was found, and what to do.
    pub problem: String,
    pub location: Location,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// Compressed data that are damaged, end early, or need too much memory.
    Compression,
    /// Text in an encoding that is not read.
    Encoding,
    /// A file of another format, e.g. ZIP or Parquet.
    Format,
    /// A JSON array that is not written as one.
    Structure,
    /// More decompressed bytes than are allowed.
    TooLarge,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_compressed {
            write!(f, "byte {} of the compressed data, byte {} of the text, ", self.read, self.decompressed)?;
        } else {
            write!(f, "byte {}, ", self.read)?;
        }
        write!(f, "line {}", self.line)
    }
}

/// A problem whose location the decoder adds.
#[derive(Debug)]
pub(super) struct Problem(pub DecodeErrorKind, pub String);

impl Problem {
    pub(super) fn new<T>(kind: DecodeErrorKind, text: impl Into<String>) -> Result<T, Self> {
        Err(Self(kind, text.into()))
    }
}
