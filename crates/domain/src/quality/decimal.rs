//! Decimal numbers without floating point.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// How many parts a whole is divided into: four decimals are enough for any step of a rounding.
pub(crate) const PARTS: i64 = 10_000;
const PLACES: usize = 4;

/// A decimal number of at most four decimals, kept as a whole number of ten-thousandths.
///
/// In JSON it is text, because numbers with a fraction have no place in what gets signed; read, it may also be a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i64);

impl Decimal {
    /// A number of ten-thousandths.
    #[must_use]
    pub const fn from_parts(parts: i64) -> Self {
        Self(parts)
    }

    /// The number of ten-thousandths.
    #[must_use]
    pub const fn parts(self) -> i64 {
        self.0
    }

    /// As text with at least `places` decimals, and as many as it needs.
    #[must_use]
    pub fn with_places(self, places: usize) -> String {
        let mut fraction = format!("{:0PLACES$}", self.0.unsigned_abs() % PARTS.unsigned_abs());
        while fraction.len() > places && fraction.ends_with('0') {
            fraction.pop();
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let whole = self.0.unsigned_abs() / PARTS.unsigned_abs();
        if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_places(0))
    }
}

impl FromStr for Decimal {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str = "expected a decimal number with at most four decimals";
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        // Six digits are more than any rating has, and far from where sums could overflow.
        if !is_number(whole) || !is_number(fraction) || whole.len() > 6 || fraction.len() > PLACES {
            return Err(SHAPE);
        }
        let whole: i64 = whole.parse().map_err(|_| SHAPE)?;
        let fraction: i64 = format!("{fraction:0<PLACES$}").parse().map_err(|_| SHAPE)?;
        let parts = whole * PARTS + fraction;
        Ok(Self(if is_negative { -parts } else { parts }))
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Number(serde_json::Number),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            // The shortest text that stands for the number: what was written, as far as four decimals go.
            Written::Number(number) => number.to_string(),
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_read_and_written_exactly() {
        for (text, shown) in [
            ("0", "0"),
            ("2.2", "2.2"),
            ("1.5", "1.5"),
            ("-0.3", "-0.3"),
            ("10.0625", "10.0625"),
            ("3.10", "3.1"),
        ] {
            assert_eq!(
                text.parse::<Decimal>().map(|d| d.to_string()),
                Ok(shown.to_owned())
            );
        }
        for bad in [
            "", ".", "1.", ".5", "1e3", "+1", "--1", "1.00001", "9999999", "1.-5", "NaN",
        ] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        let read = |json: &str| {
            serde_json::from_str::<Decimal>(json)
                .ok()
                .map(|d| d.parts())
        };
        assert_eq!(read("1.5"), Some(15_000));
        assert_eq!(read("0.0"), Some(0));
        assert_eq!(read("\"2.5\""), Some(25_000));
        assert_eq!(read("1e300"), None);
        assert_eq!(Decimal::from_parts(30_000).with_places(1), "3.0");
    }
}
