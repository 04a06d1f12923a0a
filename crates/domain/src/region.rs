//! Countries, areas, subdivisions and languages: which codes exist, what lies in what, and their names.
//!
//! A *region* is what an offer can serve and a search can ask for: a country (ISO 3166-1 alpha-2, and `XK` for
//! Kosovo), a subdivision of one (ISO 3166-2, `DE-BW`), an area (UN M49, `150` Europe, `001` World, and the M49
//! groupings such as `202` Sub-Saharan Africa) or the grouping `EU`. Codes are upper case and compared as they are.
//!
//! The tables come from Unicode CLDR and are parsed once, on first use; `data/README.md` says how they are made.
//! Names of subdivisions are not in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

#[cfg(test)]
mod tests;

/// The whole world in UN M49: every other region lies in it.
pub const WORLD: &str = "001";

#[derive(Deserialize)]
struct TerritoryFile {
    #[serde(borrow)]
    countries: BTreeMap<&'static str, &'static str>,
    #[serde(borrow)]
    areas: BTreeMap<&'static str, Vec<&'static str>>,
    #[serde(borrow)]
    groupings: BTreeMap<&'static str, Vec<&'static str>>,
    /// Country, or subdivision that is divided again (`BE-VLG`), to the suffixes of its parts, joined by blanks.
    #[serde(borrow)]
    subdivisions: BTreeMap<&'static str, &'static str>,
    #[serde(borrow)]
    codes: Vec<&'static str>,
    #[serde(borrow)]
    names: BTreeMap<&'static str, Vec<Option<&'static str>>>,
}

#[derive(Deserialize)]
struct LanguageFile {
    #[serde(borrow)]
    codes: Vec<&'static str>,
    #[serde(borrow)]
    aliases: HashMap<&'static str, &'static str>,
    /// Languages whose usual script runs from right to left.
    #[serde(borrow)]
    right_to_left: Vec<&'static str>,
    /// Scripts (ISO 15924) that run from right to left.
    #[serde(borrow)]
    right_to_left_scripts: Vec<&'static str>,
    #[serde(borrow)]
    own: Vec<Option<&'static str>>,
    #[serde(borrow)]
    names: BTreeMap<&'static str, Vec<Option<&'static str>>>,
}

struct Territories {
    file: TerritoryFile,
    /// A subdivision's country and suffix to what it lies in directly: its country, or another subdivision.
    parents: HashMap<(&'static str, &'static str), &'static str>,
    /// A country or area to everything that it lies in, nearest first.
    ancestors: HashMap<&'static str, Vec<&'static str>>,
    /// A country or area to its place in `file.codes`, which is its place in every list of names.
    positions: HashMap<&'static str, usize>,
}

struct Languages {
    file: LanguageFile,
    positions: HashMap<&'static str, usize>,
}

#[expect(
    clippy::expect_used,
    reason = "the file is compiled in and no input reaches it; every test of this module reads it"
)]
static TERRITORIES: LazyLock<Territories> = LazyLock::new(|| {
    let file = serde_json::from_str(include_str!("../data/territories.json"))
        .expect("data/territories.json is as generate.py writes it");
    Territories::index(file)
});

#[expect(
    clippy::expect_used,
    reason = "the file is compiled in and no input reaches it; every test of this module reads it"
)]
static LANGUAGES: LazyLock<Languages> = LazyLock::new(|| {
    let file: LanguageFile = serde_json::from_str(include_str!("../data/languages.json"))
        .expect("data/languages.json is as generate.py writes it");
    let positions = file
        .codes
        .iter()
        .enumerate()
        .map(|(i, &code)| (code, i))
        .collect();
    Languages { file, positions }
});

impl Territories {
    fn index(file: TerritoryFile) -> Self {
        let mut parents = HashMap::new();
        for (&whole, parts) in &file.subdivisions {
            let country = whole.split_once('-').map_or(whole, |(country, _)| country);
            for part in parts.split(' ') {
                parents.insert((country, part), whole);
            }
        }
        let positions = file
            .codes
            .iter()
            .enumerate()
            .map(|(i, &code)| (code, i))
            .collect();
        let ancestors = file
            .codes
            .iter()
            .map(|&code| (code, lies_in(&file, code)))
            .collect();
        Self {
            file,
            parents,
            ancestors,
            positions,
        }
    }

    /// What a subdivision lies in directly: `DE` for `DE-BW`.
    fn parent_of_subdivision(&self, code: &str) -> Option<&'static str> {
        self.parents.get(&code.split_once('-')?).copied()
    }
}

/// Everything that a country or area lies in, level by level, so that the nearest comes first and the world last.
fn lies_in(file: &TerritoryFile, code: &'static str) -> Vec<&'static str> {
    let mut found: Vec<&'static str> = Vec::new();
    let mut level = vec![code];
    while !level.is_empty() {
        let holds = |children: &Vec<&'static str>| children.iter().any(|c| level.contains(c));
        let next: Vec<&'static str> = file
            .areas
            .iter()
            .chain(&file.groupings)
            .filter(|(area, children)| !found.contains(area) && holds(children))
            .map(|(&area, _)| area)
            .collect();
        found.extend(&next);
        level = next;
    }
    // A grouping hangs under no area in CLDR's tree; that all of it lies in the world is what M49 means by 001.
    if code != WORLD {
        found.retain(|&area| area != WORLD);
        found.push(WORLD);
    }
    found
}

/// Whether this is a country's or territory's code in ISO 3166-1 alpha-2, or `XK` for Kosovo.
#[must_use]
pub fn is_country(code: &str) -> bool {
    TERRITORIES.file.countries.contains_key(code)
}

/// Whether this is a subdivision's code in ISO 3166-2, such as `DE-BW`.
#[must_use]
pub fn is_subdivision(code: &str) -> bool {
    TERRITORIES.parent_of_subdivision(code).is_some()
}

/// Whether this is an area above countries: a UN M49 code such as `150`, or the grouping `EU`.
#[must_use]
pub fn is_area(code: &str) -> bool {
    TERRITORIES.file.areas.contains_key(code) || TERRITORIES.file.groupings.contains_key(code)
}

/// Whether this is a country, a subdivision or an area.
#[must_use]
pub fn is_region(code: &str) -> bool {
    is_country(code) || is_area(code) || is_subdivision(code)
}

/// The country of a country's or subdivision's code: `DE` for `DE` and for `DE-BW`; none for an area.
#[must_use]
pub fn country_of(code: &str) -> Option<&'static str> {
    let country = match code.split_once('-') {
        Some((country, _)) if is_subdivision(code) => country,
        Some(_) => return None,
        None => code,
    };
    let (&known, _) = TERRITORIES.file.countries.get_key_value(country)?;
    Some(known)
}

