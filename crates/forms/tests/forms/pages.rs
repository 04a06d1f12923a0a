//! The page to print.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use forms::{Language, page_csp};
use sha2::{Digest, Sha256};

use crate::common::{Given, organisation};

#[test]
fn a_page_is_whole_says_its_language_and_that_the_standard_is_a_draft() {
    let given = Given::filled();
    for (lang, head, draft) in [
        (Language::De, "<html lang=\"de\" dir=\"ltr\">", "Entwurf:"),
        (Language::En, "<html lang=\"en\" dir=\"ltr\">", "Draft:"),
        (Language::Ar, "<html lang=\"ar\" dir=\"rtl\">", "مسودة"),
    ] {
        let page = given.form(lang).html().unwrap();
        assert!(page.trim_start().starts_with("<!DOCTYPE html>") && page.contains(head));
        assert!(page.contains(draft) && page.contains("1.0.0-draft.1"));
        assert!(
            page.find(draft) < page.find("<h2"),
            "a draft says so at the top"
        );
        assert!(!page.contains("<script") && !page.contains(" style=") && !page.contains("<link"));
        assert!(page.trim_end().ends_with("</html>"));
        let without = page.matches("<table").count() - page.matches("<caption").count();
        assert!(page.contains("@media print") && without <= 1);
        for (open, close) in [
            ("<table", "</table>"),
            ("<tr", "</tr>"),
            ("<article", "</article>"),
            ("<bdi", "</bdi>"),
        ] {
            assert_eq!(
                page.matches(open).count(),
                page.matches(close).count(),
                "{open}"
            );
        }
    }
}

#[test]
fn every_criterion_that_is_asked_is_on_it_with_its_boxes() {
    let mut given = Given::empty();
    let page = given.form(Language::De).html().unwrap();
    assert_eq!(page.matches("<article").count(), 27);
    given.subject = Some(organisation());
    let page = given.form(Language::De).html().unwrap();
    assert_eq!(page.matches("<article").count(), 15);
    assert_eq!(page.matches("role=\"img\"").count(), 15 * 6);
    assert!(
        !page.contains('☒') && page.contains("scope=\"col\"") && page.contains("scope=\"row\"")
    );
}

#[test]
fn what_is_filled_in_shows_and_is_text() {
    let mut given = Given::filled();
    given.answers.get_mut("D1.1").unwrap().comment = Some("<script>alert(1)</script>".to_owned());
    let page = given.form(Language::De).html().unwrap();
    assert_eq!(page.matches('☒').count(), 2);
    for shown in [
        "https://example.org/k",
        "gibt es nicht",
        "Üben",
        "Leitung",
        "angefangen",
        "begonnen",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("<script"));
    given.subject = Some(organisation());
    let page = given.form(Language::De).html().unwrap();
    assert!(page.contains("Weitere Maßnahmen") && page.contains("Üben"));
}

#[test]
fn texts_in_another_language_say_so() {
    let page = Given::empty().form(Language::Ar).html().unwrap();
    assert!(page.contains("<bdi lang=\"en\" dir=\"ltr\">Advice with an open outcome</bdi>"));
}

#[test]
fn the_policy_knows_the_pages_style_by_its_hash() {
    let page = Given::empty().form(Language::En).html().unwrap();
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    assert!(!rest.contains("<style"));
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(page_csp().contains(&format!("style-src 'sha256-{hash}'")));
    assert!(page_csp().starts_with("default-src 'none'"));
}
