use super::*;

const LINES: &[u8] = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";

fn three(bytes: &[u8]) {
    assert_eq!(texts(bytes), texts(LINES));
    assert_eq!(texts(bytes).len(), 3);
}

#[test]
fn compression_is_found_by_content_and_may_be_in_parts() {
    three(&gzip(LINES));
    three(&zstd(LINES));
    let (one, two) = LINES.split_at(11);
    three(&[gzip(one), gzip(two)].concat());
    three(&[zstd(one), zstd(two)].concat());
    let skippable = [&[0x57, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..], &zstd(LINES)].concat();
    three(&skippable);
    three(&[&zstd(LINES)[..], &skippable[..11]].concat());
    assert_eq!(texts(&gzip(b"")), []);
    assert_eq!(texts(&zstd(b"")), []);
    assert_eq!(texts(b""), []);
}

#[test]
fn compressed_twice_is_read_and_thrice_is_rejected() {
    three(&gzip(&zstd(LINES)));
    three(&zstd(&gzip(LINES)));
    assert_eq!(error(&gzip(&gzip(&gzip(LINES))), 0).kind, DecodeErrorKind::Compression);
}

#[test]
fn data_that_end_early_are_an_error_that_says_where_and_what_came_before_is_kept() {
    let text: String = (0..5_000).map(|n| format!("{{\"n\":{}}}\n", n * 7919 % 10_007)).collect();
    for (packed, name) in [(gzip(text.as_bytes()), "gzip"), (zstd(text.as_bytes()), "zstd")] {
        // The whole file, less its last bytes or its second half.
        for cut in [packed.len() - 1, packed.len() - 9, packed.len() / 2] {
            let (records, error) = decode(&[&packed[..cut]], LIMITS);
            let error = error.unwrap();
            assert_eq!(error.kind, DecodeErrorKind::Compression);
            assert_eq!(error.location.read, cut as u64);
            assert_eq!(error.location.line, records.len() as u64 + 1);
            let shown = error.to_string();
            assert!(shown.contains(name) && shown.contains(&format!("byte {cut} of the compressed")), "{shown}");
            for (record, line) in records.iter().zip(text.lines()) {
                assert_eq!(record.text().unwrap(), line);
            }
        }
        let damaged = [&packed[..packed.len() / 2], &[0xff; 40], &packed[packed.len() / 2 + 40..]].concat();
        assert_eq!(decode(&[&damaged], LIMITS).1.unwrap().kind, DecodeErrorKind::Compression);
        let followed = [&packed[..], b"and more"].concat();
        let (records, error) = decode(&[&followed], LIMITS);
        assert_eq!((records.len(), error.unwrap().kind), (5_000, DecodeErrorKind::Compression));
    }
}

#[test]
fn zstd_that_needs_more_memory_than_a_decoder_may_take_is_rejected() {
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(LINES).unwrap();
    let error = error(&encoder.finish().unwrap(), 0);
    assert!(error.problem.contains("8 MB"), "{error}");
}

#[test]
fn what_decompresses_to_more_than_is_allowed_is_an_error() {
    let limits = DecodeLimits { decompressed_bytes: 100_000, ..LIMITS };
    for packed in [gzip(&vec![b' '; 10_000_000]), zstd(&vec![b' '; 10_000_000])] {
        let (records, error) = decode(&[&packed], limits);
        assert_eq!((records.len(), error.unwrap().kind), (0, DecodeErrorKind::TooLarge));
    }
}

#[test]
fn other_formats_are_rejected_by_name() {
    for (head, name) in [
        (&b"PK\x03\x04rest of it"[..], "ZIP"),
        (b"PAR1 and so on", "Parquet"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\0\0\x04", "xz"),
        (b"Obj\x01....", "Avro"),
    ] {
        let error = error(head, 0);
        assert_eq!(error.kind, DecodeErrorKind::Format);
        assert!(error.problem.contains(name), "{error}");
        assert_eq!(decode(&[&gzip(head)], LIMITS).1.unwrap().kind, DecodeErrorKind::Format);
    }
}
