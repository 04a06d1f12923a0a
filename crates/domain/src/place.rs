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

    /// What of the place may be shown to anybody. Checked again here, whatever was let in: foreign entries come this
    /// way too.
    #[must_use]
    pub(crate) fn blurred(&self) -> Self {
        let mut place = self.clone();
        if place.precision != Precision::Exact {
            place.street_address = None;
            place.postal_code = None;
        }
        match place.precision {
            Precision::Exact => {}
            Precision::City => {
                place.lat = place.lat.map(two_decimals);
                place.lon = place.lon.map(two_decimals);
            }
            Precision::Region | Precision::Hidden => {
                place.lat = None;
                place.lon = None;
            }
        }
        match place.precision {
            Precision::Hidden => {
                place.name = None;
                place.city = None;
                place.region = None;
            }
            Precision::Region => {
                place.name = None;
                place.city = None;
            }
            Precision::Exact | Precision::City => {}
        }
        place
    }

    /// The point to search by, as it may be shown.
    #[must_use]
    pub fn point(&self) -> Option<(f64, f64)> {
        let shown = self.blurred();
        Some((shown.lat?, shown.lon?))
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

    #[test]
    fn what_is_hidden_leaves_in_no_field() {
        let json = serde_json::to_value(place(Precision::Hidden).blurred()).expect("writes");
        assert_eq!(
            json,
            serde_json::json!({"country": "DE", "precision": "hidden"})
        );
        let json = serde_json::to_value(place(Precision::Region).blurred()).expect("writes");
        assert_eq!(
            json,
            serde_json::json!({"country": "DE", "region": "DE-HE", "precision": "region"})
        );
        assert_eq!(place(Precision::City).point(), Some((51.31, 9.48)));
        assert_eq!(place(Precision::Hidden).point(), None);
    }
}
