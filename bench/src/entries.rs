//! Entries as a large directory would hold them: the same ones on every run.

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use crate::words::{CITIES, City, Codes, ENGLISH, FURTHER, GERMAN, LANGUAGES};

/// One organisation for so many entries.
const PER_ORGANISATION: u32 = 50;
/// Milliseconds of 2026-01-01, the time that the ids carry.
const EPOCH: u64 = 1_767_225_600_000;

/// Makes entries from a fixed seed.
pub struct Maker {
    codes: Codes,
    random: SmallRng,
    names: Names,
}

/// The organisation that owns entry number `index`.
pub fn organisation_id(index: u32) -> Uuid {
    fixed_id(0, index / PER_ORGANISATION)
}

/// The id of entry number `index`, where ids are given and not minted.
pub fn entry_id(index: u32) -> Uuid {
    if is_organisation(index) {
        organisation_id(index)
    } else {
        fixed_id(1, index)
    }
}

/// Whether entry number `index` is an organisation: the first of each group.
pub fn is_organisation(index: u32) -> bool {
    index.is_multiple_of(PER_ORGANISATION)
}

fn fixed_id(series: u8, number: u32) -> Uuid {
    let mut random = [0; 10];
    random[0] = series;
    random[6..].copy_from_slice(&number.to_be_bytes());
    Builder::from_unix_timestamp_millis(EPOCH + u64::from(number), &random).into_uuid()
}

impl Maker {
    /// Starts from `seed`.
    ///
    /// # Errors
    /// When the code lists cannot be read.
    pub fn new(seed: u64) -> anyhow::Result<Self> {
        let mut random = SmallRng::seed_from_u64(seed);
        let names = Names::new(&mut random);
        Ok(Self {
            codes: Codes::read()?,
            random,
            names,
        })
    }

    /// Entry number `index`: an organisation or an offer of it, as a client would send it (with `kind` and `id`).
    pub fn entry(&mut self, index: u32) -> Value {
        let (kind, content) = if is_organisation(index) {
            ("organisation", self.organisation(index))
        } else {
            ("offer", self.offer(index))
        };
        let mut entry = json!({
            "kind": kind,
            "id": entry_id(index),
            "owner": organisation_id(index),
            "external_id": format!("bench-{index}"),
            "visibility": self.visibility(index),
            "status": self.status(),
            "license": "CC-BY-4.0",
            "content": content,
        });
        if self.random.random_ratio(2, 3) {
            let month = self.random.random_range(1..=9);
            let day = self.random.random_range(1..=28);
            entry["last_verified"] = json!(format!("2026-{month:02}-{day:02}"));
            entry["verification_method"] = json!("provider_confirmed");
        }
        if self.random.random_ratio(1, 4) {
            entry["available_until"] =
                json!(format!("2027-{:02}-28", self.random.random_range(1..=12)));
        }
        entry
    }

