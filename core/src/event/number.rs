//! From decimals, in which amounts are kept and summed, to the binary numbers that
//! models compute with.

use rust_decimal::Decimal;

/// Powers of ten that are exact.
const TENS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_is_the_one_that_the_text_is_read_as(mantissa in any::<i64>(), scale in 0u32..=28) {
            let number = Decimal::try_from_i128_with_scale(mantissa.into(), scale).unwrap();
            prop_assert_eq!(nearest_float(number), number.to_string().parse::<f64>().unwrap());
        }
    }

    #[test]
    fn extremes_have_one_too() {
        assert_eq!(nearest_float(Decimal::ZERO), 0.0);
        assert_eq!(nearest_float(Decimal::MAX), 79_228_162_514_264_337_593_543_950_335.0);
    }
}
