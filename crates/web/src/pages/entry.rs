//! `/entries/{id}`: the page at an entry's URI. Programs that ask for JSON there are sent on to the API.

use actix_web::http::header::{self, Accept, Header as _, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use domain::{Entry, Source};

use super::{not_found, ok, unavailable};
use crate::directory::{Directory, Look};
use crate::facts;
use crate::language::Reader;
use crate::page::Page;
use crate::shown::{self, Fact, Shown, Words};

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    page: Page,
    kind: String,
    heading: Words,
    verified: Option<String>,
    facts: Vec<Fact>,
    record: Vec<Fact>,
    json: String,
}

pub(super) async fn get(
    request: HttpRequest,
    directory: web::Data<Directory>,
    name: web::Path<String>,
) -> HttpResponse {
    let page = Page::new(&request, &directory.settings);
    let Some(look) = directory.look() else {
        return unavailable(page);
    };
    let Some(entry) = look.named(&name) else {
        return not_found(page);
    };
    let json = format!("/api/v1/{}/{name}", entry.kind.collection());
    if wants_json(&request) {
        return HttpResponse::SeeOther()
            .insert_header((header::LOCATION, json))
            .insert_header((
                header::VARY,
                HeaderValue::from_static("Accept, Accept-Language"),
            ))
            .finish();
    }
    let reader = &page.reader;
    let link = |target: &domain::EntryRef| look.link(target, &entry, reader);
    let shown = EntryPage {
        kind: page.t(&format!("kind-{}", entry.kind)),
        heading: look.heading(&entry, reader),
        verified: entry.last_verified.map(|date| {
            reader
                .interface
                .message_with("entry-verified", "date", date.to_string())
        }),
        facts: facts::of(&entry.content, reader, &link),
        record: record(&entry, &look, reader),
        json,
        page,
    };
    ok(shown.page.lang(), &shown)
}

/// Whether JSON is asked for before HTML (RFC 9110 section 12.5.1). Whoever takes anything gets the page.
fn wants_json(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let first = accept.ranked().into_iter().find_map(|media| {
        let (kind, subtype) = (media.type_().as_str(), media.subtype().as_str());
        match (kind, subtype) {
            ("application", "json" | "ld") => Some(true),
            ("text", "html" | "*") | ("application", "xhtml" | "*") | ("*", "*") => Some(false),
            _ => None,
        }
    });
    first.unwrap_or(false)
}

/// What there is to say of the record itself: whose it is, how old, under which licence, on which sources.
fn record(entry: &Entry, look: &Look<'_>, reader: &Reader) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |key: &str, value: Shown| {
        facts.push(Fact {
            label: reader.interface.message(key),
            value,
        });
    };
    add(
        "entry-status",
        Shown::Words(shown::code(&entry.status, reader)),
    );
    if let Some(date) = entry.available_from {
        add("entry-available-from", Shown::Plain(date.to_string()));
    }
    if let Some(date) = entry.available_until {
        add("entry-available-until", Shown::Plain(date.to_string()));
    }
    add(
        "entry-owner",
        look.link(&domain::EntryRef::Local(entry.owner), entry, reader),
    );
    add("entry-origin", shown::url(entry.origin.as_str()));
    if let Some(provenance) = &entry.provenance {
        add(
            "entry-verified-by",
            Shown::Plain(provenance.verified_by.clone()),
        );
        add(
            "entry-here-since",
            Shown::Plain(provenance.since.date_naive().to_string()),
        );
    }
    add(
        "entry-created",
        Shown::Plain(entry.created.date_naive().to_string()),
    );
    add(
        "entry-modified",
        Shown::Plain(entry.modified.date_naive().to_string()),
    );
    add("entry-license", Shown::Plain(entry.license.clone()));
    add(
        "entry-uri",
        if look.is_local(entry) {
            Shown::Words(Words::plain(entry.uri()))
        } else {
            shown::url(&entry.uri())
        },
    );
    if !entry.sources.is_empty() {
        add(
            "entry-sources",
            Shown::List(entry.sources.iter().map(|it| source(it, reader)).collect()),
        );
    }
    if !entry.same_as.is_empty() {
        add(
            "entry-same-as",
            Shown::List(entry.same_as.iter().map(|uri| shown::url(uri)).collect()),
        );
    }
    facts
}

fn source(source: &Source, reader: &Reader) -> Shown {
    let interface = reader.interface;
    let mut about = Vec::new();
    if let Some(date) = &source.date {
        about.push(interface.message_with("entry-source-of", "date", date.as_str()));
    }
    if let Some(confidence) = &source.confidence {
        about.push(interface.message(&format!("confidence-{confidence:?}").to_lowercase()));
    }
    about.extend(source.note.clone());
    let title = source.title.as_deref().map(Words::plain);
    let link = source.url.as_deref().map(shown::url);
    let named = match (link, title) {
        (Some(Shown::Link { href, .. }), Some(words)) => Shown::Link { href, words },
        (Some(link), _) => link,
        (None, title) => Shown::Words(title.unwrap_or_default()),
    };
    if about.is_empty() {
        return named;
    }
    Shown::Line(vec![named, Shown::Plain(format!("({})", about.join("; ")))])
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn programs_get_json_and_browsers_and_the_undecided_get_the_page() {
        let wants = |accept: &str| {
            wants_json(
                &TestRequest::default()
                    .insert_header(("Accept", accept))
                    .to_http_request(),
            )
        };
        assert!(wants("application/json"));
        assert!(wants("application/json, text/html;q=0.5"));
        assert!(!wants(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!wants("*/*"));
        assert!(!wants("text/html, application/json;q=0.9"));
        assert!(!wants_json(&TestRequest::default().to_http_request()));
    }
}
