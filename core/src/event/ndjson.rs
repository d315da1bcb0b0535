//! Lines of NDJSON out of bytes that come in pieces, in bounded memory.

/// A line that holds something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: u64,
    /// Without the line's end. Of a line that is too long, its beginning.
    pub text: Vec<u8>,
    pub too_long: bool,
}

/// Cuts bytes into lines at `\n` or `\r\n`; blank lines are only counted.
#[derive(Clone, Debug)]
pub struct Splitter {
    /// Bytes that are kept of a line.
    most: usize,
    text: Vec<u8>,
    too_long: bool,
    number: u64,
}

impl Splitter {
    /// A line of more than `most` bytes is cut there.
    pub fn new(most: usize) -> Self {
        Self { most, text: Vec::new(), too_long: false, number: 1 }
    }

    /// Takes the next bytes, and hands each line that they complete to `take`.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Line)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.append(&rest[..end]);
            rest = &rest[end + 1..];
            self.complete(&mut take);
        }
        self.append(rest);
    }

    /// The last line need not end.
    pub fn finish(mut self, mut take: impl FnMut(Line)) {
        self.complete(&mut take);
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = self.most - self.text.len();
        self.too_long |= bytes.len() > room;
        self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn complete(&mut self, take: &mut impl FnMut(Line)) {
        let mut text = std::mem::take(&mut self.text);
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        if self.number == 1 && text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        if !text.trim_ascii().is_empty() {
            take(Line { number: self.number, text, too_long: self.too_long });
        }
        self.too_long = false;
        self.number += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]], most: usize) -> Vec<(u64, String, bool)> {
        let mut splitter = Splitter::new(most);
        let mut lines = Vec::new();
        let mut take =
            |line: Line| lines.push((line.number, String::from_utf8_lossy(&line.text).into_owned(), line.too_long));
        for piece in pieces {
            splitter.push(piece, &mut take);
        }
        splitter.finish(take);
        lines
    }

    #[test]
    fn lines_end_as_files_write_them_and_keep_their_numbers() {
        let text = "\u{feff}{\"a\":1}\r\n\n  \n{\"b\":2}\nlast".as_bytes();
        let expected = [(1, "{\"a\":1}".into(), false), (4, "{\"b\":2}".into(), false), (5, "last".into(), false)];
        assert_eq!(lines(&[text], 100), expected);
        assert_eq!(lines(&[b""], 100), []);
        assert_eq!(lines(&[b"12345\n123"], 4), [(1, "1234".into(), true), (2, "123".into(), false)]);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(
            bytes in prop::collection::vec(prop::sample::select(&b"a\n\r {\xef\xbb\xbf"[..]), 0..80),
            cuts in prop::collection::vec(0usize..80, 0..6),
            most in 1usize..20,
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
            prop_assert_eq!(lines(&pieces, most), lines(&[&bytes], most));
        }
    }
}
