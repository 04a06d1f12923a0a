//! What the files say to people, in the languages of the interface.

use std::sync::LazyLock;

use domain::Text;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

/// A language in which forms are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// German.
    De,
    /// English.
    En,
    /// Arabic.
    Ar,
}

type Bundle = FluentBundle<FluentResource>;

impl Language {
    /// All of them.
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

    /// The language of forms for a language tag or its primary language, if there is one.
    #[must_use]
    pub fn for_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL
            .into_iter()
            .find(|known| known.tag().eq_ignore_ascii_case(primary))
    }

    /// Whether it is written from right to left.
    pub(crate) fn is_right_to_left(self) -> bool {
        domain::region::is_right_to_left(self.tag())
    }

    fn file(self) -> &'static str {
        match self {
            Self::De => include_str!("../messages/de/forms.ftl"),
            Self::En => include_str!("../messages/en/forms.ftl"),
            Self::Ar => include_str!("../messages/ar/forms.ftl"),
        }
    }

    fn bundle(self) -> &'static Bundle {
        static DE: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::De));
        static EN: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::En));
        static AR: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Ar));
        match self {
            Self::De => &DE,
            Self::En => &EN,
            Self::Ar => &AR,
        }
    }

    /// A message without variables. A key that the file lacks comes back as it is: a test holds that none is missing.
    pub(crate) fn message(self, key: &str) -> String {
        self.format(key, None)
    }

    /// A message with one variable.
    pub(crate) fn message_with<'a>(
        self,
        key: &str,
        name: &'a str,
        value: impl Into<FluentValue<'a>>,
    ) -> String {
        let mut args = FluentArgs::new();
        args.set(name, value);
        self.format(key, Some(&args))
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.bundle();
        let message = bundle.get_message(key);
        let Some(pattern) = message.and_then(|message| message.value()) else {
            return key.to_owned();
        };
        // What is wrong with a message is wrong in its file; a test formats them all.
        let mut errors = Vec::new();
        bundle
            .format_pattern(pattern, args, &mut errors)
            .into_owned()
    }

    /// A text of the standard in this language, or in the next best one.
    pub(crate) fn text(self, text: &Text) -> String {
        let best = text.best(self.tag());
        best.map(|(_, text)| text.value.clone()).unwrap_or_default()
    }
}

fn bundle(language: Language) -> Bundle {
    let locale = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    // Marks around variables would end up in cells.
    bundle.set_use_isolating(false);
    // A broken line loses its message, not the file; a test holds that no line is broken.
    let resource = match FluentResource::try_new(language.file().to_owned()) {
        Ok(resource) | Err((resource, _)) => resource,
    };
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(language: Language) -> Vec<String> {
        let file = language.file();
        FluentResource::try_new(file.to_owned()).expect("no line is broken");
        let key = |line: &str| {
            let (key, _) = line.split_once(" =")?;
            let starts = key.chars().next()?.is_ascii_alphabetic();
            (starts && !key.contains(' ')).then(|| key.to_owned())
        };
        file.lines().filter_map(key).collect()
    }

    #[test]
    fn every_language_has_the_same_messages_and_none_twice() {
        let expected: BTreeSet<String> = keys(Language::De).into_iter().collect();
        assert!(expected.len() > 40);
        for language in Language::ALL {
            let all = keys(language);
            let set: BTreeSet<String> = all.iter().cloned().collect();
            assert_eq!(set.len(), all.len(), "{language:?} has a message twice");
            let missing: Vec<_> = expected.symmetric_difference(&set).collect();
            assert!(missing.is_empty(), "{language:?}: {missing:?}");
        }
    }

    #[test]
    fn every_message_formats_without_an_error() {
        for language in Language::ALL {
            for key in keys(language) {
                let mut args = FluentArgs::new();
                args.set("number", 2);
                args.set("version", "1.0.0");
                let bundle = language.bundle();
                let message = bundle.get_message(&key).and_then(|it| it.value());
                let mut errors = Vec::new();
                let text =
                    bundle.format_pattern(message.expect("has a value"), Some(&args), &mut errors);
                assert!(
                    errors.is_empty() && !text.trim().is_empty(),
                    "{language:?} {key}: {errors:?}"
                );
            }
        }
    }

    #[test]
    fn a_language_is_found_by_its_primary_tag() {
        assert_eq!(Language::for_tag("de-AT"), Some(Language::De));
        assert_eq!(Language::for_tag("AR"), Some(Language::Ar));
        assert_eq!(Language::for_tag("fr"), None);
    }
}
