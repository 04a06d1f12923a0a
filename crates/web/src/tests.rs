#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use chrono::{DateTime, Utc};
use domain::{Entry, Text};
use search::{Change, Index};
use serde_json::{Value, json};

use crate::{Directory, Settings, Site};

const ORIGIN: &str = "http://127.0.0.1:8080";
const ORGANISATION: &str = "019ab3c2-5c00-7a11-8f3e-000000000001";
const OFFER: &str = "019ab3c2-5c00-7a11-8f3e-000000000002";
const INTERNAL: &str = "019ab3c2-5c00-7a11-8f3e-000000000003";
const CONTACT: &str = "019ab3c2-5c00-7a11-8f3e-000000000004";
const FOREIGN: &str = "019ab3c2-5c00-7a11-8f3e-000000000005";

fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn entry(origin: &str, id: &str, kind: &str, envelope: Value, content: Value) -> Entry {
    let mut whole = json!({
        "id": id, "kind": kind, "origin": origin, "owner": ORGANISATION, "version": 1, "visibility": "public",
        "status": "active", "created": "2026-11-01T00:00:00Z", "modified": "2026-11-02T00:00:00Z",
        "license": "CC0-1.0", "content": content,
    });
    for (key, value) in envelope.as_object().unwrap() {
        whole[key] = value.clone();
    }
    Entry::from_json(&whole.to_string()).unwrap()
}

fn entries() -> Vec<Entry> {
    let offer = |title: Value| {
        json!({"title": title, "organisation": ORGANISATION, "topics": ["recognition"],
        "phases": ["prepare"], "cost": "free", "area_served": ["XK"], "languages": [{"language": "sq"}],
        "website": "https://example.org/offer"})
    };
    let organisation = json!({"name": {"de": "Beratungsstelle"}, "type": "ngo", "seat_country": "DE",
        "website": "javascript:alert(1)"});
    let contact = json!({"organisation": ORGANISATION, "function": "intake",
        "channels": [{"channel": "email", "value": "info@example.org"}],
        "person": {"name": "Expired Consent", "consent":
            {"given": "2025-01-01", "expires": "2026-01-01", "scope": "public"}}});
    vec![
        entry(
            ORIGIN,
            ORGANISATION,
            "organisation",
            json!({}),
            organisation.clone(),
        ),
        entry(
            ORIGIN,
            OFFER,
            "offer",
            json!({"sources": [{"url": "https://example.org/page", "date": "2025", "confidence": "low"}]}),
            offer(json!({"de": "Anerkennung <b>einfach</b>", "ar": "الاعتراف بالشهادات"})),
        ),
        entry(
            ORIGIN,
            INTERNAL,
            "offer",
            json!({"visibility": "internal"}),
            offer(json!({"de": "Geheim"})),
        ),
        entry(ORIGIN, CONTACT, "contact-point", json!({}), contact),
        entry(
            "https://other.example",
            ORGANISATION,
            "organisation",
            json!({}),
            organisation,
        ),
        entry(
            "https://other.example",
            FOREIGN,
            "offer",
            json!({"last_verified": "2026-10-01", "verification_method": "phone_email"}),
            offer(json!({"en": "Recognition elsewhere"})),
        ),
    ]
}

async fn index() -> Index {
    let index = Index::open(None, "test").unwrap();
    let entries = entries();
    let last = i64::try_from(entries.len()).unwrap();
    let changes = entries
        .iter()
        .zip(1..)
        .map(|(entry, n)| Change::put(entry, n, "2025-06-01".parse().unwrap()));
    index.apply(changes.collect(), last).unwrap();
    index.text_reached(last).await;
    index
}

fn site() -> Site {
    Site {
        name: Some(Text::new("de", "Testknoten")),
        imprint: Some(Text::new("de", "Beispiel e.V.\n\nBerlin")),
        default_language: Some("de".into()),
        ..Site::default()
    }
}

