//! Money that is summed exactly.

use rust_decimal::Decimal;

/// Decimals kept: 8, of which currencies use at most 4 and bitcoin all.
const DECIMALS: u32 = 8;
const UNIT: f64 = 1e8;

/// Hundred-millionths of a currency unit. What is added and later taken away
/// leaves no trace, so a sliding sum equals the sum over the window; with floats,
/// or with decimals that round, it would not. Arithmetic wraps: even a sum that
/// overflowed is right again once its terms are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed(i128);

impl Fixed {
    pub const ZERO: Fixed = Fixed(0);

    pub fn plus(self, other: Fixed) -> Fixed {
        Fixed(self.0.wrapping_add(other.0))
    }

    pub fn minus(self, other: Fixed) -> Fixed {
        Fixed(self.0.wrapping_sub(other.0))
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNIT
    }
}

impl From<Decimal> for Fixed {
    fn from(decimal: Decimal) -> Self {
        let (mantissa, scale) = (decimal.mantissa(), decimal.scale());
        // A mantissa has 96 bits, and 10^8 has 27: the product fits.
        Fixed(match scale.cmp(&DECIMALS) {
            std::cmp::Ordering::Greater => {
                let divisor = 10i128.pow(scale - DECIMALS);
                (mantissa + mantissa.signum() * divisor / 2) / divisor
            }
            _ => mantissa * 10i128.pow(DECIMALS - scale),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_of_every_size_are_read() {
        for (text, expected) in [
            ("0", 0.0),
            ("10.10", 10.1),
            ("-0.00000001", -1e-8),
            ("0.000000005", 1e-8),
            ("-0.0000000049", 0.0),
            ("79228162514264337593543950335", 79_228_162_514_264_337_593_543_950_335.0),
            ("0.0000000000000000000000000001", 0.0),
        ] {
            assert_eq!(Fixed::from(text.parse::<Decimal>().unwrap()).to_f64(), expected, "{text}");
        }
    }

    #[test]
    fn an_overflow_leaves_no_trace() {
        let most = Fixed(i128::MAX);
        let sum = most.plus(most).plus(Fixed(7));
        assert_eq!(sum.minus(most).minus(most), Fixed(7));
    }
}
