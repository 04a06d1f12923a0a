//! Whole lists as files: CSV (RFC 4180) and GeoJSON (RFC 7946). Nobody's name and no hidden place is in either, whoever
//! asks: a file leaves this node, and a consent cannot be withdrawn from it.

use std::convert::Infallible;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header;
use bytes::Bytes;
use chrono::NaiveDate;
use domain::{Content, Entry, Facets, Place};
use futures_util::stream;
use geojson::{Feature, Geometry, GeometryValue, JsonObject, Position};
use http::Problem;
use search::{Export, Query, Viewer};
use serde_json::json;

use crate::State;
use crate::entries::shown::exported;
use crate::params::refused;

/// Entries that one piece of an export holds.
const PIECE: usize = 200;
/// Bytes of entries after which a piece ends as well: what is made ahead of its reader is kept in memory.
const PIECE_BYTES: usize = 256 * 1024;

/// The columns of the CSV file.
const COLUMNS: &[&str] = &[
    "id",
    "uri",
    "kind",
    "title",
    "title_language",
    "status",
    "visibility",
    "owner",
    "organisations",
    "type",
    "countries",
    "regions",
    "places",
    "cities",
    "destinations",
    "phases",
    "topics",
    "target_groups",
    "residence_purposes",
    "offer_types",
    "modes",
    "cost",
    "languages",
    "lat",
    "lon",
    "available_from",
    "available_until",
    "last_verified",
    "review_due",
    "modified",
    "website",
    "license",
    "external_id",
];

struct Source {
    export: Export,
    today: NaiveDate,
    lang: Option<String>,
}

impl Source {
    fn open(
        state: &State,
        query: &Query,
        viewer: &Viewer,
        lang: Option<&str>,
    ) -> Result<Self, Problem> {
        let query = Query {
            limit: None,
            cursor: None,
            sort: None,
            facets: Vec::new(),
            ..query.clone()
        };
        let export = Arc::clone(&state.index.snapshot())
            .export(&query, viewer)
            .map_err(refused)?;
        let today = state.clock.now().date_naive();
        Ok(Self {
            export,
            today,
            lang: lang.map(str::to_owned),
        })
    }

    /// The next entries, or none when all have been given.
    fn piece(&mut self) -> Vec<Entry> {
        let Self {
            export,
            today,
            lang,
        } = self;
        let (mut entries, mut bytes) = (Vec::new(), 0);
        while entries.len() < PIECE && bytes < PIECE_BYTES {
            let Some(hit) = export.next() else { break };
            bytes += hit.json.len();
            entries.extend(exported(&hit.json, hit.level, *today, lang.as_deref()));
        }
        entries
    }
}

/// All that a query finds as CSV, one line an entry; several values of a column are separated by semicolons.
pub(crate) fn csv(
    state: &State,
    query: &Query,
    viewer: &Viewer,
    lang: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let mut source = Source::open(state, query, viewer, lang)?;
    let mut first = true;
    let pieces = std::iter::from_fn(move || {
        let entries = source.piece();
        if entries.is_empty() && !first {
            return None;
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        if std::mem::take(&mut first) {
            // Writing to memory cannot fail, nor can rows of one length.
            let _ = writer.write_record(COLUMNS);
        }
        for entry in &entries {
            let _ = writer.write_record(row(entry, source.lang.as_deref()));
        }
        Some(Ok::<_, Infallible>(Bytes::from(
            writer.into_inner().unwrap_or_default(),
        )))
    });
    Ok(HttpResponse::Ok()
        .insert_header((
            header::CONTENT_TYPE,
            "text/csv; charset=utf-8; header=present",
        ))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"lotse.csv\"",
        ))
        .streaming(stream::iter(pieces)))
}

/// Several values, each once.
fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let mut values: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    let mut seen = std::collections::HashSet::new();
    values.retain(|value| seen.insert(value.clone()));
    forms::joined(values)
}

/// Text that somebody wrote.
fn text(value: Option<&str>) -> String {
    value.map(forms::protected).unwrap_or_default()
}

