//! `/imprint` and `/privacy`: the operator's texts, or an honest notice that there are none yet.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use domain::Text;
use messages::direction;

use super::ok;
use crate::directory::Directory;
use crate::page::Page;

#[derive(Template)]
#[template(path = "legal.html")]
struct Legal {
    page: Page,
    heading: String,
    text: Option<Paragraphs>,
    /// Whether to say what the software itself does.
    privacy: bool,
    regime: Option<String>,
}

/// The operator's text, line by line.
struct Paragraphs {
    lang: String,
    dir: &'static str,
    paragraphs: Vec<Vec<String>>,
}

impl Paragraphs {
    fn best(text: &Text, wanted: &str) -> Option<Self> {
        let (lang, words) = text.best(wanted)?;
        let mut paragraphs = vec![Vec::new()];
        for line in words.value.lines().map(str::trim_end) {
            match paragraphs.last_mut() {
                Some(lines) if !line.is_empty() => lines.push(line.to_owned()),
                _ => paragraphs.push(Vec::new()),
            }
        }
        paragraphs.retain(|lines| !lines.is_empty());
        Some(Self {
            lang: lang.0.clone(),
            dir: direction(&lang.0),
            paragraphs,
        })
    }
}

pub(super) async fn imprint(request: HttpRequest, directory: web::Data<Directory>) -> HttpResponse {
    let page = Page::new(&request, &directory.settings);
    let text = directory.settings.site.imprint.as_ref();
    let text = text.and_then(|text| Paragraphs::best(text, &page.reader.wanted));
    let heading = page.t("imprint-title");
    ok(
        page.lang(),
        &Legal {
            page,
            heading,
            text,
            privacy: false,
            regime: None,
        },
    )
}

pub(super) async fn privacy(request: HttpRequest, directory: web::Data<Directory>) -> HttpResponse {
    let page = Page::new(&request, &directory.settings);
    let site = &directory.settings.site;
    let text = site
        .privacy
        .as_ref()
        .and_then(|text| Paragraphs::best(text, &page.reader.wanted));
    let interface = page.reader.interface;
    let regime = site.data_protection.as_deref();
    let regime = regime.map(|regime| interface.message_with("privacy-regime", "regime", regime));
    let heading = page.t("privacy-title");
    ok(
        page.lang(),
        &Legal {
            page,
            heading,
            text,
            privacy: true,
            regime,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_divide_paragraphs_and_nothing_is_lost() {
        let text = Text::new("de", "A e.V.\nStraße 1\n\n\nTelefon");
        let paragraphs = Paragraphs::best(&text, "de").expect("has words").paragraphs;
        assert_eq!(paragraphs, [vec!["A e.V.", "Straße 1"], vec!["Telefon"]]);
    }
}
