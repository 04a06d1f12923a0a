//! What a page shows of a value: words with their language, links, lists.

use askama::Template;
use domain::{Code, Lang, Place, Precision, Scheme, Text, TranslationOrigin, region, vocabulary};
use messages::direction;

use crate::language::Reader;

/// A value as a page shows it. Renders itself as HTML, escaped.
#[derive(Debug, Clone, PartialEq, Eq, Template)]
#[template(path = "shown.html")]
pub(crate) enum Shown {
    /// Words of the interface, a number, a date.
    Plain(String),
    /// Words of an entry.
    Words(Words),
    /// A link. Only ever to `http`, `https`, `mailto` and `tel`, or to a page of this node.
    Link { href: String, words: Words },
    /// Short labels side by side.
    Tags(Vec<Words>),
    /// Values one below the other.
    List(Vec<Shown>),
    /// Values one after the other.
    Line(Vec<Shown>),
    /// Labelled values.
    Facts(Vec<Fact>),
}

/// A labelled value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) label: String,
    pub(crate) value: Shown,
}

/// Words, with what a browser has to know of their language.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Words {
    pub(crate) value: String,
    /// The language, where it is another than the page's; then also shown by name where it is not what was asked for.
    pub(crate) lang: Option<String>,
    pub(crate) dir: &'static str,
    /// "in German": shown where the words are in a language that the reader did not ask for.
    pub(crate) other_language: Option<String>,
    /// "translated by a machine".
    pub(crate) machine: Option<String>,
}

impl Words {
    /// Words of no particular language: names, addresses.
    pub(crate) fn plain(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            dir: "auto",
            ..Self::default()
        }
    }

    /// The best of a text for a reader.
    pub(crate) fn best(text: &Text, reader: &Reader) -> Option<Self> {
        let (lang, words) = text.best(&reader.wanted)?;
        let interface = reader.interface;
        let wanted = reader.wanted.split('-').next().unwrap_or_default();
        let missed = lang.primary() != "und" && !lang.primary().eq_ignore_ascii_case(wanted);
        let other_language = missed.then(|| {
            let name = language(lang, reader);
            interface.message_with("entry-in-language", "language", name)
        });
        Some(Self {
            value: words.value.clone(),
            lang: (lang.0 != interface.tag()).then(|| lang.0.clone()),
            dir: direction(&lang.0),
            other_language,
            machine: (words.origin == TranslationOrigin::Machine)
                .then(|| interface.message("entry-machine-translated")),
        })
    }
}

/// The label of a code; the code itself where it is of a list that another node has extended.
pub(crate) fn code<S: Scheme>(code: &Code<S>, reader: &Reader) -> Words {
    label(S::NAME, code.as_str(), reader)
}

/// The label of a code of the list `scheme`, with its language where the list does not speak the reader's.
pub(crate) fn label(scheme: &str, code: &str, reader: &Reader) -> Words {
    let tag = reader.interface.tag();
    let list = vocabulary::all().schemes.get(scheme);
    let concept = list.and_then(|list| list.concepts.iter().find(|concept| concept.code == code));
    let labelled = [tag, "en", "de"].into_iter().find_map(|lang| {
        let words = concept?.label.get(lang)?;
        Some((lang, words))
    });
    match labelled {
        Some((lang, words)) => Words {
            lang: (lang != tag).then(|| lang.to_owned()),
            dir: direction(lang),
            ..Words::plain(words)
        },
        None => Words::plain(code),
    }
}

/// The name of a country or area; the code itself for a subdivision.
pub(crate) fn region(code: &str, reader: &Reader) -> String {
    let name = region::name(code, reader.interface.tag()).map(capitalised);
    let subdivision = || {
        let country = region::country_of(code).filter(|country| *country != code)?;
        Some(format!(
            "{code} ({})",
            region::name(country, reader.interface.tag())?
        ))
    };
    name.or_else(subdivision).unwrap_or_else(|| code.to_owned())
}

/// The name of a language.
pub(crate) fn language(lang: &Lang, reader: &Reader) -> String {
    region::language_name(&lang.0, reader.interface.tag())
        .map_or_else(|| lang.0.clone(), capitalised)
}

