//! Checks that go beyond types: each finding has a place, a code and words.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::ValidateEmail;

use crate::{EntryRef, Lang, Origin, Reference, limits, region};

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Where, as a JSON Pointer (RFC 6901) into the body: `/content/places/0/lat`.
    #[schema(example = "/content/places/0/lat")]
    pub pointer: String,
    /// What, stable for programs: `unknown_code`, `too_long`, `out_of_range` ...
    #[schema(value_type = String, example = "out_of_range")]
    pub code: Cow<'static, str>,
    /// What, in words for people.
    #[schema(example = "a latitude lies between -90 and 90")]
    pub message: String,
}

/// Collects violations while walking through an entry, keeping track of where it is.
#[derive(Debug)]
pub struct Checker<'a> {
    origin: &'a Origin,
    today: NaiveDate,
    pointer: String,
    violations: Vec<Violation>,
    references: Vec<Reference>,
}

impl<'a> Checker<'a> {
    /// A checker for entries of `origin`, on the day `today` (UTC).
    #[must_use]
    pub fn new(origin: &'a Origin, today: NaiveDate) -> Self {
        Self {
            origin,
            today,
            pointer: String::new(),
            violations: Vec::new(),
            references: Vec::new(),
        }
    }

    /// The day on which the check happens.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.today
    }

    /// What was found: violations, and the references that are well formed and whose targets storage must look up.
    #[must_use]
    pub fn finish(self) -> (Vec<Violation>, Vec<Reference>) {
        (self.violations, self.references)
    }

    /// Notes a violation at the current place.
    pub fn refuse(&mut self, code: &'static str, message: impl Into<String>) {
        self.violations.push(Violation {
            pointer: self.pointer.clone(),
            code: Cow::Borrowed(code),
            message: message.into(),
        });
    }

    /// Notes what was found elsewhere, with places relative to the current one.
    pub fn findings(&mut self, found: Vec<Violation>) {
        self.violations
            .extend(found.into_iter().map(|mut violation| {
                violation.pointer.insert_str(0, &self.pointer);
                violation
            }));
    }

    /// Walks into a field.
    pub fn field<R>(&mut self, name: &str, walk: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.pointer.len();
        self.pointer.push('/');
        // RFC 6901 section 3: `~` and `/` are escaped.
        for c in name.chars() {
            match c {
                '~' => self.pointer.push_str("~0"),
                '/' => self.pointer.push_str("~1"),
                c => self.pointer.push(c),
            }
        }
        let result = walk(self);
        self.pointer.truncate(length);
        result
    }

    /// Walks into each item of a list of at most `most`.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: &[T],
        most: usize,
        mut walk: impl FnMut(&mut Self, &T),
    ) {
        self.field(name, |c| {
            if items.len() > most {
                c.refuse(
                    "too_many",
                    format!("at most {most} items, these are {}", items.len()),
                );
                return;
            }
            let length = c.pointer.len();
            for (index, item) in items.iter().enumerate() {
                // Writing to a String cannot fail.
                let _ = write!(c.pointer, "/{index}");
                walk(c, item);
                c.pointer.truncate(length);
            }
        });
    }

    /// Refuses a list with repeated items.
    pub fn distinct<T: Ord>(&mut self, name: &str, items: &[T]) {
        let mut sorted: Vec<&T> = items.iter().collect();
        sorted.sort();
        if sorted
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a == b))
        {
            self.field(name, |c| {
                c.refuse("repeated", "the same item stands in the list twice")
            });
        }
    }

    /// Refuses an empty required list.
    pub fn not_empty<T>(&mut self, name: &str, items: &[T]) {
        if items.is_empty() {
            self.field(name, |c| c.refuse("required", "at least one is needed"));
        }
    }

    /// A required string: not blank, not too long, no control characters.
    pub fn string(&mut self, name: &str, value: &str, most: usize) {
        self.field(name, |c| c.string_here(value, most));
    }

    /// The same at the current place.
    pub fn string_here(&mut self, value: &str, most: usize) {
        if value.trim().is_empty() {
            self.refuse("empty", "may not be empty");
        } else if value.len() > most && value.chars().count() > most {
            self.refuse(
                "too_long",
                format!(
                    "at most {most} characters, these are {}",
                    value.chars().count()
                ),
            );
        } else if value.bytes().any(|b| b < 0x20 || b == 0x7f)
            && value.chars().any(is_forbidden_control)
        {
            self.refuse("control_character", "control characters are not allowed");
        }
    }

    /// An optional string, checked when it is there.
    pub fn optional_string(&mut self, name: &str, value: Option<&str>, most: usize) {
        if let Some(value) = value {
            self.string(name, value, most);
        }
    }

    /// An optional web address: absolute, `https` or `http`, with a host and without credentials.
    pub fn optional_url(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.field(name, |c| c.url_here(value));
        }
    }

    /// A web address at the current place.
    pub fn url_here(&mut self, value: &str) {
        self.string_here(value, limits::URL);
        let ok = url::Url::parse(value).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host().is_some()
                && url.username().is_empty()
                && url.password().is_none()
        });
        // The URL standard has readers drop blanks and line ends: what is kept here must be an address without that.
        let ok = ok && !value.contains(char::is_whitespace);
        if !ok {
            self.refuse("not_a_url", "expected an absolute http or https address");
        }
    }

    /// An e-mail address at the current place.
    pub fn email_here(&mut self, value: &str) {
        self.string_here(value, limits::EMAIL);
        if !value.validate_email() {
            self.refuse("not_an_email", "expected an e-mail address");
        }
    }

    /// An ISO 3166-1 alpha-2 country code, or `XK`.
    pub fn country(&mut self, name: &str, value: &str) {
        self.field(name, |c| c.country_here(value));
    }

    /// A country at the current place.
    pub fn country_here(&mut self, value: &str) {
        if !region::is_country(value) {
            self.refuse(
                "unknown_country",
                "expected a country code of ISO 3166-1 (two capital letters), or XK",
            );
        }
    }

    /// A country, an ISO 3166-2 subdivision or a UN M49 area, at the current place.
    pub fn region_here(&mut self, value: &str) {
        if !region::is_region(value) {
            self.refuse(
                "unknown_region",
                "expected a code of ISO 3166-1, ISO 3166-2 or UN M49 (001 is the world), or XK",
            );
        }
    }

    /// A language tag at the current place.
    pub fn language_here(&mut self, value: &Lang) {
        if !value.is_valid() {
            self.refuse(
                "not_a_language",
                "expected a language tag of BCP 47, such as de, pt-BR or sr-Latn",
            );
        }
    }

    /// A date in a sensible range.
    pub fn date(&mut self, name: &str, value: Option<NaiveDate>) {
        if let Some(date) = value
            && !(limits::FIRST_YEAR..=self.today.year() + limits::YEARS_AHEAD)
                .contains(&date.year())
        {
            self.field(name, |c| {
                c.refuse("out_of_range", "this date lies too far away to be meant")
            });
        }
    }

    /// A date that may not lie in the future. One day of grace: the day begins at different times around the world.
    pub fn past_date(&mut self, name: &str, value: Option<NaiveDate>) {
        self.date(name, value);
        if value.is_some_and(|date| date > self.today + chrono::Days::new(1)) {
            self.field(name, |c| {
                c.refuse("in_the_future", "this date may not lie in the future")
            });
        }
    }

    /// A moment in a sensible range.
    pub fn moment(&mut self, name: &str, value: DateTime<Utc>) {
        self.date(name, Some(value.date_naive()));
    }

    /// Two ends that must be in order; says so at the later one.
    pub fn in_order<T: PartialOrd>(&mut self, later: &str, from: Option<T>, until: Option<T>) {
        if let (Some(from), Some(until)) = (from, until)
            && until < from
        {
            self.field(later, |c| {
                c.refuse("before_start", "the end lies before the beginning")
            });
        }
    }

    /// A reference to an entry of one of `kinds`; local ones are looked up later.
    pub fn reference(&mut self, name: &str, target: &EntryRef, kinds: &'static [crate::Kind]) {
        self.field(name, |c| c.reference_here(target, kinds));
    }

    /// A reference at the current place.
    pub fn reference_here(&mut self, target: &EntryRef, kinds: &'static [crate::Kind]) {
        if let EntryRef::Uri(uri) = target {
            self.url_here(uri);
            // Compared as addresses, not as text: `HTTP://host:80/` and `http://host/` are one.
            let base = self.origin.as_str();
            let is_local = url::Url::parse(uri).is_ok_and(|uri| {
                uri.as_str()
                    .strip_prefix(base)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            if is_local {
                self.refuse(
                    "local_as_uri",
                    "this entry is of this node: refer to it by its id",
                );
            }
        }
        self.references.push(Reference {
            pointer: self.pointer.clone(),
            target: target.clone(),
            kinds,
        });
    }
}

/// Control characters other than line feed and tab.
fn is_forbidden_control(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}
