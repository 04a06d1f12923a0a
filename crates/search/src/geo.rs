//! Points of one segment, sorted so that a box on the map is a few short runs of them.

use std::f64::consts::PI;

use crate::build::fitted;

/// Mean radius of the Earth in kilometres (IUGG 1980).
pub(crate) const EARTH_KM: f64 = 6_371.008_8;
/// Height of a band in degrees: some 14 km, about the smallest circle that is asked for.
const BAND: f64 = 0.125;

/// A point on the unit sphere. Distances between neighbours are exact to about a metre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spot {
    pub(crate) lat: f32,
    pub(crate) lon: f32,
    pub(crate) entry: u32,
    unit: [f32; 3],
}

/// A part of the map, in degrees. Where `west` is greater than `east` it crosses the 180th meridian.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoundingBox {
    /// Western edge, -180 to 180.
    pub west: f64,
    /// Southern edge, -90 to 90.
    pub south: f64,
    /// Eastern edge, -180 to 180.
    pub east: f64,
    /// Northern edge, -90 to 90.
    pub north: f64,
}

/// A circle on the map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    /// Latitude of its centre in degrees.
    pub lat: f64,
    /// Longitude of its centre in degrees.
    pub lon: f64,
    /// Its radius in kilometres.
    pub radius_km: f64,
}

/// A circle with what is computed once for all points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circle {
    centre: [f64; 3],
    /// The square of the straight line through the Earth, on the unit sphere, that the radius corresponds to.
    pub(crate) chord2: f64,
    pub(crate) bounds: BoundingBox,
}

impl Circle {
    pub(crate) fn new(near: &Near) -> Self {
        let angle = (near.radius_km / EARTH_KM).min(PI);
        let half = (angle / 2.0).sin();
        let (south, north) = (near.lat - angle.to_degrees(), near.lat + angle.to_degrees());
        // Where the circle holds a pole it meets every meridian.
        let (west, east) = if south <= -90.0 || north >= 90.0 {
            (-180.0, 180.0)
        } else {
            let width = (angle.sin() / near.lat.to_radians().cos())
                .clamp(-1.0, 1.0)
                .asin()
                .to_degrees();
            if width >= 180.0 {
                (-180.0, 180.0)
            } else {
                (wrapped(near.lon - width), wrapped(near.lon + width))
            }
        };
        // A little room, so that rounding never cuts off what the exact distance lets in.
        let room = 1e-4;
        let bounds = BoundingBox {
            south: (south - room).max(-90.0),
            north: (north + room).min(90.0),
            west: if west == -180.0 {
                west
            } else {
                wrapped(west - room)
            },
            east: if east == 180.0 {
                east
            } else {
                wrapped(east + room)
            },
        };
        Self {
            centre: unit(near.lat, near.lon),
            chord2: 4.0 * half * half,
            bounds,
        }
    }

    /// The squared chord to a spot: grows with the distance, and costs no trigonometry.
    #[inline]
    pub(crate) fn chord2_to(&self, spot: &Spot) -> f64 {
        let [x, y, z] = self.centre;
        let [a, b, c] = spot.unit;
        let (dx, dy, dz) = (x - f64::from(a), y - f64::from(b), z - f64::from(c));
        dx * dx + dy * dy + dz * dz
    }
}

/// The distance along the surface in kilometres that a squared chord stands for.
pub(crate) fn kilometres(chord2: f64) -> f64 {
    2.0 * (chord2.sqrt() / 2.0).clamp(0.0, 1.0).asin() * EARTH_KM
}

fn wrapped(lon: f64) -> f64 {
    if lon < -180.0 {
        lon + 360.0
    } else if lon > 180.0 {
        lon - 360.0
    } else {
        lon
    }
}

