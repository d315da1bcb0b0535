//! Bodies that are no JSON go to quarantine too. There are no keys to go by, so
//! whatever follows what looks like a sensitive key is dropped.

use super::{Redactions, Rules, key, text};

const DROPPED: &str = "[dropped]";

/// Redacts text that cannot be parsed: values after `"key":` or `key=` of a
/// sensitive key, and whatever is masked in strings.
pub fn redact_text(body: &str, rules: &Rules) -> (String, Redactions) {
    let mut done = Redactions::default();
    let mut out = if rules.keys { without_secrets(body, &mut done) } else { body.to_owned() };
    if let Some((masked, count)) = text::mask(&out, rules, false) {
        done.masked += count;
        out = masked;
    }
    (out, done)
}

fn without_secrets(body: &str, done: &mut Redactions) -> String {
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(sign) = rest.find([':', '=']) {
        let (before, after) = rest.split_at(sign + 1);
        let name = before[..sign].trim_end().trim_end_matches(['"', '\'', '\\']);
        let begin = name
            .rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)))
            .map_or(0, |at| at + name[at..].chars().next().map_or(1, char::len_utf8));
        out.push_str(before);
        rest = after;
        if key::is_sensitive("", &name[begin..]) {
            let length = value_length(after);
            if &after[..length] != DROPPED {
                out.push_str(DROPPED);
                rest = &after[length..];
                done.dropped += 1;
            }
        }
    }
    out.push_str(rest);
    out
}

/// How far a value reaches: a string to its quote, a list or an object to its
/// bracket, anything else to a separator.
fn value_length(text: &str) -> usize {
    if text.starts_with(DROPPED) {
        return DROPPED.len();
    }
    let start = text.len() - text.trim_start_matches([' ', '\t', '\\']).len();
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < start) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                quoted = !quoted;
                if !quoted && depth == 0 {
                    return at + 1;
                }
            }
            _ if quoted => {}
            '[' | '{' => depth += 1,
            ']' | '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ',' | ']' | '}' | '&' | ';' | '\n' if depth == 0 => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_what_is_no_json_are_dropped() {
        for (body, kept) in [
            (r#"{"password": "hunter2", "a": 1"#, r#"{"password":[dropped], "a": 1"#),
            (r#"{"authToken":"x\"y","b":2"#, r#"{"authToken":[dropped],"b":2"#),
            ("pin=1234&page=2", "pin=[dropped]&page=2"),
            (r#"{"cards":{"card_number":["4",{"x":"y"}],"b":1"#, r#"{"cards":{"card_number":[dropped],"b":1"#),
            (r#"{"secret": unfinished"#, r#"{"secret":[dropped]"#),
            ("mail joe@example.com", "mail [email]"),
            ("author=Jane", "author=Jane"),
        ] {
            let (redacted, _) = redact_text(body, &Rules::default());
            assert_eq!(redacted, kept);
            assert_eq!(redact_text(&redacted, &Rules::default()), (redacted.clone(), Redactions::default()));
        }
    }
}
