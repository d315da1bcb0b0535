//! Numbers as senders spell them: one grammar, JSON's (RFC 8259, section 6), for
//! numbers and for texts that hold one. From decimals, in which amounts are kept and
//! summed, there is a way to the binary numbers that models compute with.

use std::borrow::Cow;

use rust_decimal::Decimal;

/// Powers of ten that are exact.
const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
/// Beyond this many characters a canonical number is written with an exponent.
const PLAIN_CHARS: usize = 40;
/// Digits of the largest decimal; decimals are rounded to one less behind the point.
const DECIMAL_DIGITS: i64 = 29;

/// The binary number nearest to a decimal.
pub fn nearest_float(number: Decimal) -> f64 {
    let mantissa = number.mantissa();
    match TENS.get(number.scale() as usize) {
        // Both are exact, and a quotient is rounded once: to the nearest (Clinger 1990).
        // (From 64 bits a processor converts by itself.)
        Some(ten) if mantissa.unsigned_abs() < 1 << 53 => mantissa as i64 as f64 / ten,
        // The standard library reads to the nearest; what a decimal spells is a number.
        _ => number.to_string().parse().unwrap_or(f64::NAN),
    }
}

/// Reads a number as a decimal, rounded to 28 digits behind the point. The spelling
/// does not matter: `1e-29` and `0.00000000000000000000000000001` are both 0. `None`
/// for a text that is no JSON number, and for numbers of more than 28 digits before
/// the point.
pub fn decimal(text: &str) -> Option<Decimal> {
    let spelled = Spelled::of(text)?;
    let Some(_) = spelled.exponent else { return text.parse().ok() };
    let digits = spelled.digits();
    let point = spelled.point();
    if digits.is_empty() || point < -DECIMAL_DIGITS {
        return Some(Decimal::ZERO);
    }
    if point > DECIMAL_DIGITS {
        return None;
    }
    plain(spelled.is_negative, &digits, point).parse().ok()
}

/// The digits of a whole number, however it is spelled: `3`, `3.0`, `3e0` and `30e-1`
/// are all `3`. `None` for other numbers, and beyond 40 digits.
pub fn integer(text: &str) -> Option<Cow<'_, str>> {
    let spelled = Spelled::of(text)?;
    if spelled.fraction.is_empty() && spelled.exponent.is_none() && text != "-0" && text.len() <= PLAIN_CHARS {
        return Some(Cow::Borrowed(text));
    }
    let digits = spelled.digits();
    let point = spelled.point();
    if digits.is_empty() {
        return Some(Cow::Borrowed("0"));
    }
    // Its last digit is not 0, so that behind the point there would be something.
    if point < digits.len() as i64 || point > PLAIN_CHARS as i64 {
        return None;
    }
    Some(Cow::Owned(plain(spelled.is_negative, &digits, point)))
}

/// A JSON number in its one canonical spelling: `12.50`, `12.5` and `1.25e1` are the
/// same. A text that is no number is returned as it is.
pub fn canonical(text: &str) -> Cow<'_, str> {
    // Nearly every number.
    if text.len() <= PLAIN_CHARS && !text.contains(['e', 'E']) {
        let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        return Cow::Borrowed(if text == "-0" { "0" } else { text });
    }
    let Some(spelled) = Spelled::of(text) else { return Cow::Borrowed(text) };
    let digits = spelled.digits();
    if digits.is_empty() {
        return Cow::Borrowed("0");
    }
    let point = spelled.point();
    // Zeros up to the point count too.
    if point.unsigned_abs() as usize <= PLAIN_CHARS && digits.len() <= PLAIN_CHARS {
        let plain = plain(spelled.is_negative, &digits, point);
        if plain.len() <= PLAIN_CHARS {
            return Cow::Owned(plain);
        }
    }
    let sign = if spelled.is_negative { "-" } else { "" };
    Cow::Owned(format!("{sign}0.{digits}e{point}"))
}

/// Digits with a point after the first `point` of them.
fn plain(is_negative: bool, digits: &str, point: i64) -> String {
    let sign = if is_negative { "-" } else { "" };
    let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
    match usize::try_from(point) {
        Ok(0) | Err(_) => format!("{sign}0.{}{digits}", zeros(-point)),
        Ok(point) if point < digits.len() => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        Ok(_) => format!("{sign}{digits}{}", zeros(point - digits.len() as i64)),
    }
}

/// The parts of a JSON number.
struct Spelled<'a> {
    is_negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: Option<i64>,
}

impl<'a> Spelled<'a> {
    /// Larger exponents are as good as this one.
    const MAX_EXPONENT: i64 = 1 << 40;

