//! `/offers`: search and filters, without a script.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use domain::kinds::Offer;
use domain::{Content, Entry, Kind, Lang};
use search::{Facet, FacetCounts, Query, QueryError, Viewer, limits};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{bad_request, ok, unavailable};
use crate::directory::{Directory, Look};
use crate::language::Reader;
use crate::page::Page;
use crate::shown::{self, Words};

/// The filters of the page, with the code list of their values where they have one.
const FILTERS: [(Facet, Values); 8] = [
    (Facet::Country, Values::Regions),
    (Facet::Destination, Values::Regions),
    (Facet::Topic, Values::Codes("topic")),
    (Facet::Phase, Values::Codes("phase")),
    (Facet::TargetGroup, Values::Codes("target_group")),
    (Facet::Language, Values::Languages),
    (Facet::Mode, Values::Codes("mode")),
    (Facet::Cost, Values::Codes("cost")),
];

/// What the values of a filter are.
#[derive(Clone, Copy)]
enum Values {
    Regions,
    Languages,
    Codes(&'static str),
}

#[derive(Template)]
#[template(path = "offers.html")]
struct Offers {
    page: Page,
    q: String,
    filters: Vec<Filter>,
    /// Whether a filter is set: then they are shown unfolded.
    filtered: bool,
    found: String,
    results: Vec<Hit>,
    next: Option<String>,
    first: Option<String>,
    too_far: bool,
}

/// One filter as a list to choose from.
struct Filter {
    name: &'static str,
    label: String,
    options: Vec<Choice>,
}

/// One value to choose, with how many offers it would leave.
struct Choice {
    value: String,
    label: Words,
    count: u64,
    chosen: bool,
}

/// One offer of the list.
struct Hit {
    href: String,
    title: Words,
    organisation: Option<Words>,
    summary: Option<Words>,
    places: String,
    tags: Vec<Words>,
    verified: Option<String>,
}

pub(super) async fn get(request: HttpRequest, directory: web::Data<Directory>) -> HttpResponse {
    let page = Page::new(&request, &directory.settings);
    let Some(look) = directory.look() else {
        return unavailable(page);
    };
    let query = query(&page);
    match look.snapshot.search(&query, &Viewer::Public) {
        Ok(found) => ok(page.lang(), &list(page, &look, &query, &found)),
        Err(QueryError::Text) => unavailable(page),
        Err(_) => bad_request(page),
    }
}

fn list(page: Page, look: &Look<'_>, query: &Query, found: &search::Page) -> Offers {
    let hits = found.hits.iter();
    let hits = hits.filter_map(|hit| self::hit(&look.read(&hit.json)?, look, &page.reader));
    let filters = FILTERS.iter().zip(&found.facets);
    let filters = filters.map(|((facet, values), counts)| filter(*facet, *values, counts, &page));
    let (results, filters): (Vec<Hit>, Vec<Filter>) = (hits.collect(), filters.collect());
    let beyond = found.total > limits::RANKED_HITS as u64;
    Offers {
        q: page.parameter("q").unwrap_or_default().to_owned(),
        filtered: query.filters.len() > 1,
        found: page.count("offers-results", found.total),
        next: found
            .next
            .as_deref()
            .map(|cursor| page.here_with("cursor", cursor)),
        first: query.cursor.as_ref().map(|_| page.here_without("cursor")),
        too_far: beyond && query.q.is_some() && query.cursor.is_some() && found.next.is_none(),
        results,
        filters,
        page,
    }
}

/// The question that the address asks. Parameters that this page does not know are left aside.
fn query(page: &Page) -> Query {
    let owned = |name| page.parameter(name).map(str::to_owned);
    let query = Query {
        q: owned("q").filter(|q| !q.trim().is_empty()),
        cursor: owned("cursor"),
        facets: FILTERS.iter().map(|(facet, _)| *facet).collect(),
        ..Query::default()
    };
    let query = query.filter(Facet::Kind, [Kind::Offer.as_str()]);
    FILTERS.iter().fold(query, |query, (facet, _)| {
        match page.parameter(facet.as_str()) {
            Some(value) => query.filter(*facet, [value]),
            None => query,
        }
    })
}

fn filter(facet: Facet, values: Values, counts: &FacetCounts, page: &Page) -> Filter {
    let label = |value: &str| match values {
        Values::Regions => Words::plain(shown::region(value, &page.reader)),
        Values::Languages => Words::plain(shown::language(&Lang(value.to_owned()), &page.reader)),
        Values::Codes(scheme) => shown::label(scheme, value, &page.reader),
    };
    let chosen = page.parameter(facet.as_str());
    let option = |(value, count): &(Arc<str>, u64)| Choice {
        value: value.to_string(),
        label: label(value),
        count: *count,
        chosen: chosen == Some(value),
    };
    let mut options: Vec<Choice> = counts.values.iter().map(option).collect();
    options.sort_by_cached_key(|choice| folded(&choice.label.value));
    // What was chosen stays in the list also where nothing is left of it.
    if let Some(value) = chosen.filter(|_| !options.iter().any(|choice| choice.chosen)) {
        options.insert(
            0,
            Choice {
                value: value.to_owned(),
                label: label(value),
                count: 0,
                chosen: true,
            },
        );
    }
    let label = page.t(&format!("filter-{}", facet.as_str().replace('_', "-")));
    Filter {
        name: facet.as_str(),
        label,
        options,
    }
}

fn hit(entry: &Entry, look: &Look<'_>, reader: &Reader) -> Option<Hit> {
    let Content::Offer(offer) = &entry.content else {
        return None;
    };
    Some(Hit {
        href: look.path(&entry.key(), reader),
        title: look.heading(entry, reader),
        organisation: look.name_of(&offer.organisation, entry, reader),
        summary: offer
            .summary
            .as_ref()
            .and_then(|summary| Words::best(summary, reader)),
        places: places(offer, reader),
        tags: tags(offer, reader),
        verified: entry.last_verified.map(|date| {
            reader
                .interface
                .message_with("entry-verified", "date", date.to_string())
        }),
    })
}

/// Where an offer is, or where it holds if it has no place.
fn places(offer: &Offer, reader: &Reader) -> String {
    let mut places: Vec<String> = offer
        .places
        .iter()
        .map(|place| shown::place(place, reader))
        .collect();
    if places.is_empty() {
        places = offer
            .area_served
            .iter()
            .map(|code| shown::region(code, reader))
            .collect();
    }
    places.dedup();
    places.join(" · ")
}

fn tags(offer: &Offer, reader: &Reader) -> Vec<Words> {
    let topics = offer.topics.iter().map(|code| shown::code(code, reader));
    // That a cost is unknown helps nobody in a list.
    let cost = offer.cost.iter().filter(|code| code.as_str() != "unknown");
    let cost = cost.map(|code| shown::code(code, reader));
    let languages = offer
        .languages
        .iter()
        .map(|offered| shown::language(&offered.language, reader));
    topics
        .chain(cost)
        .chain(languages.map(Words::plain))
        .collect()
}

/// What a label is sorted by: without marks, so that Ägypten stands with A.
fn folded(label: &str) -> String {
    let letters = label.nfd().filter(|c| !is_combining_mark(*c));
    letters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_marks_are_sorted_with_those_without() {
        assert!(folded("Ägypten") < folded("Albanien"));
        assert_eq!(folded("ÉTÉ"), "ete");
    }
}
