//! Whether a document is in canonical form already, found in one pass over its bytes without building anything.
//!
//! Careful and not complete: where it says yes, the document is its own canonical form and holds nothing that
//! [`read`](super::read) refuses. Where it says no, the slow way decides. Rows of feeds are canonical, and there are many.

use super::{DEPTH, MAX_BYTES, MAX_INTEGER};

/// Whether `document` is certainly in canonical form.
#[must_use]
pub fn is_canonical(document: &[u8]) -> bool {
    if document.len() > MAX_BYTES || std::str::from_utf8(document).is_err() {
        return false;
    }
    let mut scan = Scan { rest: document };
    scan.value(DEPTH).is_some() && scan.rest.is_empty()
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn expect(&mut self, text: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.rest.first()? {
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b'"' => self.string().map(drop),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'n' => self.expect(b"null"),
            _ => self.integer(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.byte()?;
        if self.rest.first() == Some(&b']') {
            return self.byte().map(drop);
        }
        loop {
            self.value(depth)?;
            match self.byte()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Names rise strictly, so that none stands twice. RFC 8785 section 3.2.3 compares UTF-16 code units; for ASCII, all
    /// that is let through here, bytes come to the same.
    fn object(&mut self, depth: usize) -> Option<()> {
        self.byte()?;
        if self.rest.first() == Some(&b'}') {
            return self.byte().map(drop);
        }
        let mut last: Option<&[u8]> = None;
        loop {
            let name = self.string()?;
            if !name.is_ascii() || name.contains(&b'\\') || last.is_some_and(|last| last >= name) {
                return None;
            }
            last = Some(name);
            self.expect(b":")?;
            self.value(depth)?;
            match self.byte()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// What stands between the quotes. The only escapes are the shortest ones (RFC 8785 section 3.2.2.2).
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b"\"")?;
        let whole = self.rest;
        loop {
            match self.byte()? {
                b'"' => return whole.get(..whole.len() - self.rest.len() - 1),
                b'\\' => match self.byte()? {
                    b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                    b'u' => self.control()?,
                    _ => return None,
                },
                0..=0x1f => return None,
                _ => {}
            }
        }
    }

    /// A control character without an escape of its own, in lower case.
    fn control(&mut self) -> Option<()> {
        self.expect(b"00")?;
        let (high, low) = (self.byte()?, self.byte()?);
        let short = high == b'0' && matches!(low, b'8' | b'9' | b'a' | b'c' | b'd');
        let fine = matches!(high, b'0' | b'1') && matches!(low, b'0'..=b'9' | b'a'..=b'f');
        (fine && !short).then_some(())
    }

    /// A whole number that every reader keeps, or a decimal of few digits, such as a coordinate.
    fn integer(&mut self) -> Option<()> {
        let negative = self.rest.first() == Some(&b'-');
        if negative {
            self.byte()?;
        }
        let digits = self.digits()?;
        if digits.len() > 1 && digits.first() == Some(&b'0') {
            return None;
        }
        let whole: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        if self.rest.first() == Some(&b'.') {
            self.byte()?;
            let fraction = self.digits()?;
            // So few digits that the double nearest to them is written with just these (ECMA-262 Number::toString).
            let few = digits.len() + fraction.len() <= 15 && whole > 0;
            return (few && fraction.last() != Some(&b'0') && self.ends_a_number()).then_some(());
        }
        let zero = negative && whole == 0;
        (whole <= MAX_INTEGER && !zero && self.ends_a_number()).then_some(())
    }

    fn digits(&mut self) -> Option<&'a [u8]> {
        let count = self.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at(count);
        self.rest = rest;
        (count > 0 && count <= 16).then_some(digits)
    }

    fn ends_a_number(&self) -> bool {
        !matches!(self.rest.first(), Some(b'.' | b'e' | b'E' | b'0'..=b'9'))
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]
mod tests {
    use super::super::{canonical, read, write};
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            (-(1_i64 << 53)..=1 << 53).prop_map(Into::into),
            (-1_000_000..1_000_000_i32).prop_map(|n| (f64::from(n) / 100.0).into()),
            "\\PC{0,12}".prop_map(Into::into),
            "[\\x00-\\x20\"\\\\a-c]{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::btree_map("[a-e@]{0,3}|é", inner, 0..6)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    /// What the slow way says.
    fn slow(document: &[u8]) -> bool {
        read(document)
            .and_then(|value| write(&value))
            .is_ok_and(|written| written == document)
    }

    proptest! {
        #[test]
        fn what_it_lets_through_is_its_own_canonical_form(value in json(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = write(&value).unwrap();
            prop_assert!(!is_canonical(&bytes) || slow(&bytes));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert!(!is_canonical(&bytes) || slow(&bytes), "{}", String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn whatever_bytes_come_it_is_never_more_lenient_than_the_slow_way(bytes in "[\\[\\]{}\",:0-9.eE+\\-a-c\\\\unrt ]{0,24}") {
            prop_assert!(!is_canonical(bytes.as_bytes()) || slow(bytes.as_bytes()), "{bytes}");
        }
    }

    #[test]
    fn what_rows_are_made_of_goes_the_fast_way() {
        for json in [
            r#"{"@context":["https://www.w3.org/ns/activitystreams",{"lotse":"urn:lotse:"}],"a":[1,-2,30.04,-7.5,true,null,{}],"b":"Grüße\n\"\\\u0001"}"#,
            "[]",
            "\"\"",
            "0",
        ] {
            assert_eq!(canonical(json.as_bytes()).unwrap(), json.as_bytes());
            assert!(is_canonical(json.as_bytes()), "{json}");
        }
        for json in [
            "[1 ]",
            "{\"b\":1,\"a\":1}",
            "{\"a\":1,\"a\":1}",
            "-0",
            "1.0",
            "01",
            "1e3",
            "\"\\u000a\"",
            "\"\\/\"",
        ] {
            assert!(!is_canonical(json.as_bytes()), "{json}");
        }
    }
}
