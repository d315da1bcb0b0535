use proptest::prelude::*;

use super::*;

const WORDS: &[&[u8]] =
    &[b"{\"events\":[", b"{\"a\":1}", b"\n", b"{\n", b"\xef\xbb\xbf", b"\xff\xfe", b"[", b"]", b",", "é😀".as_bytes()];

/// Bytes that mean something to some stage.
fn alphabet() -> impl Strategy<Value = Vec<u8>> {
    let signs = prop::sample::select(&b"a\"\\{}[],: \n\r\xef\xbb\xbf\xff\xfe\x00\xe9\x1f\x8b\x28\xb5"[..]);
    let words = prop::sample::select(WORDS);
    prop::collection::vec(prop_oneof![signs.prop_map(|sign| vec![sign]), words.prop_map(<[u8]>::to_vec)], 0..60)
        .prop_map(|parts| parts.concat())
}

fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn where_the_bytes_are_cut_makes_no_difference(
        bytes in alphabet(), cuts in prop::collection::vec(any::<usize>(), 0..8), packing in 0..4, max in 1usize..40,
    ) {
        let bytes = match packing {
            1 => gzip(&bytes),
            2 => zstd(&bytes),
            3 => [gzip(&bytes), gzip(&bytes)].concat(),
            _ => bytes,
        };
        let limits = DecodeLimits { record_bytes: max, ..LIMITS };
        let (whole, error) = decode(&[&bytes], limits);
        let (pieces, other) = decode(&cut(&bytes, &cuts), limits);
        prop_assert_eq!(&pieces, &whole);
        prop_assert_eq!(other.as_ref().map(|error| error.kind), error.as_ref().map(|error| error.kind));
        let each: Vec<&[u8]> = if bytes.is_empty() { vec![b""] } else { bytes.chunks(1).collect() };
        prop_assert_eq!(decode(&each, limits).0, whole);
    }

    #[test]
    fn compressed_or_in_another_encoding_the_records_are_the_same(text in "(\\PC|[\\[\\]{}\",\n\\\\]){0,60}") {
        // A text that begins with zeros or a mark is another encoding.
        prop_assume!(!text.starts_with(['\0', '\u{feff}']) && !text.contains('\0'));
        let (plain, error) = decode(&[text.as_bytes()], LIMITS);
        let plain: Vec<_> = plain.into_iter().map(|record| (record.line, record.text)).collect();
        for bytes in [
            gzip(text.as_bytes()), zstd(text.as_bytes()), gzip(&zstd(text.as_bytes())),
            format!("\u{feff}{text}").into_bytes(),
            utf16(&text, u16::to_le_bytes), utf16(&text, u16::to_be_bytes), zstd(&utf16(&text, u16::to_le_bytes)),
        ] {
            let (records, other) = decode(&[&bytes], LIMITS);
            let records: Vec<_> = records.into_iter().map(|record| (record.line, record.text)).collect();
            prop_assert_eq!(&records, &plain);
            prop_assert_eq!(other.map(|error| error.kind), error.as_ref().map(|error| error.kind));
        }
    }

    #[test]
    fn a_decoder_goes_on_where_another_stopped(bytes in alphabet(), after in 0usize..6, utf in 0..3) {
        let bytes = match (utf, String::from_utf8(bytes.clone())) {
            (1, Ok(text)) => utf16(&text, u16::to_le_bytes),
            (2, Ok(text)) => utf16(&text, u16::to_be_bytes),
            _ => bytes,
        };
        let (whole, error) = decode(&[&bytes], LIMITS);
        prop_assume!(!whole.is_empty());
        let mut decoder = Decoder::new(LIMITS);
        let mut rest = bytes.as_slice();
        let after = after.min(whole.len() - 1) + 1;
        for expected in &whole[..after] {
            let record = decoder.next(&mut rest, true).unwrap();
            prop_assert_eq!(record.as_ref(), Some(expected));
        }
        prop_assume!(!decoder.is_compressed());
        let position = decoder.position().unwrap();
        let position: Position = serde_json::from_str(&serde_json::to_string(&position).unwrap()).unwrap();
        let mut resumed = Decoder::resume(position, LIMITS);
        let mut rest = &bytes[position.offset as usize..];
        for expected in &whole[after..] {
            let record = resumed.next(&mut rest, true).unwrap();
            prop_assert_eq!(record.as_ref(), Some(expected));
        }
        prop_assert_eq!(resumed.next(&mut rest, true).err(), error);
    }
}