fn unit(lat: f64, lon: f64) -> [f64; 3] {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn band_of(lat: f64) -> i32 {
    (lat / BAND).floor() as i32
}

impl Spot {
    pub(crate) fn new(lat: f32, lon: f32, entry: u32) -> Self {
        Self {
            lat,
            lon,
            entry,
            unit: unit(f64::from(lat), f64::from(lon)).map(|v| v as f32),
        }
    }

    /// The same point, of another entry.
    pub(crate) fn of(self, entry: u32) -> Self {
        Self { entry, ..self }
    }
}

/// All points of a segment, by bands of latitude from south to north, each from west to east.
#[derive(Debug, Default)]
pub(crate) struct Points {
    spots: Vec<Spot>,
    /// Each band that has points, with where it starts.
    bands: Vec<(i32, u32)>,
    /// Whether some entry has more than one point.
    pub(crate) several: bool,
}

impl Points {
    /// Takes points in any order.
    pub(crate) fn new(mut spots: Vec<Spot>) -> Self {
        let several = spots
            .windows(2)
            .any(|w| matches!(w, [a, b] if a.entry == b.entry));
        let key = |s: &Spot| (band_of(f64::from(s.lat)), s.lon, s.lat, s.entry);
        spots.sort_unstable_by(|a, b| {
            let (a, b) = (key(a), key(b));
            a.0.cmp(&b.0)
                .then(a.1.total_cmp(&b.1))
                .then(a.2.total_cmp(&b.2))
                .then(a.3.cmp(&b.3))
        });
        let mut bands: Vec<(i32, u32)> = Vec::new();
        for (i, spot) in spots.iter().enumerate() {
            let band = band_of(f64::from(spot.lat));
            if bands.last().is_none_or(|(last, _)| *last != band) {
                bands.push((band, i as u32));
            }
        }
        Self {
            spots: fitted(spots),
            bands,
            several,
        }
    }

    /// All points, in the order of the map.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Spot> {
        self.spots.iter()
    }

    /// Calls `f` with each point in the box.
    pub(crate) fn each_in(&self, bounds: &BoundingBox, mut f: impl FnMut(&Spot)) {
        let (south, north) = (band_of(bounds.south), band_of(bounds.north));
        let first = self.bands.partition_point(|(band, _)| *band < south);
        for (i, (band, start)) in self.bands.iter().enumerate().skip(first) {
            if *band > north {
                break;
            }
            let end = self
                .bands
                .get(i + 1)
                .map_or(self.spots.len(), |(_, next)| *next as usize);
            let run = self.spots.get(*start as usize..end).unwrap_or(&[]);
            if bounds.west <= bounds.east {
                each_between(run, bounds.west, bounds.east, bounds, &mut f);
            } else {
                each_between(run, bounds.west, 180.0, bounds, &mut f);
                each_between(run, -180.0, bounds.east, bounds, &mut f);
            }
        }
    }
}

fn each_between(
    run: &[Spot],
    west: f64,
    east: f64,
    bounds: &BoundingBox,
    f: &mut impl FnMut(&Spot),
) {
    let from = run.partition_point(|s| f64::from(s.lon) < west);
    for spot in run.get(from..).unwrap_or(&[]) {
        if f64::from(spot.lon) > east {
            break;
        }
        let lat = f64::from(spot.lat);
        if lat >= bounds.south && lat <= bounds.north {
            f(spot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: (f64, f64), b: (f64, f64)) -> f64 {
        let circle = Circle::new(&Near {
            lat: a.0,
            lon: a.1,
            radius_km: 1.0,
        });
        kilometres(circle.chord2_to(&Spot::new(b.0 as f32, b.1 as f32, 0)))
    }

    #[test]
    fn distances_are_those_of_the_great_circle() {
        // Kassel to Pristina by the haversine formula, and a quarter of the Earth.
        assert!((distance((51.31, 9.48), (42.66, 21.17)) - 1305.1).abs() < 0.2);
        assert!((distance((0.0, 0.0), (0.0, 90.0)) - EARTH_KM * PI / 2.0).abs() < 0.01);
        assert!(distance((51.31, 9.48), (51.31, 9.48)) < 0.01);
    }

    #[test]
    fn a_circle_finds_what_is_within_it_also_at_poles_and_at_the_180th_meridian() {
        let spots: Vec<Spot> = (-18..=18)
            .flat_map(|lat| (-36..=36).map(move |lon| (lat * 5, lon * 5)))
            .enumerate()
            .map(|(i, (lat, lon))| Spot::new(lat as f32, lon as f32, i as u32))
            .collect();
        let points = Points::new(spots.clone());
        for (lat, lon) in [
            (0.0, 0.0),
            (89.0, 10.0),
            (-90.0, 0.0),
            (12.0, 179.0),
            (12.0, -180.0),
            (51.3, 9.5),
        ] {
            for radius_km in [1.0, 600.0, 3_000.0, 12_000.0, 20_037.0] {
                let circle = Circle::new(&Near {
                    lat,
                    lon,
                    radius_km,
                });
                let mut found = Vec::new();
                points.each_in(&circle.bounds, |s| {
                    if circle.chord2_to(s) <= circle.chord2 {
                        found.push(s.entry);
                    }
                });
                found.sort_unstable();
                let expected: Vec<u32> = spots
                    .iter()
                    .filter(|s| circle.chord2_to(s) <= circle.chord2)
                    .map(|s| s.entry)
                    .collect();
                assert_eq!(found, expected, "{radius_km} km around {lat}, {lon}");
            }
        }
    }
}
