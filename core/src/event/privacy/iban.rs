//! International bank account numbers: ISO 13616, checked by ISO 7064 mod 97-10.

/// Country and length, from the SWIFT IBAN registry.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Where the IBAN that begins at `start` ends; letters in either case, groups
/// apart by a blank or a hyphen.
pub fn end(text: &[u8], start: usize) -> Option<usize> {
    let head = text.get(start..start + 4)?;
    if !head[..2].iter().all(u8::is_ascii_alphabetic) || !head[2..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let country = [head[0].to_ascii_uppercase(), head[1].to_ascii_uppercase()];
    let (_, length) = LENGTHS.iter().find(|(code, _)| **code == country)?;
    if start > 0 && text[start - 1].is_ascii_alphanumeric() && !text[..start].to_ascii_lowercase().ends_with(b"iban") {
        return None;
    }
    let mut number = [0u8; 34];
    let (mut taken, mut at) = (0, start);
    while taken < *length {
        let byte = *text.get(at)?;
        if byte.is_ascii_alphanumeric() {
            number[taken] = byte.to_ascii_uppercase();
            taken += 1;
            at += 1;
        } else if let (b' ' | b'-', Some(next)) = (byte, text.get(at + 1))
            && next.is_ascii_alphanumeric()
        {
            at += 1;
        } else {
            return None;
        }
    }
    let ends = !text.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (ends && is_valid(&number[..taken])).then_some(at)
}

/// The first four characters moved to the end, letters as 10 to 35: 1 modulo 97.
fn is_valid(number: &[u8]) -> bool {
    let digits = number[4..].iter().chain(&number[..4]);
    let remainder = digits.fold(0u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibans_are_found_in_print_and_electronic_form() {
        for iban in [
            "GB82WEST12345698765432",
            "GB82 WEST 1234 5698 7654 32",
            "de89370400440532013000",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(end(iban.as_bytes(), 0), Some(iban.len()), "{iban}");
        }
        assert_eq!(end(b"IBANGB82WEST12345698765432", 4), Some(26));
    }

    #[test]
    fn others_are_not() {
        for text in
            ["GB83WEST12345698765432", "GB82WEST1234569876543", "XX82WEST12345698765432", "GB82WEST123456987654321"]
        {
            assert_eq!(end(text.as_bytes(), 0), None, "{text}");
        }
    }
}
