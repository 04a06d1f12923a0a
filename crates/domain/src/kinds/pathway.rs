use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::offer::code_list;
use crate::{Checker, EntryRef, Facets, Kind, KindContent, Text, Weight, codes, limits};

/// A pathway: how the work of one offer goes on in another, often across a border.
///
/// It is confirmed when the owners of both ends have each published it; until then it shows as suggested. Nobody
/// writes into somebody else's entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pathway {
    /// The offer that it leads on from.
    pub from_offer: EntryRef,
    /// The offer that it leads to.
    pub to_offer: EntryRef,
    /// How the two are linked.
    #[serde(rename = "type")]
    pub pathway_kind: codes::PathwayKind,
    /// How people are handed over.
    pub handover: codes::Handover,
    /// For whom it holds. Absent means: for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// What the link rests on.
    pub basis: codes::Basis,
    /// What else to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

/// For whom a pathway holds: all named lists must be met; an empty list holds for all.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// Purposes of residence.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub residence_purposes: Vec<codes::ResidencePurpose>,
    /// Codes of ISO 3166-1, ISO 3166-2 or UN M49.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Target groups.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    pub target_groups: Vec<codes::TargetGroup>,
}

impl KindContent for Pathway {
    const KIND: Kind = Kind::Pathway;

    fn check(&self, c: &mut Checker<'_>) {
        c.reference("from_offer", &self.from_offer, &[Kind::Offer]);
        c.reference("to_offer", &self.to_offer, &[Kind::Offer]);
        if self.from_offer == self.to_offer {
            c.field("to_offer", |c| {
                c.refuse("contradiction", "a pathway leads to another offer")
            });
        }
        c.field("type", |c| self.pathway_kind.check(c));
        c.field("handover", |c| self.handover.check(c));
        c.field("basis", |c| self.basis.check(c));
        if let Some(condition) = &self.condition {
            c.field("condition", |c| {
                code_list(c, "residence_purposes", &condition.residence_purposes);
                code_list(c, "target_groups", &condition.target_groups);
                c.list("regions", &condition.regions, limits::REGIONS, |c, code| {
                    c.region_here(code)
                });
                c.distinct("regions", &condition.regions);
            });
        }
        Text::check_optional(self.note.as_ref(), c, "note", limits::SUMMARY);
    }

    fn facets<'a>(&'a self, facets: &mut Facets<'a>) {
        facets.types.push(self.pathway_kind.as_str());
        facets.related.extend([&self.from_offer, &self.to_offer]);
        facets.optional_text(self.note.as_ref(), Weight::Summary);
        if let Some(condition) = &self.condition {
            Facets::codes(&mut facets.purposes, &condition.residence_purposes);
            Facets::codes(&mut facets.target_groups, &condition.target_groups);
            for code in &condition.regions {
                facets.area(code);
            }
        }
    }

    fn title(&self) -> Text {
        self.note
            .clone()
            .unwrap_or_else(|| Text::new("und", self.pathway_kind.as_str()))
    }

    fn texts(&mut self) -> Vec<&mut Text> {
        self.note.iter_mut().collect()
    }
}
