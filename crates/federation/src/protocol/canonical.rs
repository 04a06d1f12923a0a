//! The canonical form over which signatures and digests are made: RFC 8785 (JSON Canonicalization Scheme).
//!
//! Only what every reader understands alike has one (RFC 7493, I-JSON): whole numbers beyond ±2^53, names that stand
//! twice, lone surrogates and deep nesting are refused before anything is canonicalised. Numbers with a fraction or an
//! exponent are let through, because RFC 8785 defines their form; what this node writes has coordinates as strings.

mod scan;

use std::cell::Cell;
use std::fmt;

use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

pub use scan::is_canonical;

/// Nesting of what is signed: an entry within its statement within a page.
pub const DEPTH: usize = domain::limits::JSON_DEPTH + 4;
/// Bytes of one document that is canonicalised: the largest entry with what surrounds it.
pub const MAX_BYTES: usize = domain::limits::STANDARD_BYTES + 64 * 1024;
/// The largest whole number that is let through, either side of zero: doubles hold all of them up to here.
pub const MAX_INTEGER: u64 = 1 << 53;

/// Why something has no canonical form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// More than [`MAX_BYTES`].
    #[error("the document is too large")]
    TooLarge,
    /// Not UTF-8, not JSON, or a surrogate that stands alone.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// The same name stands twice in one object.
    #[error("the same name stands twice in one object")]
    DuplicateName,
    /// Nested deeper than [`DEPTH`].
    #[error("nested deeper than allowed")]
    TooDeep,
    /// A whole number beyond ±[`MAX_INTEGER`].
    #[error("a whole number lies beyond what every reader keeps")]
    Integer,
}

/// The canonical bytes of a JSON document: [`read`], then [`write()`].
///
/// # Errors
/// [`CanonicalError`], for everything that two readers could understand differently.
pub fn canonical(document: &[u8]) -> Result<Vec<u8>, CanonicalError> {
    to_vec(&read(document)?)
}

/// Reads a JSON document of at most [`MAX_BYTES`] that has a canonical form.
///
/// # Errors
/// [`CanonicalError`], for everything that two readers could understand differently.
pub fn read(document: &[u8]) -> Result<Value, CanonicalError> {
    if document.len() > MAX_BYTES {
        return Err(CanonicalError::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(not_json)?;
    let large_double = Cell::new(false);
    let strict = Strict {
        depth: DEPTH,
        large_double: &large_double,
    };
    let mut de = serde_json::Deserializer::from_str(text);
    let value = strict
        .deserialize(&mut de)
        .and_then(|value| de.end().map(|()| value))
        .map_err(|error| refusal(&error))?;
    // Only where a double is large enough to have been digits of more than 64 bits; its text tells.
    if large_double.get() && has_large_integer(text) {
        return Err(CanonicalError::Integer);
    }
    Ok(value)
}

/// The canonical bytes of a value (RFC 8785 section 3.2).
///
/// # Errors
/// [`CanonicalError::Integer`] or [`CanonicalError::TooDeep`], for a value that [`read`] would not have let through.
pub fn write(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    check(value, DEPTH)?;
    to_vec(value)
}

/// The canonical bytes of an object: [`write()`] for one that is not wrapped in a value.
///
/// # Errors
/// As [`write()`].
pub fn write_object(object: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    let inner = DEPTH.checked_sub(1).ok_or(CanonicalError::TooDeep)?;
    object.values().try_for_each(|value| check(value, inner))?;
    to_vec(object)
}

/// The canonical text of an object.
///
/// # Errors
/// As [`write()`].
pub fn write_text(object: &Map<String, Value>) -> Result<String, CanonicalError> {
    String::from_utf8(write_object(object)?).map_err(|why| CanonicalError::NotJson(why.to_string()))
}

fn to_vec(value: &impl Serialize) -> Result<Vec<u8>, CanonicalError> {
    serde_json_canonicalizer::to_vec(value).map_err(not_json)
}

/// Refuses what [`read`] refuses and a value can hold: the canonical form would round large integers silently.
fn check(value: &Value, depth: usize) -> Result<(), CanonicalError> {
    let deeper = || depth.checked_sub(1).ok_or(CanonicalError::TooDeep);
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) => {
            let size = number
                .as_u64()
                .or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_some_and(|size| size > MAX_INTEGER) {
                return Err(CanonicalError::Integer);
            }
            Ok(())
        }
        Value::Array(items) => {
            let depth = deeper()?;
            items.iter().try_for_each(|item| check(item, depth))
        }
        Value::Object(members) => {
            let depth = deeper()?;
            members.values().try_for_each(|item| check(item, depth))
        }
    }
}

