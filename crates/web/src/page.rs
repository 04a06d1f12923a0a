//! What every page has: its name, its language, and links that keep the language.

use actix_web::HttpRequest;
use messages::{Language, direction};

use crate::assets;
use crate::language::{Reader, with_query};
use crate::settings::Settings;

/// The frame around one page, as the base template reads it.
#[derive(Debug)]
pub(crate) struct Page {
    /// The node's name in the reader's language.
    pub(crate) name: String,
    /// The languages of the answer.
    pub(crate) reader: Reader,
    path: String,
    /// The other parameters of the address, for the links to the same page in another language.
    query: Vec<(String, String)>,
}

/// A link to the same page in another language.
pub(crate) struct LanguageLink {
    pub(crate) href: String,
    pub(crate) tag: &'static str,
    pub(crate) dir: &'static str,
    pub(crate) name: String,
    pub(crate) current: bool,
}

impl Page {
    /// The frame for an answer to this request.
    pub(crate) fn new(request: &HttpRequest, settings: &Settings) -> Self {
        let mut query: Vec<(String, String)> =
            url::form_urlencoded::parse(request.query_string().as_bytes())
                .into_owned()
                .collect();
        let asked = query
            .iter()
            .find(|(key, _)| key == "lang")
            .map(|(_, value)| value.clone());
        query.retain(|(key, value)| key != "lang" && !value.is_empty());
        let reader = Reader::choose(
            asked.as_deref(),
            request,
            settings.site.default_language.as_deref(),
        );
        let name = settings
            .site
            .name
            .as_ref()
            .and_then(|name| name.best(&reader.wanted))
            .map_or_else(|| "Lotse".to_owned(), |(_, words)| words.value.clone());
        Self {
            name,
            path: request.path().to_owned(),
            query,
            reader,
        }
    }

    /// A message of the interface.
    pub(crate) fn t(&self, key: &str) -> String {
        self.reader.interface.message(key)
    }

    /// A message about a number of things.
    pub(crate) fn count(&self, key: &str, count: u64) -> String {
        self.reader.interface.message_with(key, "count", count)
    }

    /// The language of the interface, for `lang`.
    pub(crate) fn lang(&self) -> &'static str {
        self.reader.interface.tag()
    }

    /// Its direction, for `dir`.
    pub(crate) fn dir(&self) -> &'static str {
        direction(self.lang())
    }

    /// A link to another page of this node, in the language that was chosen.
    pub(crate) fn link(&self, path: &str) -> String {
        self.reader.link(path)
    }

    /// The language that the address names.
    pub(crate) fn chosen_language(&self) -> Option<&str> {
        self.reader.chosen.then_some(self.reader.wanted.as_str())
    }

    /// This page with one parameter set to another value.
    pub(crate) fn here_with(&self, key: &str, value: &str) -> String {
        let kept = self
            .query
            .iter()
            .filter(|(name, _)| name != key)
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let lang = self
            .chosen_language()
            .map(|tag| ("lang", tag))
            .filter(|_| key != "lang");
        with_query(&self.path, kept.chain(lang).chain([(key, value)]))
    }

    /// This page without one parameter.
    pub(crate) fn here_without(&self, key: &str) -> String {
        let kept = self.query.iter().filter(|(name, _)| name != key);
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let lang = self.chosen_language().map(|tag| ("lang", tag));
        with_query(&self.path, kept.chain(lang))
    }

    /// A parameter of the address that is not empty.
    pub(crate) fn parameter(&self, key: &str) -> Option<&str> {
        let mut values = self.query.iter().filter(|(name, _)| name == key);
        values.next().map(|(_, value)| value.as_str())
    }

    /// Whether this is the page at `path`.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }

    /// This page in each language of the interface.
    pub(crate) fn languages(&self) -> Vec<LanguageLink> {
        let link = |language: Language| LanguageLink {
            href: self.here_with("lang", language.tag()),
            tag: language.tag(),
            dir: language.direction(),
            name: language.message("language-name"),
            current: language == self.reader.interface,
        };
        Language::ALL.into_iter().map(link).collect()
    }

    /// The address of the style sheet, which changes with its content.
    pub(crate) fn style_sheet(&self) -> &'static str {
        assets::style_sheet()
    }

    /// The address of the icon.
    pub(crate) fn icon(&self) -> &'static str {
        assets::icon()
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::settings::Site;

    fn page(uri: &str) -> Page {
        let settings = Settings {
            origin: "http://127.0.0.1:8080".parse().expect("an origin"),
            site: Site::default(),
        };
        Page::new(&TestRequest::with_uri(uri).to_http_request(), &settings)
    }

    #[test]
    fn links_keep_the_language_that_was_chosen_and_add_none_otherwise() {
        assert_eq!(page("/offers?lang=ar").link("/imprint"), "/imprint?lang=ar");
        assert_eq!(page("/offers").link("/imprint"), "/imprint");
    }

    #[test]
    fn the_same_page_in_another_language_keeps_its_filters() {
        let page = page("/offers?q=a%26b&country=DE&lang=de&topic=");
        let links = page.languages();
        assert_eq!(links[2].href, "/offers?q=a%26b&country=DE&lang=ar");
        assert!(links[0].current && !links[2].current);
    }
}