/// The answer to a GET: status, a header, body.
async fn get(
    uri: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, actix_web::http::header::HeaderMap, String) {
    let index = index().await;
    let settings = Settings {
        origin: ORIGIN.parse().unwrap(),
        site: site(),
    };
    let directory = web::Data::new(Directory::new(
        settings,
        move || Some(index.snapshot()),
        now,
    ));
    let app = init_service(App::new().app_data(directory).configure(crate::routes)).await;
    let mut request = TestRequest::with_uri(uri);
    for (name, value) in headers {
        request = request.insert_header((*name, *value));
    }
    let answer = call_service(&app, request.to_request()).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = to_bytes(answer.into_body()).await.unwrap_or_default();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn page(uri: &str) -> String {
    let (status, _, body) = get(uri, &[]).await;
    assert_eq!(status, StatusCode::OK, "{uri}: {body}");
    body
}

#[actix_web::test]
async fn the_landing_page_names_the_node_and_counts_what_is_public() {
    let body = page("/").await;
    assert!(body.contains("<html lang=\"de\" dir=\"ltr\">"));
    assert!(body.contains("Testknoten"));
    assert!(
        body.contains("<strong>2</strong> <a href=\"/offers\">Angebote</a>"),
        "{body}"
    );
    for link in ["/imprint", "/privacy", "/docs", "/openapi.json", "/offers"] {
        assert!(body.contains(&format!("href=\"{link}\"")), "{link}");
    }
}

#[actix_web::test]
async fn an_entry_says_that_nobody_has_verified_it_and_escapes_what_it_is_told() {
    let body = page(&format!("/entries/{OFFER}")).await;
    assert!(body.contains("Noch nicht geprüft"));
    assert!(body.contains("Anerkennung &#60;b&#62;einfach"), "{body}");
    assert!(!body.contains("<b>einfach"));
    assert!(body.contains("Kosovo") && body.contains("Albanisch") && body.contains("Kostenlos"));
    assert!(
        body.contains(&format!("<a href=\"/entries/{ORGANISATION}\">")),
        "{body}"
    );
    assert!(
        body.contains("Stand 2025; angekündigt oder zweifelhaft"),
        "{body}"
    );
}

#[actix_web::test]
async fn a_page_in_arabic_runs_from_right_to_left_and_marks_words_in_other_languages() {
    let body = page(&format!("/entries/{OFFER}?lang=ar")).await;
    assert!(body.contains("<html lang=\"ar\" dir=\"rtl\">"));
    assert!(
        body.contains("<h1><bdi dir=\"rtl\">الاعتراف بالشهادات</bdi></h1>"),
        "{body}"
    );
    assert!(
        body.contains("<bdi lang=\"de\" dir=\"ltr\">Beratungsstelle</bdi>"),
        "{body}"
    );
    assert!(body.contains("href=\"/imprint?lang=ar\""));
}

#[actix_web::test]
async fn what_is_not_public_is_not_found_in_any_way() {
    for name in [
        INTERNAL,
        "019ab3c2-5c00-7a11-8f3e-00000000ffff",
        "nothing",
        "..%2F",
        "%00",
    ] {
        let (status, _, body) = get(&format!("/entries/{name}"), &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{name}");
        assert!(!body.contains("Geheim"));
    }
    assert!(!page("/offers").await.contains("Geheim"));
    assert!(!page("/offers?q=Geheim").await.contains(INTERNAL));
}

#[actix_web::test]
async fn a_name_disappears_with_its_consent_although_the_index_still_holds_it() {
    let body = page(&format!("/entries/{CONTACT}")).await;
    assert!(
        body.contains("Beratungsstelle") && body.contains("mailto:info@example.org"),
        "{body}"
    );
    assert!(!body.contains("Expired"), "{body}");
}

#[actix_web::test]
async fn nothing_but_the_web_becomes_a_link() {
    let body = page(&format!("/entries/{ORGANISATION}")).await;
    assert!(!body.contains("href=\"javascript"), "{body}");
}

#[actix_web::test]
async fn an_entry_of_another_node_has_a_page_that_names_its_origin() {
    let body = page(&format!("/entries/{FOREIGN}@other.example")).await;
    assert!(body.contains("Recognition elsewhere") && body.contains("https://other.example"));
    assert!(body.contains("Zuletzt geprüft am 2026-10-01"));
    assert!(
        body.contains(&format!("href=\"/entries/{ORGANISATION}@other.example\"")),
        "{body}"
    );
}

#[actix_web::test]
async fn programs_that_ask_for_json_are_sent_to_the_api() {
    let (status, headers, _) = get(
        &format!("/entries/{OFFER}"),
        &[("Accept", "application/json")],
    )
    .await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(
        headers.get(LOCATION).unwrap(),
        &format!("/api/v1/offers/{OFFER}")
    );
}

#[actix_web::test]
async fn offers_are_found_by_words_and_filters_and_unknown_parameters_do_not_matter() {
    let all = page("/offers?utm_source=x").await;
    assert!(all.contains("2 Angebote gefunden"), "{all}");
    let found = page("/offers?q=Anerkennung&topic=recognition&country=XK&cost=").await;
    assert!(
        found.contains(OFFER) && found.contains("1 Angebot gefunden"),
        "{found}"
    );
    assert!(
        found.contains("<option value=\"recognition\" selected>"),
        "{found}"
    );
    assert!(found.contains("<details open>"));
    let none = page("/offers?country=BR").await;
    assert!(
        none.contains("Nichts gefunden") && none.contains("Brasilien (0)"),
        "{none}"
    );
}

#[actix_web::test]
async fn a_cursor_that_is_none_is_a_clear_error_page() {
    let (status, _, body) = get("/offers?cursor=nonsense", &[]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("Das hat nicht geklappt"));
}

#[actix_web::test]
async fn search_words_come_back_escaped() {
    let body = page("/offers?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!body.contains("<script"), "{body}");
}

#[actix_web::test]
async fn the_operators_texts_are_shown_and_missing_ones_are_admitted() {
    let imprint = page("/imprint").await;
    assert!(
        imprint.contains("<p>Beispiel e.V.</p>") && imprint.contains("<p>Berlin</p>"),
        "{imprint}"
    );
    let privacy = page("/privacy?lang=en").await;
    assert!(privacy.contains("has not yet entered this text"));
}

#[actix_web::test]
async fn every_page_has_landmarks_one_heading_labels_and_no_third_party() {
    let uris = [
        "/",
        "/offers",
        "/imprint",
        "/privacy",
        &format!("/entries/{OFFER}"),
        &format!("/entries/{CONTACT}?lang=ar"),
    ];
    for uri in uris {
        let (_, headers, body) = get(uri, &[]).await;
        let policy = headers
            .get(CONTENT_SECURITY_POLICY)
            .unwrap()
            .to_str()
            .unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{uri}");
        assert_eq!(body.matches("<h1").count(), 1, "{uri}");
        assert_eq!(body.matches("<main id=\"content\"").count(), 1, "{uri}");
        assert!(
            body.contains("<a class=\"skip\" href=\"#content\">"),
            "{uri}"
        );
        for forbidden in [
            "<script",
            "<style",
            " style=",
            " onclick",
            "src=\"http",
            "@import",
        ] {
            assert!(!body.contains(forbidden), "{uri}: {forbidden}");
        }
        let ids = |tag: &str| body.matches(&format!("<{tag} ")).count();
        assert_eq!(
            ids("select") + body.matches("type=\"search\"").count(),
            body.matches("<label for=").count(),
            "{uri}"
        );
    }
}

#[actix_web::test]
async fn no_page_shows_the_name_of_a_message_that_is_missing() {
    let organisation = format!("/entries/{ORGANISATION}");
    for lang in ["de", "en", "ar"] {
        for path in [
            "/",
            "/offers",
            "/imprint",
            "/privacy",
            &organisation,
            &format!("/entries/{CONTACT}"),
        ] {
            let body = page(&format!("{path}?lang={lang}")).await;
            for key in [
                "field-",
                "entry-",
                "filter-",
                "offers-",
                "count-",
                "kind-",
                "nav-",
                "landing-",
                "confidence-",
            ] {
                let text = body
                    .split(['<', '>'])
                    .skip(2)
                    .step_by(2)
                    .any(|text| text.contains(key));
                assert!(!text, "{path} {lang}: {key}");
            }
        }
    }
}

#[actix_web::test]
async fn the_style_sheet_is_where_the_pages_say() {
    let body = page("/").await;
    let start = body.find("/assets/").unwrap();
    let path = &body[start..start + body[start..].find('"').unwrap()];
    let css = page(path).await;
    assert!(css.contains(":focus-visible"));
}

#[actix_web::test]
async fn while_the_directory_is_loading_pages_say_so_but_the_imprint_is_there() {
    let settings = Settings {
        origin: ORIGIN.parse().unwrap(),
        site: site(),
    };
    let directory = web::Data::new(Directory::new(settings, || None, now));
    let app = init_service(App::new().app_data(directory).configure(crate::routes)).await;
    for (uri, status) in [("/", 503), ("/offers", 503), ("/imprint", 200)] {
        let answer = call_service(&app, TestRequest::with_uri(uri).to_request()).await;
        assert_eq!(answer.status().as_u16(), status, "{uri}");
    }
}
