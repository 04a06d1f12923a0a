//! In which language a reader gets a page.

use actix_web::HttpRequest;
use actix_web::http::header::{AcceptLanguage, Header as _};
use messages::Language;

/// The languages of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The language of the interface around the entries.
    pub interface: Language,
    /// The language in which entries are shown where they have it: what was asked for, also where the interface does
    /// not speak it.
    pub wanted: String,
    /// Whether the address says so; the links of the page then keep it.
    pub chosen: bool,
}

/// Longest language tag that is looked at (RFC 5646 section 4.4.1: 35 characters are enough for all in use).
const TAG: usize = 35;

impl Reader {
    /// Chooses by `?lang=`, then by `Accept-Language` (RFC 9110 section 12.5.4), then the node's default.
    #[must_use]
    pub fn choose(asked: Option<&str>, request: &HttpRequest, default: Option<&str>) -> Self {
        let accepted = AcceptLanguage::parse(request)
            .map(|header| header.ranked())
            .unwrap_or_default();
        let accepted = accepted
            .iter()
            .filter_map(|preference| preference.item().map(|tag| tag.as_str().to_owned()));
        let tags = asked.map(str::to_owned).into_iter().chain(accepted);
        Self {
            chosen: asked.is_some(),
            ..Self::first_of(tags, default)
        }
    }

    fn first_of(tags: impl Iterator<Item = String>, default: Option<&str>) -> Self {
        let is_tag = |tag: &String| {
            !tag.is_empty()
                && tag.len() <= TAG
                && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let tags: Vec<String> = tags.filter(is_tag).collect();
        let interface = tags
            .iter()
            .find_map(|tag| Language::for_tag(tag))
            .or_else(|| Language::for_tag(default?))
            .unwrap_or(Language::En);
        let wanted = tags.into_iter().next();
        Self {
            interface,
            wanted: wanted.unwrap_or_else(|| interface.tag().to_owned()),
            chosen: false,
        }
    }

    /// A link to a page of this node, in the language that was chosen.
    pub(crate) fn link(&self, path: &str) -> String {
        if self.chosen {
            with_query(path, [("lang", self.wanted.as_str())])
        } else {
            path.to_owned()
        }
    }
}

/// A path with a query of these parameters, or without one where there are none.
pub(crate) fn with_query<'a>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn choose(asked: Option<&str>, header: &str) -> (&'static str, String) {
        let request = TestRequest::default()
            .insert_header(("Accept-Language", header))
            .to_http_request();
        let reader = Reader::choose(asked, &request, Some("de"));
        (reader.interface.tag(), reader.wanted)
    }

    #[test]
    fn the_address_decides_before_the_browser_and_the_browser_before_the_node() {
        assert_eq!(choose(Some("ar"), "en"), ("ar", "ar".into()));
        assert_eq!(
            choose(None, "fr;q=0.5, en-GB;q=0.9"),
            ("en", "en-GB".into())
        );
        assert_eq!(choose(None, ""), ("de", "de".into()));
        assert_eq!(choose(None, "xx"), ("de", "xx".into()));
    }

    #[test]
    fn entries_are_shown_in_a_language_that_the_interface_does_not_speak() {
        assert_eq!(choose(Some("sq"), "en"), ("en", "sq".into()));
        assert_eq!(choose(None, "tr, ar;q=0.3"), ("ar", "tr".into()));
    }

    #[test]
    fn what_is_no_language_tag_is_passed_over() {
        assert_eq!(choose(Some("<script>"), "en"), ("en", "en".into()));
        assert_eq!(choose(Some(&"a".repeat(400)), "*"), ("de", "de".into()));
    }
}
