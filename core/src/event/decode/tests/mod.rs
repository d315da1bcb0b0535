mod containers;
mod encodings;
mod forms;
mod keys;
mod laws;
mod verdicts;

use std::io::Write;

use super::*;

pub const LIMITS: DecodeLimits = DecodeLimits { record_bytes: 1_000, decompressed_bytes: 1 << 30 };

/// The records of an input that comes in pieces, and the error that ends them.
pub fn decode(pieces: &[&[u8]], limits: DecodeLimits) -> (Vec<Record>, Option<DecodeError>) {
    let mut decoder = Decoder::new(limits);
    let mut records = Vec::new();
    for (place, piece) in pieces.iter().enumerate() {
        let (mut rest, last) = (*piece, place + 1 == pieces.len());
        loop {
            match decoder.next(&mut rest, last) {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(error) => return (records, Some(error)),
            }
        }
        assert!(rest.is_empty(), "all bytes are used up");
    }
    (records, None)
}

/// Line and text of each record.
pub fn texts(bytes: &[u8]) -> Vec<(u64, String)> {
    let (records, error) = decode(&[bytes], LIMITS);
    assert_eq!(error, None);
    records.iter().map(|record| (record.line, record.text().unwrap().to_owned())).collect()
}

/// The error of an input, after so many records.
pub fn error(bytes: &[u8], records: usize) -> DecodeError {
    let (read, error) = decode(&[bytes], LIMITS);
    assert_eq!(read.len(), records, "{read:?} {error:?}");
    error.expect("it cannot be read to its end")
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 3).unwrap()
}

pub fn utf16(text: &str, join: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(join).collect()
}