/// A name as it stands alone in a list: the tables have it as within a sentence ("world").
fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// A place in one line, from the narrowest to the widest; how exact it is, where that is less than a city.
pub(crate) fn place(place: &Place, reader: &Reader) -> String {
    let city = match (&place.postal_code, &place.city) {
        (Some(code), Some(city)) => Some(format!("{code} {city}")),
        (_, city) => city.clone(),
    };
    let country = region(&place.country, reader);
    let parts = [
        place.name.clone(),
        place.street_address.clone(),
        city,
        place.region.clone(),
        Some(country),
    ];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    match place.precision {
        Precision::Hidden => format!("{line} ({})", label("precision", "hidden", reader).value),
        Precision::Exact | Precision::City | Precision::Region => line,
    }
}

/// A link to an address of the web, or its words alone where it is none.
pub(crate) fn url(address: &str) -> Shown {
    let lower = address.trim_start().to_ascii_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        let words = address
            .trim_end_matches('/')
            .split_once("://")
            .map_or(address, |(_, rest)| rest);
        Shown::Link {
            href: address.to_owned(),
            words: Words::plain(words),
        }
    } else {
        Shown::Plain(address.to_owned())
    }
}

/// A link to write an e-mail.
pub(crate) fn email(address: &str) -> Shown {
    let href: String = url::form_urlencoded::byte_serialize(address.as_bytes()).collect();
    Shown::Link {
        href: format!("mailto:{}", href.replace("%40", "@")),
        words: Words::plain(address),
    }
}

/// A link to call a number.
pub(crate) fn telephone(number: &str) -> Shown {
    let digits: String = number
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '+')
        .collect();
    Shown::Link {
        href: format!("tel:{digits}"),
        words: Words {
            dir: "ltr",
            ..Words::plain(number)
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Language;

    fn reader(tag: &str) -> Reader {
        Reader {
            interface: Language::for_tag(tag).unwrap_or(Language::En),
            wanted: tag.to_owned(),
            chosen: false,
        }
    }

    #[test]
    fn nothing_but_the_web_becomes_a_link() {
        assert!(matches!(url("javascript:alert(1)"), Shown::Plain(_)));
        assert!(matches!(url("data:text/html,x"), Shown::Plain(_)));
        assert!(matches!(url("https://example.org"), Shown::Link { .. }));
    }

    #[test]
    fn words_of_entries_are_escaped_wherever_they_stand() {
        let shown = Shown::List(vec![
            Shown::Plain("<script>".into()),
            Shown::Link {
                href: "https://a/?\"><script>".into(),
                words: Words::plain("<b>"),
            },
            Shown::Facts(vec![Fact {
                label: "<i>".into(),
                value: Shown::Tags(vec![Words::plain("<u>")]),
            }]),
        ]);
        let html = shown.render().expect("renders");
        for raw in ["<script>", "<b>", "<i>", "<u>"] {
            assert!(!html.contains(raw), "{raw} in {html}");
        }
    }

    #[test]
    fn words_in_another_language_say_so_and_carry_their_direction() {
        let text = Text::new("ar", "مرحبا");
        let words = Words::best(&text, &reader("de")).expect("has words");
        assert_eq!(words.lang.as_deref(), Some("ar"));
        assert_eq!(words.dir, "rtl");
        assert_eq!(words.other_language.as_deref(), Some("auf Arabisch"));
        let own = Words::best(&text, &reader("ar")).expect("has words");
        assert_eq!(own.other_language, None);
    }

    #[test]
    fn codes_of_a_newer_node_are_shown_as_they_are() {
        assert_eq!(
            label("phase", "orient", &reader("en")).value,
            "Orientation and decision"
        );
        assert_eq!(
            label("phase", "unheard_of", &reader("en")).value,
            "unheard_of"
        );
        assert_eq!(region("001", &reader("en")), "World");
        assert_eq!(region("XK", &reader("ar")), "كوسوفو");
        assert_eq!(region("DE-BW", &reader("de")), "DE-BW (Deutschland)");
    }

    #[test]
    fn a_label_that_the_list_has_in_another_language_only_says_in_which() {
        assert_eq!(label("phase", "orient", &reader("de")).lang, None);
        let missing = label("phase", "orient", &reader("ar"));
        assert_eq!((missing.lang.as_deref(), missing.dir), (Some("en"), "ltr"));
    }

    #[test]
    fn an_address_cannot_smuggle_header_fields_into_a_message() {
        let shown = email("a@b.example?bcc=c@d.example&body=x");
        let safe = |href: &str| !href.contains(['?', '&']);
        assert!(
            matches!(&shown, Shown::Link { href, .. } if safe(href)),
            "{shown:?}"
        );
    }
}
