//! Query parameters of lists, and what they ask of the index.

use std::sync::Arc;

use chrono::NaiveDate;
use domain::{EntryId, Kind, Lang, region, vocabulary};
use http::{Code, Problem};
use search::{BoundingBox, Direction, Facet, Near, Query, Sort};
use serde::Deserialize;

use crate::State;

/// The parameters of every list. Several values are separated by commas and are alternatives; different parameters must
/// all be met.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListParams {
    pub(crate) q: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) destination: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) target_group: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) offer_type: Option<String>,
    pub(crate) mode: Option<String>,
    pub(crate) cost: Option<String>,
    pub(crate) language: Option<String>,
    #[serde(rename = "type")]
    pub(crate) entry_type: Option<String>,
    pub(crate) organisation: Option<String>,
    pub(crate) owner: Option<String>,
    pub(crate) related: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) verified_since: Option<NaiveDate>,
    pub(crate) available_on: Option<NaiveDate>,
    pub(crate) bbox: Option<String>,
    pub(crate) near: Option<String>,
    pub(crate) radius: Option<f64>,
    pub(crate) sort: Option<String>,
    pub(crate) facets: Option<String>,
    pub(crate) limit: Option<usize>,
    pub(crate) cursor: Option<String>,
    pub(crate) lang: Option<String>,
    pub(crate) format: Option<Format>,
    /// Of coverage only.
    pub(crate) rows: Option<String>,
    /// Of coverage only.
    pub(crate) cols: Option<String>,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// JSON, page by page.
    #[default]
    Json,
    /// Comma-separated values (RFC 4180), all of it.
    Csv,
    /// GeoJSON (RFC 7946), all of it.
    Geojson,
}

/// Name, what it filters, and in words what it takes: for the OpenAPI document too.
pub(crate) const FILTERS: &[(&str, Facet, &str)] = &[
    (
        "country",
        Facet::Country,
        "Countries that it is in or serves: ISO 3166-1 alpha-2, or XK",
    ),
    (
        "region",
        Facet::Region,
        "Regions that it lies in or serves: ISO 3166-2 (DE-BW), UN M49 (150 is Europe), or EU",
    ),
    (
        "destination",
        Facet::Destination,
        "Countries for which it prepares: ISO 3166-1 alpha-2",
    ),
    ("phase", Facet::Phase, "Codes of the list phase"),
    ("topic", Facet::Topic, "Codes of the list topic"),
    (
        "target_group",
        Facet::TargetGroup,
        "Codes of the list target_group",
    ),
    (
        "purpose",
        Facet::Purpose,
        "Codes of the list residence_purpose",
    ),
    (
        "offer_type",
        Facet::OfferType,
        "Codes of the list offer_type",
    ),
    ("mode", Facet::Mode, "Codes of the list mode"),
    ("cost", Facet::Cost, "Codes of the list cost"),
    (
        "language",
        Facet::Language,
        "Languages in which it is given (BCP 47)",
    ),
    (
        "type",
        Facet::Type,
        "The type within its kind, such as the type of an organisation",
    ),
    (
        "organisation",
        Facet::Organisation,
        "Ids or URIs of organisations that have a part in it",
    ),
    (
        "owner",
        Facet::Owner,
        "Ids or URIs of the organisations that may edit it",
    ),
    (
        "related",
        Facet::Related,
        "Ids or URIs of entries that it refers to, such as the offers of a pathway",
    ),
    ("status", Facet::Status, "Codes of the list status"),
    (
        "origin",
        Facet::Origin,
        "Base URLs of the nodes at which it was written",
    ),
];

/// The code list of a facet, if its values are codes of one.
pub(crate) fn scheme(facet: Facet) -> Option<&'static str> {
    Some(match facet {
        Facet::Phase => "phase",
        Facet::Topic => "topic",
        Facet::TargetGroup => "target_group",
        Facet::Purpose => "residence_purpose",
        Facet::OfferType => "offer_type",
        Facet::Mode => "mode",
        Facet::Cost => "cost",
        Facet::Status => "status",
        _ => return None,
    })
}

impl ListParams {
    fn value(&self, name: &str) -> Option<&str> {
        match name {
            "country" => &self.country,
            "region" => &self.region,
            "destination" => &self.destination,
            "phase" => &self.phase,
            "topic" => &self.topic,
            "target_group" => &self.target_group,
            "purpose" => &self.purpose,
            "offer_type" => &self.offer_type,
            "mode" => &self.mode,
            "cost" => &self.cost,
            "language" => &self.language,
            "type" => &self.entry_type,
            "organisation" => &self.organisation,
            "owner" => &self.owner,
            "related" => &self.related,
            "status" => &self.status,
            "origin" => &self.origin,
            _ => &None,
        }
        .as_deref()
    }

