//! Secrets that are known by their form: tokens of well-known providers, JSON web
//! tokens, private keys, and what follows `Bearer` or `Basic`. From the providers'
//! documentation and the rules of the scanner gitleaks.

use std::ops::Range;

use memchr::memmem;

use super::work;

/// How a token begins, and how many characters follow at least.
const PREFIXES: &[(&str, usize)] = &[
    ("A3-", 20),
    ("AGE-SECRET-KEY-1", 20),
    ("AIza", 30),
    ("AKIA", 12),
    ("ASIA", 12),
    ("ABIA", 12),
    ("ACCA", 12),
    ("ATATT3", 20),
    ("ATBB", 28),
    ("ATCTT3", 20),
    ("BBDC-", 20),
    ("CFPAT-", 30),
    ("EAAA", 40),
    ("EAAC", 40),
    ("EZAK", 40),
    ("EZTK", 40),
    ("FLWPUBK", 20),
    ("FLWSECK", 20),
    ("FlyV1", 20),
    ("GOCSPX-", 20),
    ("HRKU-", 30),
    ("LTAI", 12),
    ("NRAK-", 20),
    ("NRII-", 20),
    ("NRJS-", 15),
    ("PMAK-", 30),
    ("SG", 20),
    ("T3BlbkFJ", 12),
    ("age1", 50),
    ("ccipat_", 20),
    ("dapi", 32),
    ("dckr_pat_", 20),
    ("dckr_oat_", 20),
    ("doo_v1_", 30),
    ("dop_v1_", 30),
    ("dor_v1_", 30),
    ("dp.pt.", 20),
    ("duffel_", 30),
    ("dvc_server_", 20),
    ("eyJ", 30),
    ("figd_", 30),
    ("fio-u-", 30),
    ("fo1_", 30),
    ("ghc_", 20),
    ("gho_", 20),
    ("ghp_", 20),
    ("ghr_", 20),
    ("ghs_", 20),
    ("ghu_", 20),
    ("github_pat_", 20),
    ("glagent-", 20),
    ("glc_", 24),
    ("glcbt-", 15),
    ("gldt-", 15),
    ("glft-", 15),
    ("glimt-", 15),
    ("gloas-", 20),
    ("glpat-", 15),
    ("glptt-", 20),
    ("glrt-", 15),
    ("glsa_", 24),
    ("glsoat-", 15),
    ("gsk_", 30),
    ("hf_", 30),
    ("hvb.", 30),
    ("hvs.", 20),
    ("key-", 32),
    ("lin_api_", 30),
    ("lin_oauth_", 30),
    ("live_", 28),
    ("mlsn.", 40),
    ("npm_", 30),
    ("ntn_", 30),
    ("ops_", 40),
    ("oy2", 40),
    ("patn_", 20),
    ("phc_", 30),
    ("phx_", 30),
    ("pk_live_", 10),
    ("pk_test_", 10),
    ("pnu_", 30),
    ("pplx-", 30),
    ("pscale_", 30),
    ("pul-", 30),
    ("pypi-", 16),
    ("r8_", 30),
    ("rdme_", 40),
    ("re_", 24),
    ("rk_live_", 10),
    ("rk_test_", 10),
    ("rpa_", 30),
    ("rubygems_", 30),
    ("rzp_live_", 12),
    ("rzp_test_", 12),
    ("sb_secret_", 20),
    ("sbp_", 30),
    ("sgp_", 30),
    ("secret_", 40),
    ("shippo_live_", 30),
    ("shippo_test_", 30),
    ("shpat_", 20),
    ("shpca_", 20),
    ("shppa_", 20),
    ("shpss_", 20),
    ("sk-", 20),
    ("sk_live_", 10),
    ("sk_test_", 10),
    ("sntrys_", 30),
    ("sntryu_", 30),
    ("sq0", 22),
    ("tfp_", 30),
    ("tskey-", 20),
    ("tvly-", 20),
    ("vc_", 24),
    ("vercel_", 20),
    ("whsec_", 20),
    ("xai-", 30),
    ("xapp-", 20),
    ("xkeysib-", 30),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxc-", 10),
    ("xoxd-", 10),
    ("xoxe-", 10),
    ("xoxe.", 10),
    ("xoxo-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("ya29.", 20),
];

/// The shortest run of token characters that is looked at.
const MIN: usize = 16;

/// The shortest token without a point, and the shortest of the longest parts of others.
pub const SHORT: usize = 14;

/// Whether a byte may stand in the body of a token.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The first token that begins at or after `from`.
pub fn next(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut at = from;
    while at + MIN <= text.len() {
        if !is_token(text[at]) {
            at += 1;
            continue;
        }
        let length = text[at..].iter().take_while(|byte| is_token(**byte)).count();
        work::add(length);
        if let Some(end) = token_end(text, at, at + length) {
            return Some(at..end);
        }
        at += length;
    }
    None
}

/// Where the token ends that begins with the run of token characters from `start` to `end`.
fn token_end(text: &[u8], start: usize, end: usize) -> Option<usize> {
    // A short run is the beginning of a token only where a point follows: `SG.…`, `hvs.…`.
    if end - start < SHORT && !matches!(text.get(end), Some(b'.' | b':' | b'/')) {
        return None;
    }
    prefixed(text, start, end)
        .or_else(|| hexadecimal(&text[start..end]).then_some(end))
        .or_else(|| bot(text, start, end))
        .or_else(|| webhook(text, start, end))
}

/// A token that is known by its prefix.
fn prefixed(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let run = &text[start..end];
    // What follows a point is a part of what stands before it, and was looked at with it.
    if start > 1 && text[start - 1] == b'.' && is_token(text[start - 2]) {
        return None;
    }
    // The prefix itself may hold a point, which ends a run.
    let after_prefix = &text[start..text.len().min(start + 24)];
    let first = PREFIXES.partition_point(|(prefix, _)| prefix.as_bytes()[0] < run[0]);
    let (prefix, min) = PREFIXES[first..]
        .iter()
        .take_while(|(prefix, _)| prefix.as_bytes()[0] == run[0])
        .find(|(prefix, _)| after_prefix.starts_with(prefix.as_bytes()))?;
    work::add(8);
    let body_start = start + prefix.len();
    let body = parts_end(text, body_start);
    let body_text = &text[body_start..body];
    let varied = body_text.iter().any(u8::is_ascii_digit) || body_text.iter().any(u8::is_ascii_uppercase);
    let is_dotted = matches!(*prefix, "eyJ" | "SG");
    let fits = body_text.len() >= *min && varied && (!is_dotted || body_text.contains(&b'.') || body_text.len() > 60);
    fits.then_some(body)
}

/// Where the parts of a token end, which are apart by single points: `SG.….…`, a JSON web token.
fn parts_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let length = text[at..].iter().take_while(|byte| is_token(**byte)).count();
        work::add(length + 1);
        at += length;
        if text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(|next| is_token(*next)) {
            at += 1;
        } else {
            break;
        }
    }
    let padding = text[at..].iter().take(2).take_while(|byte| **byte == b'=').count();
    at + padding
}