    /// `None` for a text that the grammar does not describe.
    fn of(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (integer, rest) = split_digits(unsigned)?;
        if integer.len() > 1 && integer.starts_with('0') {
            return None;
        }
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => split_digits(rest)?,
            None => ("", rest),
        };
        let exponent = match rest.strip_prefix(['e', 'E']) {
            Some(rest) => Some(exponent(rest)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        Some(Self { is_negative: unsigned.len() < text.len(), integer, fraction, exponent })
    }

    /// From the first digit that is not 0 to the last one.
    fn digits(&self) -> String {
        let digits = format!("{}{}", self.integer, self.fraction);
        digits.trim_matches('0').to_owned()
    }

    /// How many of [`Spelled::digits`] stand before the point; negative for zeros
    /// between the point and the first of them.
    fn point(&self) -> i64 {
        let zeros = self.integer.bytes().chain(self.fraction.bytes()).take_while(|digit| *digit == b'0').count();
        self.integer.len() as i64 - zeros as i64 + self.exponent.unwrap_or(0)
    }
}

/// At least one digit, and what follows.
fn split_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn exponent(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, rest) = split_digits(unsigned)?;
    if !rest.is_empty() {
        return None;
    }
    let exponent = digits.parse().unwrap_or(Spelled::MAX_EXPONENT).min(Spelled::MAX_EXPONENT);
    Some(if text.starts_with('-') { -exponent } else { exponent })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal_of(text: &str) -> Option<String> {
        decimal(text).map(|number| number.normalize().to_string())
    }

    #[test]
    fn only_json_numbers_are_numbers() {
        for text in [
            "", "-", "+5", ".5", "5.", "05", "1_000.50", "1,000", "0x10", "1e", "1e+", "e5", "NaN", "inf", " 5", "٣",
            "5 ",
        ] {
            assert_eq!((decimal(text), integer(text)), (None, None), "{text:?}");
        }
    }

    #[test]
    fn the_spelling_of_a_number_does_not_matter() {
        for (text, expected) in [
            ("12.50", Some("12.5")),
            ("1.25e1", Some("12.5")),
            ("-0", Some("0")),
            ("1e-29", Some("0")),
            ("0.00000000000000000000000000001", Some("0")),
            ("5.684341886080802e-14", Some("0.0000000000000568434188608080")),
            ("5.551115123125783e-17", Some("0.0000000000000000555111512313")),
            ("0.00000000000000005551115123125783", Some("0.0000000000000000555111512313")),
            ("1e28", Some("10000000000000000000000000000")),
            ("1e29", None),
            ("100000000000000000000000000000", None),
            ("1e999999999999999999999", None),
            ("1e-999999999999999999999", Some("0")),
            ("0e999999999999999999999", Some("0")),
        ] {
            let expected = expected.map(|text| text.parse::<Decimal>().unwrap().normalize().to_string());
            assert_eq!(decimal_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_spelled() {
        for text in ["3", "3.0", "3.000", "3e0", "30e-1", "0.3e1", "3E+0"] {
            assert_eq!(integer(text).as_deref(), Some("3"), "{text}");
        }
        for (text, expected) in [
            ("-0.0", Some("0")),
            ("-7.0", Some("-7")),
            ("9007199254740993", Some("9007199254740993")),
            ("9007199254740993.0", Some("9007199254740993")),
            ("1e3", Some("1000")),
            ("3.5", None),
            ("1e-1", None),
            ("1e400", None),
        ] {
            assert_eq!(integer(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_nearest_is_the_one_that_the_text_is_read_as(mantissa in any::<i64>(), scale in 0u32..=28) {
            let number = Decimal::try_from_i128_with_scale(mantissa.into(), scale).unwrap();
            prop_assert_eq!(nearest_float(number), number.to_string().parse::<f64>().unwrap());
        }

        #[test]
        fn with_and_without_an_exponent_a_number_is_the_same(digits in "[1-9][0-9]{0,20}", zeros in 0usize..45) {
            let plain = format!("0.{}{digits}", "0".repeat(zeros));
            let scientific = format!("{digits}e-{}", digits.len() + zeros);
            prop_assert_eq!(decimal_of(&plain), decimal_of(&scientific));
            prop_assert_eq!(canonical(&plain), canonical(&scientific));
            let (plain, scientific) = (format!("-{digits}{}", "0".repeat(zeros)), format!("-{digits}e{zeros}"));
            prop_assert_eq!(decimal_of(&plain), decimal_of(&scientific));
            prop_assert_eq!(integer(&plain), integer(&scientific));
            prop_assert_eq!(canonical(&plain), canonical(&scientific));
        }

        #[test]
        fn a_canonical_number_is_its_own(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?") {
            let once = canonical(&text).into_owned();
            prop_assert_eq!(canonical(&once), once.as_str());
            prop_assert_eq!(once.parse::<f64>().unwrap(), text.parse::<f64>().unwrap());
        }

        #[test]
        fn what_is_a_number_is_what_json_says(text in "[-+]?[0-9._eE+ -]{0,8}") {
            let is_number = serde_json::from_str::<serde_json::Number>(&text).is_ok() && text.trim() == text;
            prop_assert_eq!(Spelled::of(&text).is_some(), is_number, "{}", text);
        }
    }

    #[test]
    fn extremes_have_one_too() {
        assert_eq!(nearest_float(Decimal::ZERO), 0.0);
        assert_eq!(nearest_float(Decimal::MAX), 79_228_162_514_264_337_593_543_950_335.0);
    }
}
