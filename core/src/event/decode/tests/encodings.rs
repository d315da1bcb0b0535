use super::*;
use crate::event::FaultCode;

const TEXT: &str = "{\"a\":\"Épicerie 😀\"}\r\n\r\n{\"b\":2}\n";

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    let plain = texts(TEXT.as_bytes());
    assert_eq!(plain, [(1, "{\"a\":\"Épicerie 😀\"}".into()), (3, "{\"b\":2}".into())]);
    let marked = format!("\u{feff}{TEXT}");
    for bytes in [marked.as_bytes(), &utf16(TEXT, u16::to_le_bytes), &utf16(TEXT, u16::to_be_bytes)] {
        assert_eq!(texts(bytes), plain);
        assert_eq!(texts(&gzip(bytes)), plain);
        assert_eq!(texts(&zstd(bytes)), plain);
    }
    for nothing in [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff", b"\n", b" \r\n\t "] {
        assert_eq!(texts(nothing), []);
    }
}

#[test]
fn encodings_that_are_not_read_are_rejected_by_name() {
    let without_mark = |join: fn(u16) -> [u8; 2]| utf16(TEXT, join)[2..].to_vec();
    let utf32 = |join: fn(u32) -> [u8; 4]| TEXT.chars().flat_map(|c| join(c as u32)).collect::<Vec<_>>();
    let marked = [&[0xff, 0xfe, 0, 0][..], &utf32(u32::to_le_bytes)].concat();
    for (bytes, name) in [
        (without_mark(u16::to_le_bytes), "UTF-16 without a BOM"),
        (without_mark(u16::to_be_bytes), "UTF-16 without a BOM"),
        (utf32(u32::to_le_bytes), "UTF-32 without a BOM"),
        (utf32(u32::to_be_bytes), "UTF-32 without a BOM"),
        (marked, "UTF-32"),
        (vec![0; 100], "zero bytes"),
    ] {
        for bytes in [gzip(&bytes), bytes] {
            let error = error(&bytes, 0);
            assert_eq!(error.kind, DecodeErrorKind::Encoding);
            assert!(error.problem.contains(name), "{error}");
        }
    }
}

#[test]
fn a_record_that_is_not_utf8_says_which_byte_and_the_others_are_read() {
    let lines = b"{\"a\":1}\n\n{\"a\":\"\xc9picerie\"}\n{\"a\":2}\n{\"a\":\"\x93q\"}\n{\"a\":\"\xe2\x82\"}";
    let (records, error) = decode(&[lines], LIMITS);
    assert_eq!((records.len(), error), (5, None));
    let faults: Vec<_> = records.iter().map(|record| record.json().err()).collect();
    let message = |place: usize| faults[place].as_ref().unwrap().message.as_str();
    assert_eq!((&faults[0], &faults[2]), (&None, &None));
    assert_eq!(faults[1].as_ref().unwrap().code, FaultCode::WrongEncoding);
    assert_eq!(message(1), "byte 0xC9 at line 3 is not UTF-8: Latin-1? Save the text as UTF-8");
    assert!(message(3).starts_with("byte 0x93 at line 5 is not UTF-8: Windows-1252?"), "{}", message(3));
    assert!(message(4).contains("byte 0xE2 at line 6"), "{}", message(4));
    let (spread, _) = decode(&[b"[{\n\"a\":\n\"\xe9\"},{}]"], LIMITS);
    assert!(spread[0].text().unwrap_err().message.starts_with("byte 0xE9 at line 3 "));
}

#[test]
fn half_a_surrogate_pair_is_reported_and_never_replaced() {
    for join in [u16::to_le_bytes, u16::to_be_bytes] {
        for half in [0xd83d, 0xde00] {
            let units = [0xfeff, b'"'.into(), half, b'"'.into(), b'\n'.into(), b'1'.into()];
            let bytes: Vec<u8> = units.into_iter().flat_map(join).collect();
            let (records, error) = decode(&[&bytes], LIMITS);
            assert_eq!((records.len(), error), (2, None));
            let fault = records[0].text().unwrap_err();
            assert!(fault.message.contains("surrogate") && fault.message.contains("line 1"), "{fault:?}");
            assert_eq!(records[1].text(), Ok("1"));
        }
    }
    let cut = &utf16("{\"a\":1}\n{\"a\":2}", u16::to_le_bytes);
    let error = error(&cut[..cut.len() - 1], 1);
    assert!(error.problem.contains("middle of a character"), "{error}");
}

#[test]
fn a_zero_character_in_a_string_is_text() {
    assert_eq!(decode(&[b"{\"a\":\"x\\u0000y\"}"], LIMITS).0[0].json().unwrap().value["a"], "x\0y");
}