const TWICE: &str = "the same name stands twice";
const DEEP: &str = "nested deeper than allowed";
const LARGE: &str = "a whole number is too large";
/// From here on a double may have been an integer that fits no 64 bits: those from -2^63 down and from 2^64 up.
const LARGE_DOUBLE: f64 = 9_223_372_036_854_775_808.0;

fn refusal(error: &serde_json::Error) -> CanonicalError {
    let message = error.to_string();
    if message.starts_with(TWICE) {
        CanonicalError::DuplicateName
    } else if message.starts_with(DEEP) || message.starts_with("recursion limit") {
        CanonicalError::TooDeep
    } else if message.starts_with(LARGE) {
        CanonicalError::Integer
    } else {
        CanonicalError::NotJson(message)
    }
}

fn not_json(error: impl fmt::Display) -> CanonicalError {
    CanonicalError::NotJson(error.to_string())
}

/// Whether a number without fraction and exponent lies beyond ±[`MAX_INTEGER`]. `json` is well formed.
fn has_large_integer(json: &str) -> bool {
    let mut rest = json.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => after_string(after),
            b'-' | b'0'..=b'9' => {
                let length = rest
                    .iter()
                    .take_while(|b| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'))
                    .count();
                let (number, after) = rest.split_at(length);
                if is_large_integer(number) {
                    return true;
                }
                after
            }
            _ => after,
        };
    }
    false
}

fn is_large_integer(number: &[u8]) -> bool {
    if number.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        return false;
    }
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    // Well-formed JSON has no leading zeros: what has more digits is larger.
    let value = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse::<u64>().ok());
    value.is_none_or(|value| value > MAX_INTEGER)
}

/// What follows the string whose opening quote was just read.
fn after_string(mut rest: &[u8]) -> &[u8] {
    loop {
        rest = match rest {
            [b'\\', _, after @ ..] => after,
            [b'"', after @ ..] => return after,
            [_, after @ ..] => after,
            [] => return rest,
        };
    }
}

/// Reads a value, refusing repeated names, large integers and deep nesting. Unlike `Value`'s own reading it gives no name a meaning of
/// its own.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    /// Set where a double is [`LARGE_DOUBLE`] or more, either side of zero.
    large_double: &'a Cell<bool>,
}

