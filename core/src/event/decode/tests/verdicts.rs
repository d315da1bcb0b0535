//! The verdicts of JSONTestSuite (Nicolas Seriot, MIT), case by case in words of our
//! own, and for each decoder: the fast path, the slow path, a line, an element of an
//! array. Where the suite leaves the verdict open, ours is: numbers of any size are
//! kept as they are spelled, text that is not UTF-8 and halves of surrogate pairs are
//! rejected, and so are more than 127 levels.

use super::*;
use crate::event::scan::Scan;

/// A rule, and texts that it accepts or rejects.
type Rule<'a> = (&'a str, &'a [&'a [u8]]);

const ACCEPTED: &[Rule<'_>] = &[
    ("a literal alone is JSON", &[b"false", b"true", b"null", b"42", b"-0.1", b"\"asd\"", b"\"\"", b"\" \""]),
    (
        "an array has any values, with blanks anywhere between them",
        &[
            b"[]", b" [] ", b"[[]   ]", b"[\"\"]", b"[\"a\"]", b"[false]", b"[true]", b"[null]", b"[null, 1, \"1\", {}]",
            b"[1\n]", b" [1]", b"[1,null,null,null,2]", b"[2] ", b"[ 4]", b"[ \"asd\"]", b"[\"asd\"]", b"[\"a\"]\n",
        ],
    ),
    (
        "a number has a sign, a fraction, an exponent, or none of them",
        &[
            b"[123]", b"[-123]", b"[-1]", b"[-0]", b"[0e1]", b"[0e+1]", b"[20e1]", b"[123e65]", b"[123e45]", b"[1E22]",
            b"[1E-2]", b"[1E+2]", b"[1e-2]", b"[1e+2]", b"[123.456789]", b"[123.456e78]",
            b"[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]",
        ],
    ),
    (
        "numbers beyond binary floating point are numbers (open in the suite)",
        &[
            b"[123.456e-789]", b"[-1e+9999]", b"[1.5e+9999]", b"[-123123e100000]", b"[123123e100000]",
            b"[123e-10000000]", b"[-123123123123123123123123123123]", b"[100000000000000000000]",
            b"[-237462374673276894279832749832423479823246327846]",
            b"[0.4e006699999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999]",
        ],
    ),
    (
        "an object has keys, the same one twice too",
        &[
            b"{}", b"{\"asd\":\"sdf\"}", b"{\"asd\":\"sdf\", \"dfg\":\"fgh\"}", b"{\"a\":\"b\",\"a\":\"c\"}",
            b"{\"a\":\"b\",\"a\":\"b\"}", b"{\"\":0}", b"{\"foo\\u0000bar\": 42}", b"{\"a\":[]}",
            b"{ \"min\": -1.0e+28, \"max\": 1.0e+28 }", b"{\n\"a\": \"b\"\n}",
            b"{\"x\":[{\"id\": \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}], \"id\": \"xxxxxxxxxxxxxxxxxxxxxxx\"}",
            b"{\"title\":\"\\u041f\\u043e\\u043b\\u0442\\u043e\\u0440\\u0430\"}",
        ],
    ),
    (
        "a string has the escapes of JSON",
        &[
            br#"["\"\\\/\b\f\n\r\t"]"#, br#"["\""]"#, br#"["\\a"]"#, br#"["\\n"]"#, br#"["\\u0000"]"#, br#"["\u0000"]"#,
            br#"["\u0012"]"#, br#"["\u002c"]"#, br#"["\u0022"]"#, br#"["\u005C"]"#, br#"["\u0060\u012a\u12AB"]"#,
            br#"["\u0061\u30af\u30EA\u30b9"]"#, br#"["\u0123"]"#, br#"["\u0821"]"#, br#"["\uA66D"]"#,
            br#"["new\u000Aline"]"#, br#"["new\u00A0line"]"#, br#"["\u200B"]"#, br#"["\u2064"]"#,
        ],
    ),
    (
        "an escaped surrogate pair is a character, and a noncharacter is one",
        &[
            br#"["\uD801\udc37"]"#, br#"["\ud83d\ude39\ud83d\udc8d"]"#, br#"["\uD834\uDd1e"]"#, br#"["\uDBFF\uDFFF"]"#,
            br#"["\uDBFF\uDFFE"]"#, br#"["\uD83F\uDFFE"]"#, br#"["\uFFFF"]"#, br#"["\uFFFE"]"#, br#"["\uFDD0"]"#,
        ],
    ),
    (
        "a string has any character that is not a control character",
        &[
            b"[\"a/*b*/c/*d//e\"]", b"[\"asd \"]", b"[\"\x7f\"]", b"[\"a\x7fa\"]", "[\"π\"]".as_bytes(),
            "[\"⍂㈴⍂\"]".as_bytes(), "[\"€𝄞\"]".as_bytes(), "[\"\u{2028}\"]".as_bytes(), "[\"\u{2029}\"]".as_bytes(),
            "[\"\u{10ffff}\"]".as_bytes(), "[\"\u{ffff}\"]".as_bytes(), "[\"\u{1bfff}\"]".as_bytes(),
        ],
    ),
];