/// A number or a day, which is no formula whatever it begins with.
fn optional<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn row(entry: &Entry, lang: Option<&str>) -> Vec<String> {
    let facets: Facets<'_> = entry.facets();
    let title = entry.content.title();
    let title = title.best(lang.unwrap_or("en"));
    let places = places(entry);
    let point = places.iter().find_map(|place| place.point());
    let website = match &entry.content {
        Content::Organisation(content) => content.website.clone(),
        Content::Offer(content) => content.website.clone(),
        Content::Publication(content) => content.link.clone(),
        _ => None,
    };
    vec![
        entry.id.to_string(),
        entry.uri(),
        entry.kind.to_string(),
        text(title.map(|(_, text)| text.value.as_str())),
        text(title.map(|(lang, _)| lang.0.as_str())),
        entry.status.to_string(),
        json!(entry.visibility)
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        entry.owner.to_string(),
        list(&facets.organisations),
        list(&facets.types),
        list(&facets.countries),
        list(&facets.regions),
        list(places.iter().filter_map(|place| place.name.as_deref())),
        list(places.iter().filter_map(|place| place.city.as_deref())),
        list(&facets.destinations),
        list(&facets.phases),
        list(&facets.topics),
        list(&facets.target_groups),
        list(&facets.purposes),
        list(&facets.offer_types),
        list(&facets.modes),
        list(&facets.costs),
        list(&facets.languages),
        optional(point.map(|point| point.0)),
        optional(point.map(|point| point.1)),
        optional(entry.available_from),
        optional(entry.available_until),
        optional(entry.last_verified),
        optional(entry.review_due),
        entry
            .modified
            .to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        text(website.as_deref()),
        text(Some(&entry.license)),
        text(entry.external_id.as_deref()),
    ]
}

fn places(entry: &Entry) -> Vec<&Place> {
    match &entry.content {
        Content::Offer(content) => content.places.iter().collect(),
        Content::ContactPoint(content) => content.place.iter().collect(),
        Content::Event(content) => content.place.iter().collect(),
        _ => Vec::new(),
    }
}

/// All that a query finds as GeoJSON: a feature for each place with a point, and one without geometry for an entry that
/// has none, so that nothing is missing from a list beside the map.
pub(crate) fn geojson(
    state: &State,
    query: &Query,
    viewer: &Viewer,
    lang: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let mut source = Source::open(state, query, viewer, lang)?;
    let (mut begun, mut preceded) = (false, false);
    let mut ended = false;
    let pieces = std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let mut text = String::new();
        let entries = source.piece();
        if !std::mem::replace(&mut begun, true) {
            text.push_str("{\"type\":\"FeatureCollection\",\"features\":[");
        }
        for feature in entries
            .iter()
            .flat_map(|entry| features(entry, source.lang.as_deref()))
        {
            if std::mem::replace(&mut preceded, true) {
                text.push(',');
            }
            text.push_str(&feature.to_string());
        }
        if entries.is_empty() {
            ended = true;
            text.push_str("]}");
        }
        Some(Ok::<_, Infallible>(Bytes::from(text)))
    });
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "application/geo+json"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"lotse.geojson\"",
        ))
        .streaming(stream::iter(pieces)))
}

fn features(entry: &Entry, lang: Option<&str>) -> Vec<Feature> {
    let facets = entry.facets();
    let title = entry.content.title();
    let title = title.best(lang.unwrap_or("en"));
    let mut properties = JsonObject::new();
    let values = json!({
        "id": entry.id,
        "uri": entry.uri(),
        "kind": entry.kind,
        "title": title.map(|(_, text)| &text.value),
        "title_language": title.map(|(lang, _)| lang),
        "status": entry.status,
        "phases": facets.phases,
        "topics": facets.topics,
        "offer_types": facets.offer_types,
        "languages": facets.languages,
        "last_verified": entry.last_verified,
        "license": entry.license,
    });
    if let serde_json::Value::Object(values) = values {
        properties.extend(values);
    }
    let feature = |point: Option<(&Place, (f64, f64))>| {
        let mut properties = properties.clone();
        if let Some((place, _)) = point {
            properties.insert("place".to_owned(), json!(place.name));
            properties.insert("city".to_owned(), json!(place.city));
            properties.insert("region".to_owned(), json!(place.region));
            properties.insert("country".to_owned(), json!(place.country));
            properties.insert("precision".to_owned(), json!(place.precision));
        }
        Feature {
            bbox: None,
            // RFC 7946 section 3.1.1: longitude first.
            geometry: point.map(|(_, (lat, lon))| {
                Geometry::new(GeometryValue::Point {
                    coordinates: Position::from([lon, lat]),
                })
            }),
            id: None,
            properties: Some(properties),
            foreign_members: None,
        }
    };
    let points: Vec<Feature> = places(entry)
        .into_iter()
        .filter_map(|place| Some(feature(Some((place, place.point()?)))))
        .collect();
    if points.is_empty() {
        vec![feature(None)]
    } else {
        points
    }
}
