//! The facets: what entries can be filtered by and counted by.

use std::fmt;
use std::str::FromStr;

/// One facet. Its values are codes, or URIs where it names another entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Facet {
    /// The kind of entry: `offer`.
    Kind,
    /// Planned, active, paused ...
    Status,
    /// The base URL of the node at which it was written.
    Origin,
    /// ISO 3166-1 alpha-2, or `XK`.
    Country,
    /// ISO 3166-2, country, UN M49 or `EU`: every region that it names or lies in.
    Region,
    /// The country for which it prepares.
    Destination,
    /// Phase of migration.
    Phase,
    /// Topic.
    Topic,
    /// Target group.
    TargetGroup,
    /// Purpose of residence.
    Purpose,
    /// Type of offer.
    OfferType,
    /// Mode: on site, by video ...
    Mode,
    /// What it costs.
    Cost,
    /// Language in which it is given (BCP 47).
    Language,
    /// The type within its kind.
    Type,
    /// URI of an organisation that has a part in it.
    Organisation,
    /// URI of the organisation that may edit it.
    Owner,
    /// URI of another entry that it refers to.
    Related,
}

/// How many facets there are.
pub(crate) const COUNT: usize = Facet::ALL.len();

impl Facet {
    /// All facets, in the order in which they are declared.
    pub const ALL: &[Self] = &[
        Self::Kind,
        Self::Status,
        Self::Origin,
        Self::Country,
        Self::Region,
        Self::Destination,
        Self::Phase,
        Self::Topic,
        Self::TargetGroup,
        Self::Purpose,
        Self::OfferType,
        Self::Mode,
        Self::Cost,
        Self::Language,
        Self::Type,
        Self::Organisation,
        Self::Owner,
        Self::Related,
    ];

    /// Its name in queries.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Status => "status",
            Self::Origin => "origin",
            Self::Country => "country",
            Self::Region => "region",
            Self::Destination => "destination",
            Self::Phase => "phase",
            Self::Topic => "topic",
            Self::TargetGroup => "target_group",
            Self::Purpose => "purpose",
            Self::OfferType => "offer_type",
            Self::Mode => "mode",
            Self::Cost => "cost",
            Self::Language => "language",
            Self::Type => "type",
            Self::Organisation => "organisation",
            Self::Owner => "owner",
            Self::Related => "related",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Facet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Facet {
    type Err = &'static str;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|facet| facet.as_str() == s)
            .ok_or("not a facet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_facet_stands_at_its_own_index_and_reads_back_from_its_name() {
        for (i, facet) in Facet::ALL.iter().enumerate() {
            assert_eq!(facet.index(), i);
            assert_eq!(facet.as_str().parse(), Ok(*facet));
        }
    }
}
