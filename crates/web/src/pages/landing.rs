//! `/`: what this node is, what it holds, and where to go from here.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use domain::Kind;
use search::{Facet, Query, Viewer};

use super::{ok, unavailable};
use crate::directory::{Directory, Look};
use crate::page::Page;

#[derive(Template)]
#[template(path = "landing.html")]
struct Landing {
    page: Page,
    counts: Vec<Count>,
}

/// How many entries there are of one kind.
struct Count {
    number: u64,
    what: String,
    /// The page that lists them, where there is one.
    href: Option<String>,
}

pub(super) async fn get(request: HttpRequest, directory: web::Data<Directory>) -> HttpResponse {
    let page = Page::new(&request, &directory.settings);
    let Some(look) = directory.look() else {
        return unavailable(page);
    };
    let counts = counts(&look, &page);
    ok(page.lang(), &Landing { page, counts })
}

fn counts(look: &Look<'_>, page: &Page) -> Vec<Count> {
    let query = Query {
        facets: vec![Facet::Kind],
        limit: Some(1),
        ..Query::default()
    };
    let found = look.snapshot.search(&query, &Viewer::Public);
    let values = found
        .ok()
        .and_then(|found| found.facets.into_iter().next())
        .map_or_else(Vec::new, |facet| facet.values);
    let number = |kind: Kind| {
        let same = values.iter().find(|(value, _)| **value == *kind.as_str());
        same.map_or(0, |(_, number)| *number)
    };
    // Assessments are never public.
    let shown = Kind::ALL.iter().copied().filter(|kind| !kind.is_internal());
    shown
        .map(|kind| (kind, number(kind)))
        .filter(|(kind, number)| *number > 0 || *kind == Kind::Offer)
        .map(|(kind, number)| Count {
            number,
            what: page.count(&format!("count-{}", kind.collection()), number),
            href: (kind == Kind::Offer).then(|| page.link("/offers")),
        })
        .collect()
}
