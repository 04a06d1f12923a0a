//! Versions of standards.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version as Semantic Versioning 2.0.0 has it: `1.0.0-draft.1`.
///
/// Results are comparable within one major version (the standard file's `scoring.parameters.compare`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StandardVersion {
    /// Counts changes after which results can no longer be compared.
    pub major: u32,
    /// Counts changes after which they can.
    pub minor: u32,
    /// Counts corrections.
    pub patch: u32,
    /// What comes before the version that it announces: `draft.1`.
    pub pre_release: Vec<String>,
    /// What plays no part in the order.
    pub build: Option<String>,
}

impl StandardVersion {
    /// Whether results of both can be compared.
    #[must_use]
    pub fn is_comparable_with(&self, other: &Self) -> bool {
        self.major == other.major
    }

    /// The order of precedence (Semantic Versioning 2.0.0 section 11). Versions that differ in their build alone are
    /// equal in it, so this is no [`Ord`].
    #[must_use]
    pub fn precedence(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.pre_release.is_empty(), other.pre_release.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => by_identifiers(&self.pre_release, &other.pre_release),
            }
        })
    }
}

fn by_identifiers(a: &[String], b: &[String]) -> Ordering {
    for (a, b) in a.iter().zip(b) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

impl FromStr for StandardVersion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str =
            "expected a version such as 1.0.0 or 1.0.0-draft.1 (Semantic Versioning 2.0.0)";
        let (text, build) = match text.split_once('+') {
            Some((text, build)) => (text, Some(build)),
            None => (text, None),
        };
        let (core, pre_release) = match text.split_once('-') {
            Some((core, pre_release)) => (core, Some(pre_release)),
            None => (text, None),
        };
        let mut numbers = core.split('.').map(number);
        let mut next = || numbers.next().flatten().ok_or(SHAPE);
        let (major, minor, patch) = (next()?, next()?, next()?);
        if numbers.next().is_some() {
            return Err(SHAPE);
        }
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let has_no_leading_zero = |word: &str| {
            word.len() == 1 || !word.starts_with('0') || !word.bytes().all(|b| b.is_ascii_digit())
        };
        let pre_release: Vec<String> = pre_release
            .map(|words| words.split('.').map(str::to_owned).collect())
            .unwrap_or_default();
        if !pre_release
            .iter()
            .all(|word| is_word(word) && has_no_leading_zero(word))
            || !build.is_none_or(|words| words.split('.').all(is_word))
        {
            return Err(SHAPE);
        }
        Ok(Self {
            major,
            minor,
            patch,
            pre_release,
            build: build.map(str::to_owned),
        })
    }
}

fn number(text: &str) -> Option<u32> {
    let is_plain =
        text.bytes().all(|b| b.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

impl fmt::Display for StandardVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre_release.is_empty() {
            write!(f, "-{}", self.pre_release.join("."))?;
        }
        self.build
            .iter()
            .try_for_each(|build| write!(f, "+{build}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_of_semantic_versioning() {
        // The example of its section 11, and what is no number.
        let order = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "2.0.0",
        ];
        let read = |text: &str| text.parse::<StandardVersion>().expect("a version");
        for (at, a) in order.iter().enumerate() {
            for (other, b) in order.iter().enumerate() {
                assert_eq!(read(a).precedence(&read(b)), at.cmp(&other), "{a} {b}");
            }
            assert_eq!(read(a).to_string(), *a);
        }
        assert!(read("1.0.0-draft.1").is_comparable_with(&read("1.9.3+x")));
        assert!(!read("1.0.0").is_comparable_with(&read("2.0.0")));
        for bad in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0+",
            "v1.0.0",
            "1.0.0-a..b",
            "+1.0.0",
            "1.-1.0",
            "1.0.0-ä",
        ] {
            assert!(bad.parse::<StandardVersion>().is_err(), "{bad}");
        }
    }
}
