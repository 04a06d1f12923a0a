//! Strict reading of JSON (RFC 8259, with the stricter rules of RFC 7493 section 2): what two readers could understand
//! differently is refused before anything else looks at it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Violation;

/// How names begin by which serde_json passes raw parts and numbers to itself. Read into a value, an object with such a
/// name is replaced by what its string holds, which nobody has looked at.
const RESERVED: &str = "$serde_json::private::";

/// Reads through `bytes` once and refuses: what is not UTF-8 or not JSON, a name that stands twice in one object,
/// nesting deeper than `depth`, control characters other than line feed and tab in any string, and names that
/// serde_json keeps for itself.
///
/// # Errors
/// The first violation, with line and column in its message where it is one of syntax.
pub fn check(bytes: &[u8], depth: usize) -> Result<&str, Violation> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| violation("not_utf8", "the body is not UTF-8".to_owned()))?;
    let mut de = serde_json::Deserializer::from_str(text);
    Strict { depth }
        .deserialize(&mut de)
        .and_then(|()| de.end())
        .map_err(|error| {
            let message = error.to_string();
            let code = [
                ("stands twice", "duplicate_name"),
                ("nested deeper", "too_deep"),
                ("recursion limit", "too_deep"),
                ("control character", "control_character"),
                ("name is reserved", "reserved_name"),
            ]
            .into_iter()
            .find_map(|(words, code)| message.contains(words).then_some(code))
            .unwrap_or("not_json");
            violation(code, message)
        })?;
    Ok(text)
}

fn violation(code: &'static str, message: String) -> Violation {
    Violation {
        pointer: String::new(),
        code: Cow::Borrowed(code),
        message,
    }
}

struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        self.depth
            .checked_sub(1)
            .ok_or_else(|| E::custom("nested deeper than allowed"))
    }
}

fn text<E: serde::de::Error>(value: &str) -> Result<(), E> {
    let suspicious = value.bytes().any(|b| b < 0x20 || b == 0x7f || b == 0xc2);
    if suspicious
        && value
            .chars()
            .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err(E::custom("a control character stands in a string"));
    }
    Ok(())
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        while seq.next_element_seed(Strict { depth })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let depth = self.deeper()?;
        let mut seen = Names::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            text(&name)?;
            if name.starts_with(RESERVED) {
                return Err(serde::de::Error::custom(
                    "this name is reserved and never means itself",
                ));
            }
            if !seen.insert(name) {
                return Err(serde::de::Error::custom(
                    "the same name stands twice in one object",
                ));
            }
            map.next_value_seed(Strict { depth })?;
        }
        Ok(())
    }
}

/// Names seen in one object. Most objects are small: a list is faster than hashing until it is not.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 16;

    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if !self.many.is_empty() {
            return self.many.insert(name);
        }
        if self.few.contains(&name) {
            return false;
        }
        self.few.push(name);
        if self.few.len() > Self::FEW {
            self.many.extend(self.few.drain(..));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for (json, code) in [
            (&br#"{"a":1,"a":2}"#[..], "duplicate_name"),
            (br#"{"a":{"b":[{"c":1,"c":1}]}}"#, "duplicate_name"),
            (br#"{"a":"\u0000"}"#, "control_character"),
            (br#"{"\u0007":1}"#, "control_character"),
            (br#"{"a":"\u0085"}"#, "control_character"),
            (br#"[[[[[1]]]]]"#, "too_deep"),
            (br#"{"a":1} x"#, "not_json"),
            (br#"{"a":1,}"#, "not_json"),
            (br#"{"a":"\ud800"}"#, "not_json"),
            (b"{\"a\":\"\xff\"}", "not_utf8"),
            (b"", "not_json"),
        ] {
            let found = check(json, 4).map_err(|v| v.code.into_owned());
            assert_eq!(
                found,
                Err(code.to_owned()),
                "{}",
                String::from_utf8_lossy(json)
            );
        }
        assert!(check(br#"{"a":"x\ny\tz","b":[[1.5,null,true,-3]]}"#, 4).is_ok());
    }

    #[test]
    fn many_names_are_still_told_apart() {
        let distinct: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
        assert!(check(format!("{{{}}}", distinct.join(",")).as_bytes(), 4).is_ok());
        assert!(check(format!("{{{},\"k7\":1}}", distinct.join(",")).as_bytes(), 4).is_err());
    }
}
