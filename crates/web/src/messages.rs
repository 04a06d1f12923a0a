//! What the pages say, in the languages that the interface speaks.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// A language that the interface itself speaks. What entries say has any language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// German.
    De,
    /// English.
    En,
    /// Arabic.
    Ar,
}

type Bundle = FluentBundle<FluentResource>;

impl Interface {
    /// All of them, in the order in which the pages offer them.
    pub const ALL: [Self; 3] = [Self::De, Self::En, Self::Ar];

    /// The BCP 47 tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::De => "de",
            Self::En => "en",
            Self::Ar => "ar",
        }
    }

    /// The interface language for a language tag or its primary language, if there is one.
    #[must_use]
    pub fn for_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL
            .into_iter()
            .find(|known| known.tag().eq_ignore_ascii_case(primary))
    }

    /// The value of HTML's `dir`.
    #[must_use]
    pub fn direction(self) -> &'static str {
        direction(self.tag())
    }

    fn bundle(self) -> &'static Bundle {
        static DE: LazyLock<Bundle> = LazyLock::new(|| {
            bundle(
                Interface::De,
                [
                    include_str!("../messages/de/pages.ftl"),
                    include_str!("../messages/de/fields.ftl"),
                ],
            )
        });
        static EN: LazyLock<Bundle> = LazyLock::new(|| {
            bundle(
                Interface::En,
                [
                    include_str!("../messages/en/pages.ftl"),
                    include_str!("../messages/en/fields.ftl"),
                ],
            )
        });
        static AR: LazyLock<Bundle> = LazyLock::new(|| {
            bundle(
                Interface::Ar,
                [
                    include_str!("../messages/ar/pages.ftl"),
                    include_str!("../messages/ar/fields.ftl"),
                ],
            )
        });
        match self {
            Self::De => &DE,
            Self::En => &EN,
            Self::Ar => &AR,
        }
    }

    /// A message without variables. A key that no file has comes back as it is: a test holds that none is missing.
    #[must_use]
    pub fn message(self, key: &str) -> String {
        self.format(key, None).unwrap_or_else(|| key.to_owned())
    }

    /// A message, if there is one under this key.
    #[must_use]
    pub fn find(self, key: &str) -> Option<String> {
        self.format(key, None)
    }

    /// A message with one variable.
    #[must_use]
    pub fn message_with<'a>(
        self,
        key: &str,
        name: &'a str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.format(key, Some(&args))
            .unwrap_or_else(|| key.to_owned())
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let bundle = self.bundle();
        let pattern = bundle.get_message(key)?.value()?;
        // What is wrong with a message is wrong in its file; the tests format every message of every file.
        let mut errors = Vec::new();
        Some(
            bundle
                .format_pattern(pattern, args, &mut errors)
                .into_owned(),
        )
    }
}

/// The value of HTML's `dir` for text in a language.
#[must_use]
pub(crate) fn direction(tag: &str) -> &'static str {
    if domain::region::is_right_to_left(tag) {
        "rtl"
    } else {
        "ltr"
    }
}

fn bundle(language: Interface, files: [&str; 2]) -> Bundle {
    let locale = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    // Marks around variables are for running text of mixed directions; the pages isolate with `<bdi>` where it matters.
    bundle.set_use_isolating(false);
    for file in files {
        // A broken line loses its message, not the file; the tests hold that no line is broken.
        let resource = match FluentResource::try_new(file.to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FILES: [(Interface, [&str; 2]); 3] = [
        (
            Interface::De,
            [
                include_str!("../messages/de/pages.ftl"),
                include_str!("../messages/de/fields.ftl"),
            ],
        ),
        (
            Interface::En,
            [
                include_str!("../messages/en/pages.ftl"),
                include_str!("../messages/en/fields.ftl"),
            ],
        ),
        (
            Interface::Ar,
            [
                include_str!("../messages/ar/pages.ftl"),
                include_str!("../messages/ar/fields.ftl"),
            ],
        ),
    ];

    /// The keys of a file, and a repeated key or broken line as an error.
    fn keys(file: &str) -> Result<Vec<String>, String> {
        FluentResource::try_new(file.to_owned()).map_err(|(_, errors)| format!("{errors:?}"))?;
        let key = |line: &str| {
            let (key, _) = line.split_once(" =")?;
            let starts = key.chars().next()?.is_ascii_alphabetic();
            (starts && !key.contains(' ')).then(|| key.to_owned())
        };
        Ok(file.lines().filter_map(key).collect())
    }

    #[test]
    fn every_language_has_the_same_messages_and_none_twice() {
        let mut expected: Option<BTreeSet<String>> = None;
        for (language, files) in FILES {
            let all: Vec<String> = files
                .iter()
                .flat_map(|file| keys(file).expect("parses"))
                .collect();
            let set: BTreeSet<String> = all.iter().cloned().collect();
            assert_eq!(set.len(), all.len(), "{language:?} has a message twice");
            if let Some(expected) = &expected {
                let missing: Vec<_> = expected.symmetric_difference(&set).collect();
                assert!(missing.is_empty(), "{language:?}: {missing:?}");
            }
            expected = Some(set);
        }
        assert!(expected.is_some_and(|set| set.len() > 50));
    }

    #[test]
    fn every_message_formats_without_an_error_for_any_count() {
        for (language, files) in FILES {
            for key in files.iter().flat_map(|file| keys(file).expect("parses")) {
                for count in [0, 1, 2, 5, 11, 100, 1_000_000] {
                    let mut args = FluentArgs::new();
                    args.set("count", count);
                    for name in ["date", "language", "regime", "number"] {
                        args.set(name, "x");
                    }
                    let bundle = language.bundle();
                    let pattern = bundle
                        .get_message(&key)
                        .and_then(|m| m.value())
                        .expect("has a value");
                    let mut errors = Vec::new();
                    let text = bundle.format_pattern(pattern, Some(&args), &mut errors);
                    assert!(
                        errors.is_empty() && !text.trim().is_empty(),
                        "{language:?} {key}: {errors:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn counts_follow_the_plural_rules_of_the_language() {
        let offers =
            |language: Interface, count: u64| language.message_with("count-offers", "count", count);
        assert_eq!(offers(Interface::De, 1), "Angebot");
        assert_eq!(offers(Interface::De, 2), "Angebote");
        let arabic: BTreeSet<String> = [1, 2, 5, 11].map(|n| offers(Interface::Ar, n)).into();
        assert_eq!(arabic.len(), 4);
        assert_eq!(Interface::Ar.direction(), "rtl");
    }
}
