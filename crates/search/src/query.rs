//! What can be asked, by whom.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDate;

use crate::document::Level;
use crate::geo::{BoundingBox, Near};
use crate::{Facet, QueryError, limits};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// Anybody: sees the public form of public entries.
    Public,
    /// A signed-in partner: sees also the network's entries and forms, and everything of its own organisation.
    Network {
        /// URI of its organisation ([`domain::Origin::uri`]), if it has one.
        organisation: Option<Arc<str>>,
    },
    /// Sees everything.
    Coordinator,
}

impl Viewer {
    /// The form of an entry that this viewer sees, given the entry's owner.
    pub(crate) fn level(&self, owner: Option<&Arc<str>>) -> Level {
        match self {
            Self::Public => Level::Public,
            Self::Network {
                organisation: Some(own),
            } if owner == Some(own) => Level::Owner,
            Self::Network { .. } => Level::Network,
            Self::Coordinator => Level::Owner,
        }
    }
}

/// How a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sort {
    /// Best match first. Needs `q`.
    Relevance,
    /// By folded name.
    Name(Direction),
    /// By last change.
    Modified(Direction),
    /// By last verification; what was never verified counts as longest ago.
    Verified(Direction),
    /// Nearest first. Needs `near`.
    Distance,
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest, oldest, A.
    Ascending,
    /// Greatest, newest, Z.
    Descending,
}

/// A question to the index. Several values of one filter are alternatives; different filters must all be met.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Words to be found: all of them, each as it is, as the beginning of a word, or with one wrong letter.
    pub q: Option<String>,
    /// Values by facet.
    pub filters: Vec<(Facet, Vec<Arc<str>>)>,
    /// Only what was verified on this day or later.
    pub verified_since: Option<NaiveDate>,
    /// Only what is there on this day.
    pub available_on: Option<NaiveDate>,
    /// Only what has a point in this part of the map.
    pub bbox: Option<BoundingBox>,
    /// Only what has a point in this circle.
    pub near: Option<Near>,
    /// How to order; unless given by relevance with `q`, else by distance with `near`, else by name.
    pub sort: Option<Sort>,
    /// Facets to count. Each is counted under all filters but its own, so that its other values show what choosing
    /// them as well would add.
    pub facets: Vec<Facet>,
    /// Entries of one page, 1 to [`limits::PAGE`]; [`limits::PAGE_DEFAULT`] unless given.
    pub limit: Option<usize>,
    /// Where to go on: the `next` of the page before, of the same question by the same viewer.
    pub cursor: Option<String>,
}

impl Query {
    /// Adds a filter.
    #[must_use]
    pub fn filter<T: Into<Arc<str>>>(
        mut self,
        facet: Facet,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        self.filters
            .push((facet, values.into_iter().map(Into::into).collect()));
        self
    }

    pub(crate) fn sort(&self) -> Sort {
        self.sort.unwrap_or(match (&self.q, &self.near) {
            (Some(_), _) => Sort::Relevance,
            (None, Some(_)) => Sort::Distance,
            (None, None) => Sort::Name(Direction::Ascending),
        })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(limits::PAGE_DEFAULT)
    }

    pub(crate) fn check(&self) -> Result<(), QueryError> {
        let limit = self.limit();
        if limit == 0 || limit > limits::PAGE {
            return Err(QueryError::Limit);
        }
        if self.facets.len() > limits::FACETS {
            return Err(QueryError::TooManyFacets);
        }
        if self
            .filters
            .iter()
            .any(|(_, values)| values.len() > limits::FILTER_VALUES)
        {
            return Err(QueryError::TooManyValues);
        }
        if self
            .q
            .as_ref()
            .is_some_and(|q| q.chars().count() > limits::QUERY_CHARS)
        {
            return Err(QueryError::TextTooLong);
        }
        if let Some(near) = &self.near {
            let Near {
                lat,
                lon,
                radius_km,
            } = *near;
            let holds = (-90.0..=90.0).contains(&lat)
                && (-180.0..=180.0).contains(&lon)
                && radius_km > 0.0
                && radius_km <= limits::RADIUS_KM;
            if !holds {
                return Err(QueryError::OutOfRange("near"));
            }
        }
        if let Some(BoundingBox {
            west,
            south,
            east,
            north,
        }) = self.bbox
        {
            let holds = (-180.0..=180.0).contains(&west)
                && (-180.0..=180.0).contains(&east)
                && (-90.0..=90.0).contains(&south)
                && (-90.0..=90.0).contains(&north)
                && south <= north;
            if !holds {
                return Err(QueryError::OutOfRange("bbox"));
            }
        }
        match self.sort() {
            Sort::Relevance if self.q.is_none() => Err(QueryError::SortNeeds("q")),
            Sort::Distance if self.near.is_none() => Err(QueryError::SortNeeds("near")),
            _ => Ok(()),
        }
    }

    /// What a cursor is bound to: the question and who asks it, but not the page's size.
    pub(crate) fn fingerprint(&self, viewer: &Viewer) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.q.hash(&mut hasher);
        self.filters.hash(&mut hasher);
        self.verified_since.hash(&mut hasher);
        self.available_on.hash(&mut hasher);
        let numbers = self
            .bbox
            .iter()
            .flat_map(|b| [b.west, b.south, b.east, b.north]);
        let numbers = numbers.chain(self.near.iter().flat_map(|n| [n.lat, n.lon, n.radius_km]));
        numbers.for_each(|n| n.to_bits().hash(&mut hasher));
        (
            self.bbox.is_some(),
            self.near.is_some(),
            self.sort(),
            viewer,
        )
            .hash(&mut hasher);
        hasher.finish()
    }
}
