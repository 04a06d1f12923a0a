use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entry::period_of;
use crate::{Checker, Facets, Kind, KindContent, Text, Weight, codes, limits};

/// A need: how much is asked for, where and for whom. Always counted in bands, never about individuals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// ISO 3166-1 alpha-2, or `XK`.
    #[schema(example = "XK")]
    pub country: String,
    /// What is needed.
    pub topic: codes::Topic,
    /// By whom.
    pub target_group: codes::TargetGroup,
    /// When: a year, month or day, or two of them with a slash between (ISO 8601 interval).
    #[schema(example = "2026")]
    pub period: String,
    /// How it was found out.
    pub method: Text,
    /// About how many people.
    pub size_band: codes::SizeBand,
}

impl Need {
    /// First and last day of the period.
    fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        match self.period.split_once('/') {
            Some((from, until)) => Some((period_of(from)?.0, period_of(until)?.1)),
            None => period_of(&self.period),
        }
    }
}

impl KindContent for Need {
    const KIND: Kind = Kind::Need;

    fn check(&self, c: &mut Checker<'_>) {
        c.country("country", &self.country);
        c.field("topic", |c| self.topic.check(c));
        c.field("target_group", |c| self.target_group.check(c));
        match self.days() {
            Some((from, until)) => {
                c.date("period", Some(from));
                c.date("period", Some(until));
                c.in_order("period", Some(from), Some(until));
            }
            None => c.field("period", |c| {
                c.refuse(
                    "not_a_period",
                    "expected YYYY, YYYY-MM or YYYY-MM-DD, or two of them with a slash between",
                );
            }),
        }
        self.method.check(c, "method", limits::SUMMARY);
        c.field("size_band", |c| self.size_band.check(c));
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.countries.push(&self.country);
        facets.topics.push(self.topic.as_str());
        facets.target_groups.push(self.target_group.as_str());
        facets.types.push(self.size_band.as_str());
        facets.text(&self.method, Weight::Body);
        facets.available = self
            .days()
            .map_or((None, None), |(from, until)| (Some(from), Some(until)));
    }

    fn title(&self) -> Text {
        Text::new("und", self.topic.as_str())
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        vec![&mut self.method]
    }
}
