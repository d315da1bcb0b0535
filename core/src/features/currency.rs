//! The currency of an amount, as its sender names it.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// A currency code in eight bytes, so that a user's transactions stay small.
/// Letters are upper case, so `usd` and `USD` are one currency; of a name that is
/// longer than eight bytes (no ISO 4217 code is), the first eight bytes decide.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Currency(NonZeroU64);

impl Currency {
    /// `None` for a name that is blank.
    pub fn from_name(name: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let mut length = 0;
        for character in name.trim().chars().map(|character| character.to_ascii_uppercase()) {
            if length + character.len_utf8() > bytes.len() {
                break;
            }
            length += character.encode_utf8(&mut bytes[length..]).len();
        }
        // Big-endian, so that the order of the numbers is the order of the names.
        NonZeroU64::new(u64::from_be_bytes(bytes)).map(Self)
    }

    pub fn name(&self) -> String {
        let bytes = self.0.get().to_be_bytes();
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_its_name_and_its_order() {
        let name = |text: &str| Currency::from_name(text).map(|currency| currency.name());
        assert_eq!(name(" gbp "), Some("GBP".to_owned()));
        assert_eq!(name("£"), Some("£".to_owned()));
        assert_eq!(name("Bitcoin (BTC)"), Some("BITCOIN ".to_owned()));
        assert_eq!(name("ab\u{20ac}\u{20ac}\u{20ac}"), Some("AB\u{20ac}\u{20ac}".to_owned()));
        assert_eq!(name(" "), None);
        assert!(Currency::from_name("EUR") < Currency::from_name("USD"));
        assert!(Currency::from_name("EU") < Currency::from_name("EUR"));
        assert_eq!(size_of::<Option<Currency>>(), 8);
    }
}