    /// The question to the index. `kind` is the collection's; without one, the parameter `kind` chooses.
    pub(crate) fn query(&self, state: &State, kind: Option<Kind>) -> Result<Query, Problem> {
        let mut query = Query {
            limit: self.limit,
            cursor: self.cursor.clone(),
            ..Query::default()
        };
        query.q = self.q.clone().filter(|q| !q.trim().is_empty());
        query = match (kind, self.kind.as_deref()) {
            (Some(kind), None) => query.filter(Facet::Kind, [kind.as_str()]),
            (Some(_), Some(_)) => return Err(unknown("kind", "this list is of one kind")),
            (None, Some(kinds)) => query.filter(Facet::Kind, kinds_of(kinds)?),
            (None, None) => query,
        };
        for (name, facet, _) in FILTERS {
            if let Some(values) = self.value(name) {
                let values = values
                    .split(',')
                    .map(|value| checked(state, name, *facet, value.trim()));
                query = query.filter(*facet, values.collect::<Result<Vec<_>, _>>()?);
            }
        }
        query.verified_since = self.verified_since;
        query.available_on = self.available_on;
        query.bbox = self.bbox.as_deref().map(bbox).transpose()?;
        query.near = self.near()?;
        query.sort = self.sort.as_deref().map(sort).transpose()?;
        query.facets = self
            .facets
            .as_deref()
            .map(facets)
            .transpose()?
            .unwrap_or_default();
        Ok(query)
    }

    fn near(&self) -> Result<Option<Near>, Problem> {
        match (self.near.as_deref(), self.radius) {
            (Some(near), radius) => {
                let [lat, lon] =
                    numbers(near).ok_or_else(|| invalid("near", "expected latitude,longitude"))?;
                Ok(Some(Near {
                    lat,
                    lon,
                    radius_km: radius.unwrap_or(50.0),
                }))
            }
            (None, Some(_)) => Err(invalid("radius", "a radius needs near=latitude,longitude")),
            (None, None) => Ok(None),
        }
    }

    /// The language in which texts are shown, if one was asked for.
    pub(crate) fn language(&self) -> Result<Option<&str>, Problem> {
        language(self.lang.as_deref())
    }
}

/// The language that somebody asks for, if it is one.
pub(crate) fn language(asked: Option<&str>) -> Result<Option<&str>, Problem> {
    match asked {
        Some(tag) if !Lang(tag.to_owned()).is_valid() => Err(invalid(
            "lang",
            "expected a language tag of BCP 47, such as de",
        )),
        tag => Ok(tag),
    }
}

/// What a value means to the index, or why it cannot be used.
fn checked(state: &State, name: &str, facet: Facet, value: &str) -> Result<Arc<str>, Problem> {
    let value: Arc<str> = match facet {
        Facet::Organisation | Facet::Owner | Facet::Related => match value.parse::<EntryId>() {
            Ok(id) => Arc::from(state.origin.uri(id)),
            Err(_) if value.starts_with("http://") || value.starts_with("https://") => {
                Arc::from(value)
            }
            Err(_) => {
                return Err(invalid(
                    name,
                    "expected the id of a local entry or the URI of any",
                ));
            }
        },
        _ => Arc::from(value),
    };
    let known = match facet {
        Facet::Country | Facet::Destination => region::is_country(&value),
        Facet::Region => region::is_region(&value) || &*value == "EU",
        Facet::Language => Lang(value.to_string()).is_valid(),
        Facet::Origin => !value.is_empty(),
        _ => scheme(facet).is_none_or(|list| vocabulary::has(list, &value)),
    };
    if known && !value.is_empty() {
        Ok(value)
    } else {
        Err(invalid(name, "there is no such value"))
    }
}

fn kinds_of(text: &str) -> Result<Vec<&'static str>, Problem> {
    text.split(',')
        .map(|kind| {
            kind.trim()
                .parse::<Kind>()
                .map(Kind::as_str)
                .map_err(|_| invalid("kind", "there is no such kind"))
        })
        .collect()
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|n| n.trim().parse().ok())
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}

fn bbox(text: &str) -> Result<BoundingBox, Problem> {
    let [west, south, east, north] = numbers(text)
        .ok_or_else(|| invalid("bbox", "expected west,south,east,north in degrees"))?;
    Ok(BoundingBox {
        west,
        south,
        east,
        north,
    })
}

fn sort(text: &str) -> Result<Sort, Problem> {
    let (name, direction) = match text.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (text, Direction::Ascending),
    };
    match (name, direction) {
        ("name", direction) => Ok(Sort::Name(direction)),
        ("modified", direction) => Ok(Sort::Modified(direction)),
        ("verified", direction) => Ok(Sort::Verified(direction)),
        ("relevance", Direction::Ascending) => Ok(Sort::Relevance),
        ("distance", Direction::Ascending) => Ok(Sort::Distance),
        _ => Err(invalid(
            "sort",
            "expected relevance, distance, name, modified or verified; -modified is newest first",
        )),
    }
}

/// A facet by its name in parameters.
pub(crate) fn facet(parameter: &str, name: &str) -> Result<Facet, Problem> {
    name.parse()
        .map_err(|_| invalid(parameter, "there is no such facet"))
}

fn facets(text: &str) -> Result<Vec<Facet>, Problem> {
    text.split(',')
        .map(|name| facet("facets", name.trim()))
        .collect()
}

/// 400 for a parameter with a value that cannot be used.
pub(crate) fn invalid(name: &str, message: &str) -> Problem {
    Problem::new(Code::InvalidParameter, format!("{name}: {message}"))
}

/// 400 for a parameter that this operation does not have.
pub(crate) fn unknown(name: &str, message: &str) -> Problem {
    Problem::new(Code::UnknownParameter, format!("{name}: {message}"))
}

/// What the index says of a question that it cannot answer.
pub(crate) fn refused(error: search::QueryError) -> Problem {
    if error == search::QueryError::Text {
        return Problem::new(
            Code::Unavailable,
            "full-text search is not available at the moment",
        )
        .with_retry_after(5);
    }
    Problem::new(
        Code::InvalidParameter,
        format!("{} ({})", error, error.code()),
    )
}