const REJECTED: &[Rule<'_>] = &[
    ("nothing is no JSON", &[b"", b" "]),
    (
        "the values of an array are separated by one comma each",
        &[
            b"[1 true]",
            b"[\"\": 1]",
            b"[,1]",
            b"[1,,2]",
            b"[\"x\",,]",
            b"[\"\",]",
            b"[3[4]]",
            b"[1:2]",
            b"[,]",
            b"[   , \"\"]",
            b"[1,]",
            b"[1,,]",
            b"[*]",
            b"[x",
            b"[\"\x0ba\"\\f]",
            "[a\u{e5}]".as_bytes(),
        ],
    ),
    (
        "an array is closed once",
        &[
            b"[\"x\"",
            b"[\"\"",
            b"[1",
            b"[1,",
            b"[{}",
            b"[",
            b"[,",
            b"[{",
            b"[\"a",
            b"[\"a\"",
            b"['",
            b"[\"asd]",
            b"[\"a\",\n4\n,1,",
            b"[1,\n1\n,1",
            b"[ false, nul",
            b"[ true, fals",
            b"[ false, tru",
            b"[\"x\"]]",
            b"[1]]",
            b"1]",
            b"]",
            b"[][]",
            b"[\"\"],",
            b"[\"\\{[\"\\{[\"\\{[\"\\{",
        ],
    ),
    (
        "a literal is spelled as it is",
        &[
            b"[fals]",
            b"[nul]",
            b"[tru]",
            b"[True]",
            b"[\"x\", truth]",
            b"[NaN]",
            b"[Inf]",
            b"[Infinity]",
            b"[-NaN]",
            b"[+Inf]",
            b"[-Infinity]",
            b"[<null>]",
            b"abc",
            b"<.>",
            b"*",
            "a\u{e5}".as_bytes(),
            "\u{e5}".as_bytes(),
        ],
    ),
    (
        "a number has digits before and after its point, no zero in front, no plus",
        &[
            b"[++1234]",
            b"[+1]",
            b"[-01]",
            b"[-1.0.]",
            b"[-2.]",
            b"[.-1]",
            b"[.2e-3]",
            b"[0.1.2]",
            b"[1.]",
            b"[.123]",
            b"[-.123]",
            b"[012]",
            b"[-012]",
            b"[-]",
            b"[- 1]",
            b"[2.e+3]",
            b"[2.e-3]",
            b"[2.e3]",
            b"[0.e1]",
            b"[1+2]",
            b"[1 000.0]",
            "[\u{ff11}]".as_bytes(),
        ],
    ),
    (
        "an exponent has digits",
        &[
            b"[0.3e+]", b"[0.3e]", b"[0E+]", b"[0E]", b"[0e+]", b"[0e]", b"[1.0e+]", b"[1.0e-]", b"[1.0e]", b"[1eE2]",
            b"[9.e+]", b"[0e+-1]", b"[1ea]",
        ],
    ),
    (
        "nothing stands behind a number",
        &[
            b"[0x1]",
            b"[0x42]",
            b"[-123.123foo]",
            b"[-foo]",
            b"[-1x]",
            b"[1.2a-3]",
            b"[1.8011670033376514H-308]",
            b"123\x00",
            b"2@",
        ],
    ),
    (
        "a key is a string, followed by a colon and a value",
        &[
            b"{[: \"x\"}\n",
            b"{\"x\", null}",
            b"{\"x\"::\"b\"}",
            "{🇨🇭}".as_bytes(),
            b"{key: 'value'}",
            b"{\"a\" b}",
            b"{:\"b\"}",
            b"{\"a\" \"b\"}",
            b"{\"a\":",
            b"{\"a\"",
            b"{1:1}",
            b"{9999E9999:1}",
            b"{null:null,null:null}",
            b"{'a':0}",
            b"{a: \"b\"}",
            b"{ \"foo\" : \"bar\", \"a\" }",
            b"{'a'",
        ],
    ),
    (
        "the members of an object are separated by one comma each, and it is closed once",
        &[
            b"{\"a\":\"a\" 123}",
            b"{\"id\":0,,,,,}",
            b"{\"id\":0,}",
            b"{\"a\":\"b\",,\"c\":\"d\"}",
            b"{\"a\":\"a",
            b"{\"x\": true,",
            b"{}}",
            b"{\"\":",
            b"{",
            b"{]",
            b"{,",
            b"{[",
            b"{\"a",
            b"{\"asd\":\"asd\"",
        ],
    ),
    (
        "nothing stands behind a value, and there are no comments",
        &[
            b"{\"a\":\"b\"}/**/",
            b"{\"a\":\"b\"}/**//",
            b"{\"a\":\"b\"}//",
            b"{\"a\":\"b\"}/",
            b"{\"a\":\"b\"}#",
            b"{\"a\":\"b\"}#{}",
            b"{\"a\": true} \"x\"",
            b"{\"a\":/*comment*/\"b\"}",
            b"[1]x",
            b"\"\"x",
        ],
    ),
    (
        "a string has double quotes",
        &[b"['single quote']", b"\"", "[é]".as_bytes(), b"[\\n]", b"[\\u0020\"asd\"]", b"[\\u000A\"\"]", b"[\"\\"],
    ),
    (
        "an escape is one of JSON, and whole",
        &[
            br#"["\x00"]"#,
            br#"["\\\"]"#,
            b"[\"\\\t\"]",
            "[\"\\🌀\"]".as_bytes(),
            br#"["\"]"#,
            br#"["\u00A"]"#,
            br#"["\a"]"#,
            br#"["\uqqqq"]"#,
            br#""\UA66D""#,
            b"[\"\\\x00\"]",
        ],
    ),
    (
        "an escaped surrogate has its other half (partly open in the suite)",
        &[
            br#"["\uD800\"]"#,
            br#"["\uD800\u"]"#,
            br#"["\uD800\u1"]"#,
            br#"["\uD800\u1x"]"#,
            br#"["\uD834\uDd"]"#,
            br#"["\uD800\uD800\x"]"#,
            br#"{"\uDFAA":0}"#,
            br#"["\uDADA"]"#,
            br#"["\uD888\u1234"]"#,
            br#"["\uD800\n"]"#,
            br#"["\uDd1ea"]"#,
            br#"["\uD800\uD800\n"]"#,
            br#"["\ud800"]"#,
            br#"["\ud800abc"]"#,
            br#"["\uDd1e\uD834"]"#,
            br#"["\uDFAA"]"#,
        ],
    ),
    ("a control character is escaped", &[b"[\"a\x00a\"]", b"[\"new\nline\"]", b"[\"\t\"]", b"[\x00]", b"[\x0c]"]),
    ("a blank is one of four", &["[\u{2060}]".as_bytes(), "\u{a0}[]".as_bytes(), b"[]\x0c"]),
    (
        "text is UTF-8 (partly open in the suite)",
        &[
            b"[\xff]",
            b"[a\xe5]",
            b"[123\xe5]",
            b"[1e1\xe5]",
            b"[0\xe5]\n",
            b"[1e\xe5]",
            b"{\"\xb9\":\"0\",}",
            b"[\"\\u\xe5\"]",
            b"[\"\\\xe5\"]",
            b"\xe5",
            b"\xe9",
            b"\xef\xbb{}",
            b"[\"\xe6\x97\xa5\xd1\x88\xfa\"]",
            b"[\"\xed\xa0\x80\"]",
            b"[\"\xff\"]",
            b"[\"\xe9\"]",
            b"[\"\x81\"]",
            b"[\"\xf4\xbf\xbf\xbf\"]",
            b"[\"\xc0\xaf\"]",
            b"[\"\xfc\x83\xbf\xbf\xbf\xbf\"]",
            b"[\"\xfc\x80\x80\x80\x80\x80\"]",
            b"[\"\xe0\xff\"]",
        ],
    ),
];

