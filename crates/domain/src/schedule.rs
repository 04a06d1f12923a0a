//! When something is open.

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Checker, Text, limits};

/// Opening hours in one time zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Name in the IANA time zone database.
    #[schema(example = "Europe/Belgrade")]
    pub time_zone: String,
    /// The periods of a normal week.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hours: Vec<OpeningHours>,
    /// What does not fit into hours: `by appointment`, `first Monday of the month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// One period of a week, in local time. A period past midnight is two periods.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpeningHours {
    /// The day.
    pub weekday: Weekday,
    /// `HH:MM`.
    #[schema(value_type = String, example = "09:00")]
    #[serde(with = "hour_and_minute")]
    pub opens: NaiveTime,
    /// `HH:MM`, later than `opens`.
    #[schema(value_type = String, example = "16:30")]
    #[serde(with = "hour_and_minute")]
    pub closes: NaiveTime,
}

/// A day of the week, as iCalendar (RFC 5545 section 3.3.10) abbreviates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Weekday {
    /// Monday.
    Mo,
    /// Tuesday.
    Tu,
    /// Wednesday.
    We,
    /// Thursday.
    Th,
    /// Friday.
    Fr,
    /// Saturday.
    Sa,
    /// Sunday.
    Su,
}

impl Schedule {
    pub(crate) fn check(&self, c: &mut Checker<'_>) {
        check_time_zone(c, "time_zone", &self.time_zone);
        c.list("hours", &self.hours, limits::OPENING_HOURS, |c, hours| {
            if hours.closes <= hours.opens {
                c.field("closes", |c| {
                    c.refuse("before_start", "closes no later than it opens")
                });
            }
        });
        Text::check_optional(self.note.as_ref(), c, "note", limits::SUMMARY);
    }
}

/// Refuses what is not a name in the IANA time zone database.
pub(crate) fn check_time_zone(c: &mut Checker<'_>, name: &str, zone: &str) {
    if zone.parse::<chrono_tz::Tz>().is_err() {
        c.field(name, |c| {
            c.refuse(
                "unknown_time_zone",
                "expected a name of the IANA time zone database, such as Europe/Berlin",
            )
        });
    }
}

mod hour_and_minute {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &NaiveTime,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&time.format("%H:%M"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<NaiveTime, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        NaiveTime::parse_from_str(&text, "%H:%M")
            .map_err(|_| serde::de::Error::custom("expected a time as HH:MM"))
    }
}
