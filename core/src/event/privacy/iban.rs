//! International bank account numbers: ISO 13616, checked by ISO 7064 mod 97-10 and
//! by the structure of their country.

use super::work;

/// Countries, and the structure of what follows the check digits: so many digits (n),
/// capital letters (a) or either (c). From the SWIFT IBAN registry, release 101.
const STRUCTURES: &[(&[u8; 2], &str)] = &[
    (b"AD", "8n12c"),
    (b"AE", "19n"),
    (b"AL", "8n16c"),
    (b"AT", "16n"),
    (b"AZ", "4a20c"),
    (b"BA", "16n"),
    (b"BE", "12n"),
    (b"BG", "4a6n8c"),
    (b"BH", "4a14c"),
    (b"BI", "23n"),
    (b"BR", "23n1a1c"),
    (b"BY", "4c4n16c"),
    (b"CH", "5n12c"),
    (b"CR", "18n"),
    (b"CY", "8n16c"),
    (b"CZ", "20n"),
    (b"DE", "18n"),
    (b"DJ", "23n"),
    (b"DK", "14n"),
    (b"DO", "4c20n"),
    (b"EE", "16n"),
    (b"EG", "25n"),
    (b"ES", "20n"),
    (b"FI", "14n"),
    (b"FK", "2a12n"),
    (b"FO", "14n"),
    (b"FR", "10n11c2n"),
    (b"GB", "4a14n"),
    (b"GE", "2a16n"),
    (b"GI", "4a15c"),
    (b"GL", "14n"),
    (b"GR", "7n16c"),
    (b"GT", "24c"),
    (b"HN", "4a20n"),
    (b"HR", "17n"),
    (b"HU", "24n"),
    (b"IE", "4a14n"),
    (b"IL", "19n"),
    (b"IQ", "4a15n"),
    (b"IS", "22n"),
    (b"IT", "1a10n12c"),
    (b"JO", "4a4n18c"),
    (b"KW", "4a22c"),
    (b"KZ", "3n13c"),
    (b"LB", "4n20c"),
    (b"LC", "4a24c"),
    (b"LI", "5n12c"),
    (b"LT", "16n"),
    (b"LU", "3n13c"),
    (b"LV", "4a13c"),
    (b"LY", "21n"),
    (b"MC", "10n11c2n"),
    (b"MD", "20c"),
    (b"ME", "18n"),
    (b"MK", "3n10c2n"),
    (b"MN", "16n"),
    (b"MR", "23n"),
    (b"MT", "4a5n18c"),
    (b"MU", "4a19n3a"),
    (b"NI", "4a20n"),
    (b"NL", "4a10n"),
    (b"NO", "11n"),
    (b"OM", "3n16c"),
    (b"PK", "4a16c"),
    (b"PL", "24n"),
    (b"PS", "4a21c"),
    (b"PT", "21n"),
    (b"QA", "4a21c"),
    (b"RO", "4a16c"),
    (b"RS", "18n"),
    (b"RU", "14n15c"),
    (b"SA", "2n18c"),
    (b"SC", "4a20n3a"),
    (b"SD", "14n"),
    (b"SE", "20n"),
    (b"SI", "15n"),
    (b"SK", "20n"),
    (b"SM", "1a10n12c"),
    (b"SO", "19n"),
    (b"ST", "21n"),
    (b"SV", "4a20n"),
    (b"TL", "19n"),
    (b"TN", "20n"),
    (b"TR", "6n16c"),
    (b"UA", "6n19c"),
    (b"VA", "18n"),
    (b"VG", "4a16n"),
    (b"XK", "16n"),
    (b"YE", "4a4n18c"),
];

const MAX: usize = 34;

/// An IBAN in a text, as it is compared.
#[derive(Clone, Copy, Debug)]
pub struct Iban {
    pub end: usize,
    number: [u8; MAX],
    length: usize,
}

impl Iban {
    /// In capitals, without separators.
    pub fn canonical(&self) -> &[u8] {
        &self.number[..self.length]
    }
}

/// The IBAN that begins at `start`: letters in either case, its groups apart by at
/// most two blanks, dots, hyphens or the like. What is glued to it does not hide it.
pub fn find(text: &[u8], start: usize) -> Option<Iban> {
    let head = text.get(start..start + 4)?;
    if !head[..2].iter().all(u8::is_ascii_alphabetic) || !head[2..].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let country = [head[0].to_ascii_uppercase(), head[1].to_ascii_uppercase()];
    let place = STRUCTURES.binary_search_by(|(code, _)| (*code).cmp(&country)).ok()?;
    let mut found = Iban { end: start, number: [0; MAX], length: 0 };
    found.read(text, 4, |_| true)?;
    let mut wanted = 0;
    for sign in STRUCTURES[place].1.bytes() {
        match sign {
            b'0'..=b'9' => wanted = wanted * 10 + usize::from(sign - b'0'),
            _ => {
                found.read(text, wanted, |byte| match sign {
                    b'n' => byte.is_ascii_digit(),
                    b'a' => byte.is_ascii_alphabetic(),
                    _ => true,
                })?;
                wanted = 0;
            }
        }
    }
    let more_digits = text.get(found.end).is_some_and(u8::is_ascii_digit);
    (!more_digits && is_valid(found.canonical())).then_some(found)
}

impl Iban {
    fn read(&mut self, text: &[u8], count: usize, fits: impl Fn(u8) -> bool) -> Option<()> {
        for _ in 0..count {
            let mut at = self.end;
            while self.length > 0 && at < self.end + 2 && text.get(at).is_some_and(|byte| b" -._/\t".contains(byte)) {
                at += 1;
            }
            work::add(1);
            let byte = *text.get(at)?;
            if !byte.is_ascii_alphanumeric() || !fits(byte) {
                return None;
            }
            self.number[self.length] = byte.to_ascii_uppercase();
            self.length += 1;
            self.end = at + 1;
        }
        Some(())
    }
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
            "DE89.3704.0044.0532.0130.00",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(find(iban.as_bytes(), 0).map(|found| found.end), Some(iban.len()), "{iban}");
        }
        assert_eq!(find(b"DE89370400440532013000EUR", 0).map(|found| found.end), Some(22));
        assert_eq!(find(b"IBANGB82WEST12345698765432", 4).map(|found| found.end), Some(26));
    }

    #[test]
    fn others_are_not() {
        for text in
            ["GB83WEST12345698765432", "GB82WEST1234569876543", "XX82WEST12345698765432", "GB82WEST123456987654321"]
        {
            assert!(find(text.as_bytes(), 0).is_none(), "{text}");
        }
    }

    #[test]
    fn countries_are_in_order_for_the_search() {
        assert!(STRUCTURES.is_sorted());
    }
}