/// Two letters and 32 hexadecimal digits: Twilio's SK and AC; Mailchimp's key with its data centre.
fn hexadecimal(run: &[u8]) -> bool {
    let is_hex =
        |part: &[u8]| part.len() >= 32 && part[..32].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match run {
        [b'S', b'K', rest @ ..] | [b'A', b'C', rest @ ..] => rest.len() >= 32 && is_hex(rest),
        _ => run.len() >= 36 && is_hex(run) && run[32..].starts_with(b"-us"),
    }
}

/// Telegram: the bot's number, a colon, 35 characters. Discord: three parts around points.
fn bot(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let run = &text[start..end];
    let next = |at: usize| {
        let length = text[at..].iter().take(120).take_while(|byte| is_token(**byte)).count();
        work::add(length);
        at + length
    };
    match text.get(end) {
        Some(b':') if (8..=10).contains(&run.len()) && run.iter().all(u8::is_ascii_digit) => {
            let body = next(end + 1);
            (body - end > 35).then_some(body)
        }
        Some(b'.') if (23..=28).contains(&run.len()) && matches!(run[0], b'M' | b'N' | b'O') => {
            let middle = next(end + 1);
            let last = (text.get(middle) == Some(&b'.') && middle - end == 7).then(|| next(middle + 1))?;
            (last - middle > 27).then_some(last)
        }
        _ => None,
    }
}

/// The secret path of a webhook of Slack: `T…/B…/…`.
fn webhook(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let is_path = text[start] == b'T' && start >= 10 && text[..start].ends_with(b"/services/");
    if !is_path || text.get(end) != Some(&b'/') {
        return None;
    }
    let length = text[end..].iter().take(120).take_while(|byte| is_token(**byte) || **byte == b'/').count();
    work::add(length);
    (length > 20).then_some(end + length)
}

/// The first private key in PEM from `from` on, to its last line or to the end of what looks like one.
pub fn private_key(text: &[u8], from: usize) -> Option<Range<usize>> {
    const BEGIN: &[u8] = b"-----BEGIN";
    let (mut start, mut label);
    let mut at = from;
    loop {
        start = at + memmem::find(&text[at..], BEGIN)?;
        let head = &text[start + BEGIN.len()..text.len().min(start + 64)];
        label = memmem::find(head, b"PRIVATE KEY");
        work::add(start - at + 64);
        if label.is_some() {
            break;
        }
        at = start + BEGIN.len();
    }
    let body = start + BEGIN.len() + label? + 11;
    let is_body = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-: \r\n\t\\,.".contains(&byte);
    let end = body + text[body..].iter().take_while(|byte| is_body(**byte)).count();
    work::add(end - body);
    let last = b"-----END";
    let closing = memmem::find(&text[body..end], last);
    let Some(closing) = closing.map(|at| body + at + last.len()) else { return Some(start..end) };
    let dashes = memmem::find(&text[closing..end], b"-----");
    Some(start..dashes.map_or(end, |at| closing + at + 5))
}

/// The credentials after `Bearer` or `Basic`, where `end` is where that word may end.
pub fn credentials(text: &[u8], end: usize) -> Option<Range<usize>> {
    let before = &text[..end];
    let ends_with = |word: &[u8]| {
        let start = end.checked_sub(word.len())?;
        let is_word = start == 0 || !text[start - 1].is_ascii_alphanumeric();
        (is_word && before[start..].eq_ignore_ascii_case(word)).then_some(())
    };
    let min = match before.last()? {
        b'r' | b'R' => ends_with(b"bearer").map(|()| 8),
        b'c' | b'C' => ends_with(b"basic").map(|()| 12),
        _ => None,
    }?;
    let blanks = text[end..].iter().take(3).take_while(|byte| **byte == b' ' || **byte == b':').count();
    let begin = end + blanks;
    let body = &text[begin..];
    let length = body.iter().take_while(|byte| is_token(**byte) || b"._~+/=".contains(byte)).count();
    work::add(length + 8);
    let body = &body[..length];
    let varied = body.iter().any(u8::is_ascii_digit)
        || body.contains(&b'=')
        || body.iter().skip(1).any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase);
    (length >= min && varied).then_some(begin..begin + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_in_order_of_their_first_letter() {
        assert!(PREFIXES.is_sorted_by_key(|(prefix, _)| prefix.as_bytes()[0]));
    }
}