fn fast(text: &[u8]) -> bool {
    let read = |text| {
        let mut scan = Scan::new(text);
        scan.cell()?;
        scan.is_at_end().then_some(())
    };
    // Objects with a key twice go the slow way, which warns of it.
    let has_duplicates = || parse(text).is_ok_and(|json| !json.duplicate_keys.is_empty());
    std::str::from_utf8(text).is_ok_and(|text| read(text).is_some()) || has_duplicates()
}

fn slow(text: &[u8]) -> bool {
    parse(text).is_ok()
}

/// Among other lines, which it must leave alone.
fn line(text: &[u8]) -> bool {
    // In a member, so that it does not decide the form; a blank for each line's end.
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    let (records, error) = decode(&[&[b"{\"first\":1}\n{\"v\":", &text[..], b"}\n{\"last\":1}"].concat()], LIMITS);
    assert_eq!((records.len(), error), (3, None));
    assert!(records[0].json().is_ok() && records[2].json().is_ok());
    records[1].json().is_ok()
}

fn element(text: &[u8]) -> bool {
    let (records, error) = decode(&[&[b"[{\"first\":1},", text, b",{\"last\":1}]"].concat()], LIMITS);
    error.is_none() && records.len() == 3 && records.iter().all(|record| record.json().is_ok())
}

