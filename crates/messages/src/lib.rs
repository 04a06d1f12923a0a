//! What the product says to people who have no account, in the languages of its interface: on pages and in forms.
//!
//! The texts are Fluent files (<https://projectfluent.org/>) in `messages/`, a folder for each language. What an entry says is
//! not here: it has the languages that its owner gave it.

use std::sync::LazyLock;

use domain::Text;
pub use fluent_bundle::FluentValue;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

/// A language that the interface speaks.
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

/// The files of a language.
macro_rules! files {
    ($language:literal) => {
        [
            include_str!(concat!("../messages/", $language, "/pages.ftl")),
            include_str!(concat!("../messages/", $language, "/fields.ftl")),
            include_str!(concat!("../messages/", $language, "/forms.ftl")),
        ]
    };
}

impl Language {
    /// All of them, in the order in which pages offer them.
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

    /// The language for a language tag or its primary language, if the interface speaks it.
    #[must_use]
    pub fn for_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or(tag);
        Self::ALL
            .into_iter()
            .find(|known| known.tag().eq_ignore_ascii_case(primary))
    }

    /// Whether it is written from right to left.
    #[must_use]
    pub fn is_right_to_left(self) -> bool {
        domain::region::is_right_to_left(self.tag())
    }

    /// The value of HTML's `dir`.
    #[must_use]
    pub fn direction(self) -> &'static str {
        direction(self.tag())
    }

    fn files(self) -> [&'static str; 3] {
        match self {
            Self::De => files!("de"),
            Self::En => files!("en"),
            Self::Ar => files!("ar"),
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

    /// A message without variables. A key that no file has comes back as it is: a test holds that none is missing.
    #[must_use]
    pub fn message(self, key: &str) -> String {
        self.find(key).unwrap_or_else(|| key.to_owned())
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

    /// What a text of an entry says in this language, or in the next best one.
    #[must_use]
    pub fn text(self, text: &Text) -> String {
        let best = text.best(self.tag());
        best.map(|(_, text)| text.value.clone()).unwrap_or_default()
    }

    fn format(self, key: &str, args: Option<&FluentArgs<'_>>) -> Option<String> {
        let bundle = self.bundle();
        let pattern = bundle.get_message(key)?.value()?;
        // What is wrong with a message is wrong in its file; the tests format every message of every file.
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut errors);
        Some(text.into_owned())
    }
}

/// The value of HTML's `dir` for text in a language, named by its BCP 47 tag.
#[must_use]
pub fn direction(tag: &str) -> &'static str {
    if domain::region::is_right_to_left(tag) {
        "rtl"
    } else {
        "ltr"
    }
}

fn bundle(language: Language) -> Bundle {
    let locale = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    // Marks around variables would end up in cells of a form; the pages isolate with `<bdi>` where it matters.
    bundle.set_use_isolating(false);
    for file in language.files() {
        // A broken line loses its message, not the file; the tests hold that no line is broken.
        let resource = match FluentResource::try_new(file.to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

#[cfg(test)]
mod tests;
