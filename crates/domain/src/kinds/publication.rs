use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entry::is_partial_date;
use crate::{Checker, EntryRef, Facets, Kind, KindContent, Lang, Text, Weight, codes, limits};

/// Something published: a report, a guideline, material for people seeking advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// What it is called.
    pub title: Text,
    /// What it says, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Text>,
    /// What sort of publication it is.
    #[serde(rename = "type")]
    pub publication_type: codes::PublicationType,
    /// When it came out: a year, month or day (ISO 8601).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2023-03-30")]
    pub date: Option<String>,
    /// The language that it is written in.
    pub language: Lang,
    /// Who published it.
    pub publisher: EntryRef,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl KindContent for Publication {
    const KIND: Kind = Kind::Publication;

    fn check(&self, c: &mut Checker<'_>) {
        self.title.check(c, "title", limits::TITLE);
        Text::check_optional(self.summary.as_ref(), c, "summary", limits::SUMMARY);
        c.field("type", |c| self.publication_type.check(c));
        if let Some(date) = &self.date {
            if is_partial_date(date) {
                let first: Option<NaiveDate> = crate::entry::period_of(date).map(|period| period.0);
                c.date("date", first);
            } else {
                c.field("date", |c| {
                    c.refuse("not_a_date", "expected YYYY, YYYY-MM or YYYY-MM-DD")
                });
            }
        }
        c.field("language", |c| c.language_here(&self.language));
        c.reference("publisher", &self.publisher, &[Kind::Organisation]);
        c.optional_url("link", self.link.as_deref());
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.types.push(self.publication_type.as_str());
        facets.organisations.push(&self.publisher);
        facets.langs([&self.language]);
        facets.text(&self.title, Weight::Title);
        facets.optional_text(self.summary.as_ref(), Weight::Summary);
    }

    fn title(&self) -> Text {
        self.title.clone()
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        std::iter::once(&mut self.title)
            .chain(&mut self.summary)
            .collect()
    }
}