fn verdicts(text: &[u8]) -> [(&'static str, bool); 4] {
    [("fast path", fast(text)), ("slow path", slow(text)), ("line", line(text)), ("element", element(text))]
}

#[test]
fn every_decoder_accepts_and_rejects_what_json_says() {
    let mut cases = 0;
    for (rules, expected) in [(ACCEPTED, true), (REJECTED, false)] {
        for (rule, texts) in rules {
            for text in *texts {
                cases += 1;
                for (decoder, accepted) in verdicts(text) {
                    // A line's end within a string is a line's end there.
                    if decoder == "line" && text.contains(&b'\n') && !expected {
                        continue;
                    }
                    assert_eq!(accepted, expected, "{decoder}: {rule}: {:?}", text.escape_ascii().to_string());
                }
            }
        }
    }
    assert!(cases >= 300, "{cases} cases");
}

#[test]
fn every_decoder_rejects_what_is_nested_too_deep_in_linear_time() {
    for text in [
        [b"[".repeat(500), b"]".repeat(500)].concat(),
        b"[".repeat(100_000),
        b"[{\"\":".repeat(50_000),
        b"{\"a\":".repeat(50_000),
    ] {
        assert_eq!(verdicts(&text).map(|(_, accepted)| accepted), [false; 4]);
    }
    let deep = [b"[".repeat(100), b"]".repeat(100)].concat();
    assert_eq!(verdicts(&deep).map(|(_, accepted)| accepted), [true; 4]);
}

#[test]
fn whole_inputs_of_the_suite_are_read_as_their_content_says() {
    let count = |bytes: &[u8]| decode(&[bytes], LIMITS);
    // A mark alone holds no event; behind it may stand one.
    assert_eq!(count(b"\xef\xbb\xbf").0.len(), 0);
    assert!(count(b"\xef\xbb\xbf{}").0[0].json().is_ok());
    assert!(count(b"\xff\xfe[\0\"\0\xe9\0\"\0]\0").0[0].json().is_ok_and(|json| json.value == "é"));
    assert!(count(b"[\0\"\0\xe9\0\"\0]\0").1.is_some());
    assert!(count(b"\0[\0\"\0\xe9\0\"\0]").1.is_some());
    // As an input of its own, an array that is broken is an error, or its elements are.
    for (rule, texts) in REJECTED {
        for text in texts.iter().filter(|text| text.first() == Some(&b'[')) {
            let (records, error) = count(text);
            let broken = error.is_some() || records.iter().any(|record| record.json().is_err());
            assert!(broken, "{rule}: {:?}", text.escape_ascii().to_string());
        }
    }
}
