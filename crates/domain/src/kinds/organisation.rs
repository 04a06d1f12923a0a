use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Checker, EntryRef, Facets, Kind, KindContent, Text, Weight, codes, limits};

/// An organisation that advises, funds, steers or looks after others that do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// What it is called. The official name stands under its own language.
    pub name: Text,
    /// What sort of organisation it is.
    #[serde(rename = "type")]
    pub organisation_type: codes::OrganisationType,
    /// Where it has its seat: ISO 3166-1 alpha-2, or `XK`.
    #[schema(example = "DE")]
    pub seat_country: String,
    /// The organisation that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntryRef>,
    /// Its identifiers elsewhere.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// Its website.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://www.example.org")]
    pub website: Option<String>,
    /// Address of its logo. Pages of this node never load it from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Text>,
}

/// An identifier of an organisation elsewhere, as HSDS 3.0 `organization_identifier` has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Which register: a code of org-id.guide such as `DE-CR`, or a name.
    #[schema(example = "DE-CR")]
    pub scheme: String,
    /// The identifier there.
    pub value: String,
}

impl KindContent for Organisation {
    const KIND: Kind = Kind::Organisation;

    fn check(&self, c: &mut Checker<'_>) {
        self.name.check(c, "name", limits::TITLE);
        c.field("type", |c| self.organisation_type.check(c));
        c.country("seat_country", &self.seat_country);
        if let Some(parent) = &self.parent {
            c.reference("parent", parent, &[Kind::Organisation]);
        }
        c.list(
            "identifiers",
            &self.identifiers,
            limits::SOURCES,
            |c, identifier| {
                c.string("scheme", &identifier.scheme, limits::SHORT);
                c.string("value", &identifier.value, limits::SHORT);
            },
        );
        c.distinct("identifiers", &self.identifiers);
        c.optional_url("website", self.website.as_deref());
        c.optional_url("logo", self.logo.as_deref());
        Text::check_optional(
            self.description.as_ref(),
            c,
            "description",
            limits::DESCRIPTION,
        );
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.countries.push(&self.seat_country);
        facets.types.push(self.organisation_type.as_str());
        facets.organisations.extend(&self.parent);
        facets.text(&self.name, Weight::Title);
        facets.optional_text(self.description.as_ref(), Weight::Body);
        for identifier in &self.identifiers {
            facets.words(Some(&identifier.value), Weight::Body);
        }
    }

    fn title(&self) -> Text {
        self.name.clone()
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        std::iter::once(&mut self.name)
            .chain(&mut self.description)
            .collect()
    }
}