impl Strict<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom(DEEP))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(E::custom(LARGE));
        }
        Ok(Value::from(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(E::custom(LARGE));
        }
        Ok(Value::from(value))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= LARGE_DOUBLE {
            self.large_double.set(true);
        }
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number is not finite"))?;
        Ok(Value::Number(number))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(TWICE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::*;

    fn text(json: &str) -> Result<String, CanonicalError> {
        canonical(json.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_example_of_rfc_8785_section_3_2_2_comes_out_as_section_3_2_3_has_it() {
        let json = r#"{
            "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
            "literals": [null, true, false]
        }"#;
        let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
        assert_eq!(text(json).unwrap(), expected);
    }

    #[test]
    fn names_are_sorted_by_utf_16_code_units_as_in_rfc_8785_section_3_2_3() {
        let json = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let sorted = text(json).unwrap();
        let order = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small",
            "Euro Sign",
            "Emoji",
            "Hebrew",
        ];
        let places: Vec<_> = order
            .iter()
            .map(|word| sorted.find(word).unwrap())
            .collect();
        assert!(places.is_sorted(), "{sorted}");
    }

    #[test]
    fn numbers_are_written_as_appendix_b_of_rfc_8785_has_them() {
        for (bits, expected) in [
            (0x0000_0000_0000_0000_u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        ] {
            // Given as an exponent form, so that it is read as the double that it is.
            let written = text(&format!("{:e}", f64::from_bits(bits))).unwrap();
            assert_eq!(written, expected);
        }
    }

    #[test]
    fn what_two_readers_could_understand_differently_has_no_canonical_form() {
        for json in [r#"{"a":1,"a":1}"#, r#"[{"b":{"c":1,"\u0063":2}}]"#] {
            assert_eq!(text(json), Err(CanonicalError::DuplicateName), "{json}");
        }
        for json in [
            "9007199254740993",
            "-9007199254740993",
            "[1, 18446744073709551616]",
            r#"{"a\"1":-99999999999999999999999999}"#,
            "-9223372036854775809",
            "[1e30, 99999999999999999999]",
        ] {
            assert_eq!(text(json), Err(CanonicalError::Integer), "{json}");
        }
        for json in [
            "",
            "{",
            "[1,]",
            "[1] 2",
            "\"\\ud800\"",
            "\"\\udc00x\"",
            "01",
            "NaN",
            "1e999",
            "\"\u{1}\"",
        ] {
            assert!(
                matches!(text(json), Err(CanonicalError::NotJson(_))),
                "{json}"
            );
        }
        assert!(matches!(
            canonical(b"\"\xff\""),
            Err(CanonicalError::NotJson(_))
        ));
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(text(&nested(DEPTH)), Ok(nested(DEPTH)));
        for depth in [DEPTH + 1, 1_000, 100_000] {
            assert_eq!(
                text(&nested(depth)),
                Err(CanonicalError::TooDeep),
                "{depth}"
            );
        }
        let large = format!("\"{}\"", "x".repeat(MAX_BYTES));
        assert_eq!(text(&large), Err(CanonicalError::TooLarge));
    }

    #[test]
    fn digits_in_strings_and_large_numbers_with_an_exponent_are_no_integers() {
        for (json, expected) in [
            (
                r#"{"99999999999999999999":"\"99999999999999999999\\"}"#,
                r#"{"99999999999999999999":"\"99999999999999999999\\"}"#,
            ),
            ("1e20", "100000000000000000000"),
            ("9007199254740992", "9007199254740992"),
            ("-0", "0"),
        ] {
            assert_eq!(text(json).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn what_is_not_read_is_not_written_either() {
        for (value, error) in [
            (
                serde_json::json!([MAX_INTEGER + 1]),
                CanonicalError::Integer,
            ),
            (serde_json::json!({"a": i64::MIN}), CanonicalError::Integer),
            (
                (0..=DEPTH).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
                CanonicalError::TooDeep,
            ),
        ] {
            assert_eq!(write(&value), Err(error.clone()));
            let mut object = Map::new();
            object.insert("a".to_owned(), value);
            assert_eq!(write_object(&object), Err(error));
        }
        let value = read(br#"{"b":[1],"a":-9007199254740992}"#).unwrap();
        let expected = br#"{"a":-9007199254740992,"b":[1]}"#.to_vec();
        assert_eq!(
            write_object(value.as_object().unwrap()).as_ref(),
            Ok(&expected)
        );
        assert_eq!(write(&value), Ok(expected));
    }

    #[test]
    fn a_canonical_form_is_its_own_except_for_large_doubles() {
        for json in [
            r#"{"b":[1,{"z":"é","a":null}],"a":"\u2028"}"#,
            "[0.1, -1.5e-7]",
        ] {
            let once = text(json).unwrap();
            assert_eq!(text(&once), Ok(once));
        }
    }

    #[test]
    fn a_name_that_json_libraries_treat_in_their_own_way_means_itself() {
        let json = r#"{"$serde_json::private::RawValue":"{}"}"#;
        assert_eq!(text(json).as_deref(), Ok(json));
    }
}
