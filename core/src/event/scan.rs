//! JSON read in place, for the many values that are plain: a text without escapes,
//! a number, a literal. What is escaped or nested is left to `serde_json`, which
//! builds it. Whatever is no JSON is `None`, without a reason: who wants to know
//! reads it again by the library.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cell::Cell;
use super::decode::has_duplicate_keys;

/// A place in JSON, and what can be read from there on.
#[derive(Debug)]
pub struct Scan<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub fn new(json: &'a str) -> Self {
        Self { json, at: 0 }
    }

    /// Reads an object; `entry` is to read the value of each of its keys.
    pub fn object(&mut self, mut entry: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>) -> Option<()> {
        self.sign(b'{')?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.text()?;
            self.sign(b':')?;
            entry(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Reads any value.
    pub fn cell(&mut self) -> Option<Cell<'a>> {
        Some(match self.peek()? {
            b'"' => Cell::Text(self.text()?),
            b'{' | b'[' => self.nested()?,
            b'n' => self.literal("null", Cell::Null)?,
            b't' => self.literal("true", Cell::Bool(true))?,
            b'f' => self.literal("false", Cell::Bool(false))?,
            _ => Cell::Number(Cow::Borrowed(self.number()?)),
        })
    }

    /// Reads a text: copied only where it is escaped.
    pub fn text(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at_sign(b'"')?;
        let end = start + plain(&self.json.as_bytes()[start..])?;
        if self.json.as_bytes()[end] == b'"' {
            self.at = end + 1;
            return self.json.get(start..end).map(Cow::Borrowed);
        }
        self.at = start - 1;
        self.built::<String>().map(Cow::Owned)
    }

    /// Whether nothing is left to read.
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Reads a number, as it is spelled.
    fn number(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        self.json.get(start..self.at)
    }

    /// At least one.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn literal(&mut self, word: &str, cell: Cell<'a>) -> Option<Cell<'a>> {
        self.json.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            cell
        })
    }

    /// Reads an array or an object, whose keys come once.
    fn nested(&mut self) -> Option<Cell<'a>> {
        let begin = self.at;
        let value = self.built::<Value>()?;
        let text = &self.json.as_bytes()[begin..self.at];
        (!has_duplicate_keys(text, &value)).then_some(Cell::Nested(Cow::Owned(value)))
    }

    /// Reads what the library has to build.
    fn built<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.json.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// Reads a sign, after blanks.
    fn sign(&mut self, sign: u8) -> Option<()> {
        self.at = self.at_sign(sign)?;
        Some(())
    }

    /// The place after a sign.
    fn at_sign(&mut self, sign: u8) -> Option<usize> {
        (self.peek()? == sign).then_some(self.at + 1)
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.json.as_bytes().get(self.at).copied()
    }
}

/// How many bytes of a text stand for themselves: up to its closing quote, an
/// escape, or a control character, which must not stand there. `None`: all of them.
fn plain(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
    // The highest bit of each byte that is less than `bound`, which is at most 0x80. One
    // that follows such a byte may be marked in error: the first mark is right.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGHS;
    let (words, rest) = text.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let is = |sign: u8| below(word ^ (ONES * u64::from(sign)), 1);
        let ends = below(word, 0x20) | is(b'"') | is(b'\\');
        if ends != 0 {
            return Some(place * 8 + ends.trailing_zeros() as usize / 8);
        }
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))?;
    Some(words.len() * 8 + end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As it is read in place, to the end.
    fn scanned(json: &str) -> Option<Cell<'_>> {
        let mut scan = Scan::new(json);
        let cell = scan.cell()?;
        scan.is_at_end().then_some(cell)
    }

    #[track_caller]
    fn reads_as_parsed(json: &str) {
        match (scanned(json), serde_json::from_str::<Value>(json).ok()) {
            // The library spells some exponents in its own way.
            (Some(Cell::Number(number)), Some(Value::Number(_))) => assert_eq!(number, json.trim()),
            (scanned, parsed) => assert_eq!(scanned, parsed.as_ref().map(Cell::from), "{json:?}"),
        }
    }

    #[test]
    fn what_is_read_in_place_is_what_is_parsed() {
        for json in [
            "null",
            " true ",
            "false",
            "nul",
            "truex",
            "-12.50",
            "7",
            "0",
            "-0",
            "00",
            "01",
            "-",
            "1.",
            ".5",
            "1e5",
            "1E+05",
            "1e",
            "2e-",
            "+1",
            r#""""#,
            r#""a b""#,
            r#""\"é\n""#,
            r#""\ud800""#,
            r#""é😀 long enough""#,
            "\"a\tb\"",
            "\"1234567\n\"",
            r#""12345678"#,
            r#""1234567""#,
            r#""12345678""#,
            "[1,{}]",
            r#"{"a":[]}"#,
            "[1,",
            "",
            " ",
            "1 2",
            "\"a\"\"b\"",
        ] {
            reads_as_parsed(json);
        }
    }

    #[test]
    fn an_object_is_read_entry_by_entry() {
        let entries = |json: &'static str| {
            let (mut scan, mut entries) = (Scan::new(json), Vec::new());
            scan.object(|scan, key| {
                entries.push((key, scan.cell()?));
                Some(())
            })?;
            scan.is_at_end().then_some(entries)
        };
        assert_eq!(entries(" { } "), Some(Vec::new()));
        let read = entries("{ \"a\" : 1.50 ,\"\\u0062\":[{}]\t, \"c\":null}\n").unwrap();
        assert_eq!(read.iter().map(|(key, _)| key.as_ref()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(read[0].1, Cell::Number("1.50".into()));
        for broken in ["", "{", "{,}", r#"{"a"}"#, r#"{"a":1,}"#, r#"{"a":1"b":2}"#, r#"{"a":1}}"#, "{a:1}", "[]"] {
            assert_eq!(entries(broken), None, "{broken:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_it_is_parsed(text in any::<String>(), tail in "[\"\\\\ a]{0,3}") {
            reads_as_parsed(&Value::from(text.clone()).to_string());
            reads_as_parsed(&format!("\"{text}\"{tail}"));
            reads_as_parsed(&text);
        }

        #[test]
        fn any_spelling_of_a_number_is_read_as_it_is_parsed(text in "-?[0-9.eE+-]{0,12}") {
            reads_as_parsed(&text);
        }
    }
}