    /// One offer in twenty is for the network only. Organisations are public, because offers refer to them.
    fn visibility(&mut self, index: u32) -> &'static str {
        if is_organisation(index) || self.random.random_ratio(19, 20) {
            "public"
        } else {
            "network"
        }
    }

    fn status(&mut self) -> &'static str {
        match self.random.random_range(0..20) {
            0 => "planned",
            1 => "paused",
            2 => "ended",
            3..6 => "unconfirmed",
            _ => "active",
        }
    }

    fn organisation(&mut self, index: u32) -> Value {
        let (country, city, ..) = self.city();
        let name = self.names.of(&mut self.random);
        let types = self.codes.of("org_type");
        json!({
            "name": {"de": format!("{name} – Fachstelle Migration {city}"), "en": format!("{name} – Migration Services {city}")},
            "type": skewed(&mut self.random, &types),
            "seat_country": country,
            "website": format!("https://www.example.org/{index}"),
            "description": {"de": self.text(GERMAN, "de", 3), "en": self.text(ENGLISH, "en", 3)},
        })
    }

    fn offer(&mut self, index: u32) -> Value {
        let city = self.city();
        let topics = self.some("topic", 3);
        let types = self.some("offer_type", 2);
        let name = self.names.of(&mut self.random);
        let title = |codes: &Codes, language| {
            let kind = codes.label(
                "offer_type",
                types.first().map_or("", String::as_str),
                language,
            );
            let topic = codes.label("topic", topics.first().map_or("", String::as_str), language);
            format!("{kind}: {topic} ({name}, {})", city.1)
        };
        let mut titles = json!({"de": title(&self.codes, "de"), "en": title(&self.codes, "en")});
        let mut summaries =
            json!({"de": self.text(GERMAN, "de", 1), "en": self.text(ENGLISH, "en", 1)});
        if self.random.random_ratio(1, 6)
            && let Some((language, sentence)) = one_of(&mut self.random, FURTHER)
        {
            titles[*language] = json!(format!("{name}, {}", city.1));
            summaries[*language] = json!(sentence);
        }
        json!({
            "title": titles,
            "summary": summaries,
            "organisation": organisation_id(index),
            "phases": self.some("phase", 2),
            "offer_types": types,
            "topics": topics,
            "target_groups": self.some("target_group", 2),
            "residence_purposes": self.some("residence_purpose", 1),
            "modes": self.some("mode", 2),
            "cost": skewed(&mut self.random, &self.codes.of("cost")),
            "languages": self.languages(),
            "places": [self.place(city)],
            "area_served": [city.0],
            "destination_countries": ["DE"],
            "capacity": skewed(&mut self.random, &self.codes.of("capacity_state")),
        })
    }

    fn city(&mut self) -> City {
        skewed(&mut self.random, CITIES).unwrap_or(CITIES[0])
    }

    fn place(&mut self, (country, city, lat, lon): City) -> Value {
        // Offers lie around the city, not all on its market square.
        let lat = lat + self.random.random_range(-0.6..0.6);
        let lon = lon + self.random.random_range(-0.8..0.8);
        match self.random.random_range(0..20) {
            0 => json!({"country": country, "precision": "hidden"}),
            1..9 => {
                json!({"country": country, "city": city, "lat": round(lat, 2), "lon": round(lon, 2), "precision": "city"})
            }
            _ => {
                json!({"country": country, "city": city, "lat": round(lat, 5), "lon": round(lon, 5), "precision": "exact"})
            }
        }
    }

    fn languages(&mut self) -> Value {
        let count = self.random.random_range(1..=4);
        let mut tags: Vec<&str> = (0..count)
            .filter_map(|_| skewed(&mut self.random, LANGUAGES))
            .collect();
        tags.sort_unstable();
        tags.dedup();
        tags.into_iter()
            .map(|tag| json!({"language": tag, "provision": ["staff"]}))
            .collect()
    }

    /// One to `most` codes of a list, in its order.
    fn some(&mut self, scheme: &str, most: usize) -> Vec<String> {
        let codes = self.codes.of(scheme);
        let count = self.random.random_range(1..=most);
        let mut chosen: Vec<_> = (0..count)
            .filter_map(|_| skewed(&mut self.random, &codes))
            .collect();
        chosen.sort_unstable();
        chosen.dedup();
        chosen.into_iter().map(str::to_owned).collect()
    }

    fn text(&mut self, sentences: &[&str], language: &str, count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            let Some(sentence) = one_of(&mut self.random, sentences) else {
                continue;
            };
            let topic = skewed(&mut self.random, &self.codes.of("topic")).unwrap_or_default();
            let group =
                skewed(&mut self.random, &self.codes.of("target_group")).unwrap_or_default();
            let sentence = sentence
                .replace("{t}", self.codes.label("topic", topic, language))
                .replace("{g}", self.codes.label("target_group", group, language))
                .replace("{c}", self.city().1)
                .replace("{n}", &self.names.of(&mut self.random));
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(&sentence);
        }
        text
    }
}

/// Names of projects: some twenty thousand, most of them rare, so that the text index has the long tail that real
/// text has.
struct Names(Vec<String>);

impl Names {
    fn new(random: &mut SmallRng) -> Self {
        const PARTS: &[&str] = &[
            "ba", "lo", "mi", "ra", "te", "no", "vi", "sa", "ku", "den", "mar", "sol", "tra",
            "lin", "for", "pe", "gal", "wes", "on", "ar", "ju", "net", "pro", "ve", "ki",
        ];
        let name = |random: &mut SmallRng| {
            let length = random.random_range(2..=4);
            let mut name: String = (0..length)
                .filter_map(|_| one_of(random, PARTS).copied())
                .collect();
            if let Some(first) = name.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            name
        };
        Self((0..20_000).map(|_| name(random)).collect())
    }

    fn of(&self, random: &mut SmallRng) -> String {
        skewed_clone(random, &self.0).unwrap_or_default()
    }
}

/// One item, the early ones far more often: as 1/(rank) roughly, the way that words, places and topics are spread.
pub fn skewed<T: Copy>(random: &mut SmallRng, items: &[T]) -> Option<T> {
    items.get(skewed_index(random, items.len())).copied()
}

fn skewed_clone(random: &mut SmallRng, items: &[String]) -> Option<String> {
    items.get(skewed_index(random, items.len())).cloned()
}

fn skewed_index(random: &mut SmallRng, length: usize) -> usize {
    // The inverse of the distribution with density 1/(x+1) over [0, length).
    let uniform: f64 = random.random();
    ((length as f64 + 1.0).powf(uniform) - 1.0) as usize
}

/// Any item, each as often.
pub fn one_of<'a, T>(random: &mut SmallRng, items: &'a [T]) -> Option<&'a T> {
    if items.is_empty() {
        return None;
    }
    items.get(random.random_range(0..items.len()))
}

fn round(value: f64, digits: i32) -> f64 {
    let factor = 10f64.powi(digits);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_the_same_on_every_run_about_as_large_as_planned_and_good_drafts() {
        let (mut one, mut two) = (Maker::new(7).expect("codes"), Maker::new(7).expect("codes"));
        let mut bytes = 0;
        for index in 0..500 {
            let entry = one.entry(index);
            assert_eq!(entry, two.entry(index));
            bytes += entry.to_string().len();
            let kind = if is_organisation(index) {
                domain::Kind::Organisation
            } else {
                domain::Kind::Offer
            };
            let content = entry["content"].to_string();
            domain::Content::from_json(kind, &content).expect("a good draft");
        }
        let mean = bytes / 500;
        assert!((900..=1_200).contains(&mean), "{mean} bytes");
    }

    #[test]
    fn ids_differ_and_are_of_version_seven() {
        let ids: std::collections::BTreeSet<_> = (0..1_000).map(entry_id).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