/// Everything that a region lies in, nearest first, the world last: `DE-BW` lies in `DE`, `155`, `EU`, `150`, `001`.
///
/// Nothing for the world itself and for a code that is no region.
pub fn ancestors(code: &str) -> impl Iterator<Item = &'static str> + use<> {
    let mut below = Vec::new();
    let mut parent = TERRITORIES.parent_of_subdivision(code);
    while let Some(whole) = parent {
        below.push(whole);
        parent = TERRITORIES.parent_of_subdivision(whole);
    }
    let top = below.last().copied().unwrap_or(code);
    let above = TERRITORIES
        .ancestors
        .get(top)
        .map_or(&[][..], Vec::as_slice);
    below.into_iter().chain(above.iter().copied())
}

/// Whether the region `code` is `region` or lies in it; false when one of them is unknown.
#[must_use]
pub fn contains(region: &str, code: &str) -> bool {
    (region == code && is_region(code)) || ancestors(code).any(|outer| outer == region)
}

/// A country's code in ISO 3166-1 alpha-3; `XKX` for Kosovo, as in the lists of the European Union.
#[must_use]
pub fn alpha3(country: &str) -> Option<&'static str> {
    TERRITORIES.file.countries.get(country).copied()
}

/// All countries' codes, in alphabetical order.
pub fn countries() -> impl Iterator<Item = &'static str> {
    TERRITORIES.file.countries.keys().copied()
}

/// All areas' codes: the M49 tree first, then the groupings, each in the order of their codes.
pub fn areas() -> impl Iterator<Item = &'static str> {
    let file = &TERRITORIES.file;
    file.areas.keys().chain(file.groupings.keys()).copied()
}

/// The name of a country or area in a language, or in the language without its region or script (`de` for `de-AT`).
///
/// None for subdivisions, for unknown codes, and for languages in which no names are kept (see [`name_languages`]):
/// what to show instead is the caller's choice.
#[must_use]
pub fn name(code: &str, lang: &str) -> Option<&'static str> {
    let position = *TERRITORIES.positions.get(code)?;
    for_tag(&TERRITORIES.file.names, lang, position)
}

/// The languages in which [`name`] knows names.
pub fn name_languages() -> impl Iterator<Item = &'static str> {
    TERRITORIES.file.names.keys().copied()
}

/// The name of the language `tag` (BCP 47) in the language `lang`: "Arabisch" for `ar` in `de`.
///
/// Script and region are left out of the name: `pt-BR` is "Portuguese". None for languages outside the list, which
/// holds those with most speakers and those of the groups that the network advises.
#[must_use]
pub fn language_name(tag: &str, lang: &str) -> Option<&'static str> {
    let position = language_position(tag)?;
    for_tag(&LANGUAGES.file.names, lang, position)
}

/// The name of a language in that language itself, such as "shqip" for `sq`.
#[must_use]
pub fn language_own_name(tag: &str) -> Option<&'static str> {
    let position = language_position(tag)?;
    *LANGUAGES.file.own.get(position)?
}

/// The languages that have names, as BCP 47 tags in alphabetical order.
pub fn languages() -> impl Iterator<Item = &'static str> {
    LANGUAGES.file.codes.iter().copied()
}

/// Whether a language is written from right to left: by the script that its tag names, else by its usual one.
#[must_use]
pub fn is_right_to_left(tag: &str) -> bool {
    let file = &LANGUAGES.file;
    if let Some(script) = tag.split('-').skip(1).find(|subtag| subtag.len() == 4) {
        let known = &file.right_to_left_scripts;
        return known.iter().any(|rtl| rtl.eq_ignore_ascii_case(script));
    }
    let language = language_position(tag).and_then(|i| file.codes.get(i));
    language.is_some_and(|known| file.right_to_left.contains(known))
}

/// A language's place in the list, by its tag cut short from the right until it is known, or by its current tag.
fn language_position(tag: &str) -> Option<usize> {
    let base = tag.split('-').next()?;
    let known = LANGUAGES.file.aliases.get(base).copied().unwrap_or(base);
    LANGUAGES.positions.get(known).copied()
}

/// The entry at `position` of the best list for a language tag (lookup by cutting the tag, RFC 4647 section 3.4).
fn for_tag(
    names: &BTreeMap<&'static str, Vec<Option<&'static str>>>,
    lang: &str,
    position: usize,
) -> Option<&'static str> {
    let mut tag = lang;
    loop {
        if let Some(Some(name)) = names
            .get(tag)
            .map(|list| list.get(position).copied().flatten())
        {
            return Some(name);
        }
        (tag, _) = tag.rsplit_once('-')?;
    }
}
