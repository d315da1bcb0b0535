use super::*;
use crate::event::FaultCode;

/// As lines, one text per record.
fn only_texts(bytes: &[u8]) -> Vec<String> {
    texts(bytes).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn lines_end_as_files_write_them_and_keep_their_numbers() {
    let lines = "{\"a\":1}\r\n\n  \n  {\"b\":2} \nlast";
    assert_eq!(texts(lines.as_bytes()), [(1, "{\"a\":1}".into()), (4, "{\"b\":2}".into()), (5, "last".into())]);
    let short = DecodeLimits { record_bytes: 4, ..LIMITS };
    let (records, _) = decode(&[b"12345\n     123"], short);
    assert_eq!((records[0].text.as_slice(), records[0].too_long), (&b"1234"[..], true));
    assert_eq!(records[0].text().unwrap_err().code, FaultCode::TooLarge);
    assert_eq!((records[1].text.as_slice(), records[1].offset), (&b"123"[..], 11));
}

#[test]
fn an_array_gives_its_elements() {
    let array = b" [ {\"a\":[1,\"],\\\"\"]},\n\n{\"b\":{}} , 3,\"x\"\n] \n";
    let expected = [(1, "{\"a\":[1,\"],\\\"\"]}"), (3, "{\"b\":{}}"), (3, "3"), (3, "\"x\"")];
    assert_eq!(texts(array), expected.map(|(line, text)| (line, text.to_owned())));
    for empty in [&b"[]"[..], b"[ \n ]", b" []\n\n", b"{\"events\":[]}"] {
        assert_eq!(texts(empty), []);
    }
}

#[test]
fn a_batch_gives_the_events_in_it() {
    for batch in ["{\"events\":[{\"a\":1},{\"a\":2}]}", "{ \"events\" :\n[\n{\"a\":1},\n{\"a\":2}\n]\n}\n"] {
        assert_eq!(only_texts(batch.as_bytes()), ["{\"a\":1}", "{\"a\":2}"]);
    }
    for other in ["{\"events\":3}", "{\"events\" 3}", "{\"eventses\":[1]}"] {
        assert_eq!(only_texts(other.as_bytes()), [other]);
    }
}

#[test]
fn objects_may_be_spread_over_lines() {
    let spread = "{\n  \"a\": {\n    \"b\": [\n      {}\n    ]\n  }\n}\n{\n  \"c\": \"}\"\n}\n";
    let read = texts(spread.as_bytes());
    assert_eq!(read.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 8]);
    assert_eq!(read.iter().map(|(_, text)| text.as_str()).collect::<String>() + "\n", spread.replace("}\n{", "}{"));
    assert_eq!(only_texts(b"{\"a\":1,\n\"b\":2}"), ["{\"a\":1,\n\"b\":2}"]);
    assert_eq!(only_texts(b"{\n\n}\nnonsense\n{}"), ["{\n\n}", "nonsense", "{}"]);
}

#[test]
fn a_line_that_breaks_off_leaves_the_others_alone() {
    for broken in ["{\"a\":1,", "{\"a\":\"x", "{", "{\"a\":[", "{\"a\":1}}", "nonsense"] {
        let lines = format!("{broken}\n{{\"b\":1}}\n{{\"c\":1}}\n");
        assert_eq!(only_texts(lines.as_bytes()), [broken, "{\"b\":1}", "{\"c\":1}"]);
    }
}

#[test]
fn an_array_that_is_not_written_as_one_says_where() {
    for (array, records, line, offset) in [
        ("[{},\n{}", 1, 2, 7),
        ("[{},\n{},\n]", 2, 3, 9),
        ("[{},,{}]", 1, 1, 4),
        ("[,{}]", 0, 1, 1),
        ("[{}]\n{}", 1, 2, 5),
        ("[{}][{}]", 1, 1, 4),
        ("[", 0, 1, 1),
        ("{\"events\":[{}]", 1, 1, 14),
        ("{\"events\":[{}],\"more\":1}", 1, 1, 14),
        ("{\"events\":[{}]}}", 1, 1, 15),
    ] {
        let error = error(array.as_bytes(), records);
        assert_eq!(error.kind, DecodeErrorKind::Structure, "{array}");
        assert_eq!((error.location.line, error.location.read), (line, offset), "{array}: {error}");
    }
}

#[test]
fn an_element_that_is_no_json_leaves_the_others_alone() {
    let elements = only_texts(b"[{\"a\":1],{\"b\":2},tru,{}]");
    assert_eq!(elements, ["{\"a\":1]", "{\"b\":2}", "tru", "{}"]);
    assert_eq!(only_texts(b"[{\"a\":]},{}]"), ["{\"a\":]}", "{}"]);
    let (records, error) = decode(&[format!("[{{}},\"{}\",{{}}]", "x".repeat(2_000)).as_bytes()], LIMITS);
    assert_eq!((records.len(), error), (3, None));
    assert_eq!(records[1].text().unwrap_err().code, FaultCode::TooLarge);
}

#[test]
fn the_form_is_not_guessed_for_ever() {
    let long = format!("{{\"a\":\"{}\"\n,\"b\":1}}", "x".repeat(20_000));
    assert_eq!(decode(&[long.as_bytes()], DecodeLimits { record_bytes: 50_000, ..LIMITS }).0.len(), 2);
}

#[test]
fn json_that_breaks_says_where_in_the_input() {
    let (records, _) = decode(&[b"\n{\"a\" 1}\n{\"a\":"], LIMITS);
    let messages: Vec<_> = records.iter().map(|record| record.json().unwrap_err().message).collect();
    assert_eq!(messages[0], "line 2, column 6: this is not JSON: unexpected text");
    assert_eq!(messages[1], "line 3, column 5: this is not JSON: it ends too early");
    let (records, _) = decode(&[b"[\n{\n\"a\" 1}]"], LIMITS);
    assert!(records[0].json().unwrap_err().message.starts_with("line 3, column "));
}
