//! Where something is, and how exactly one may say so.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Checker, limits, region};

/// How exactly a place may be shown. A shelter is found by its telephone, not by a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Street and coordinates.
    Exact,
    /// The city, with coordinates to two decimals (about a kilometre).
    City,
    /// The country and region only, no coordinates.
    Region,
    /// The country only. Nothing else of it leaves the owner's hands.
    Hidden,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// What the place is called: `Welcome Center`, `town hall, room 12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// ISO 3166-1 alpha-2, or `XK`.
    #[schema(example = "DE")]
    pub country: String,
    /// ISO 3166-2, of the same country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "DE-HE")]
    pub region: Option<String>,
    /// City, town or village.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Kassel")]
    pub city: Option<String>,
    /// Postal code. Exact places only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Street and number. Exact places only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street_address: Option<String>,
    /// Latitude in degrees, WGS 84, -90 to 90. Only where the precision is exact or city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lat: Option<f64>,
    /// Longitude in degrees, WGS 84, -180 to 180.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lon: Option<f64>,
    /// How exactly it may be shown.
    pub precision: Precision,
}

impl Place {
    pub(crate) fn check(&self, c: &mut Checker<'_>) {
        c.country("country", &self.country);
        c.optional_string("name", self.name.as_deref(), limits::TITLE);
        c.optional_string("city", self.city.as_deref(), limits::SHORT);
        c.optional_string("postal_code", self.postal_code.as_deref(), limits::SHORT);
        c.optional_string(
            "street_address",
            self.street_address.as_deref(),
            limits::TITLE,
        );
        if let Some(code) = &self.region {
            c.field("region", |c| {
                if !region::is_subdivision(code) {
                    c.refuse(
                        "unknown_region",
                        "expected a code of ISO 3166-2, such as DE-HE",
                    );
                } else if region::country_of(code) != Some(self.country.as_str()) {
                    c.refuse("contradiction", "this region is not in the place's country");
                }
            });
        }
        self.check_coordinates(c);
        self.check_precision(c);
    }

    fn check_coordinates(&self, c: &mut Checker<'_>) {
        for (name, value, most) in [("lat", self.lat, 90.0), ("lon", self.lon, 180.0)] {
            if value.is_some_and(|v| !v.is_finite() || v.abs() > most) {
                c.field(name, |c| {
                    c.refuse(
                        "out_of_range",
                        format!("expected degrees between -{most} and {most}"),
                    )
                });
            }
        }
        if self.lat.is_some() != self.lon.is_some() {
            let missing = if self.lat.is_some() { "lon" } else { "lat" };
            c.field(missing, |c| {
                c.refuse("required", "latitude and longitude go together")
            });
        }
    }

    fn check_precision(&self, c: &mut Checker<'_>) {
        let shows_point = matches!(self.precision, Precision::Exact | Precision::City);
        if !shows_point && self.lat.is_some() {
            c.field("lat", |c| {
                c.refuse(
                    "too_precise",
                    "a hidden place, or one known by its region, has no coordinates",
                );
            });
        }
        if self.precision != Precision::Exact {
            for (name, value) in [
                ("street_address", &self.street_address),
                ("postal_code", &self.postal_code),
            ] {
                if value.is_some() {
                    c.field(name, |c| {
                        c.refuse(
                            "too_precise",
                            "only a place of precision exact has an address",
                        )
                    });
                }
            }
        }
        if self.precision == Precision::Hidden {
            for (name, present) in [
                ("name", self.name.is_some()),
                ("city", self.city.is_some()),
                ("region", self.region.is_some()),
            ] {
                if present {
                    c.field(name, |c| {
                        c.refuse("too_precise", "a hidden place names its country only")
                    });
                }
            }
        }
    }

    /// Takes out what of the place may not be shown to anybody, and says whether that was anything. Checked again here,
    /// whatever was let in: foreign entries come this way too.
    pub(crate) fn blur(&mut self) -> bool {
        let hidden = self.precision == Precision::Hidden;
        let region = self.precision == Precision::Region || hidden;
        let inexact = self.precision != Precision::Exact;
        let mut changed = false;
        changed |= inexact && self.street_address.take().is_some();
        changed |= inexact && self.postal_code.take().is_some();
        changed |= region && self.lat.take().is_some();
        changed |= region && self.lon.take().is_some();
        changed |= region && self.name.take().is_some();
        changed |= region && self.city.take().is_some();
        changed |= hidden && self.region.take().is_some();
        for degrees in [&mut self.lat, &mut self.lon] {
            if inexact && let Some(exact) = degrees {
                let rounded = two_decimals(*exact);
                changed |= rounded != *exact;
                *exact = rounded;
            }
        }
        changed
    }

    /// The point to search by, as it may be shown.
    #[must_use]
    pub fn point(&self) -> Option<(f64, f64)> {
        let point = (self.lat?, self.lon?);
        match self.precision {
            Precision::Exact => Some(point),
            Precision::City => Some((two_decimals(point.0), two_decimals(point.1))),
            Precision::Region | Precision::Hidden => None,
        }
    }
}

fn two_decimals(degrees: f64) -> f64 {
    (degrees * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(precision: Precision) -> Place {
        Place {
            name: Some("House".into()),
            country: "DE".into(),
            region: Some("DE-HE".into()),
            city: Some("Kassel".into()),
            postal_code: Some("34117".into()),
            street_address: Some("Street 1".into()),
            lat: Some(51.312_34),
            lon: Some(9.481_23),
            precision,
        }
    }

    fn blurred(precision: Precision) -> Place {
        let mut place = place(precision);
        place.blur();
        place
    }

    #[test]
    fn what_is_hidden_leaves_in_no_field() {
        let json = serde_json::to_value(blurred(Precision::Hidden)).expect("writes");
        assert_eq!(
            json,
            serde_json::json!({"country": "DE", "precision": "hidden"})
        );
        let json = serde_json::to_value(blurred(Precision::Region)).expect("writes");
        assert_eq!(
            json,
            serde_json::json!({"country": "DE", "region": "DE-HE", "precision": "region"})
        );
        for precision in [
            Precision::Exact,
            Precision::City,
            Precision::Region,
            Precision::Hidden,
        ] {
            let shown = blurred(precision);
            assert_eq!(place(precision).point(), shown.lat.zip(shown.lon));
        }
        assert_eq!(place(Precision::City).point(), Some((51.31, 9.48)));
    }
}
