#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use super::*;

fn list(code: &str) -> Vec<&'static str> {
    ancestors(code).collect()
}

#[test]
fn there_are_the_249_countries_of_iso_3166_and_kosovo() {
    assert_eq!(countries().count(), 250);
    assert!(is_country("DE") && is_country("XK") && is_country("AQ") && is_country("TW"));
    for reserved in ["EU", "AC", "IC", "UK", "SU", "XX", "ZZ", "de", "", "001"] {
        assert!(!is_country(reserved), "{reserved}");
    }
}

#[test]
fn kosovo_lies_in_southern_europe_and_has_the_alpha_3_code_of_the_european_union() {
    assert_eq!(list("XK"), ["039", "150", "001"]);
    assert_eq!(alpha3("XK"), Some("XKX"));
    assert_eq!(name("XK", "sq"), Some("Kosovë"));
}

#[test]
fn every_country_has_its_own_alpha_3_code_and_lies_in_the_world_through_an_area() {
    let codes: BTreeSet<_> = countries().map(|c| alpha3(c).unwrap()).collect();
    assert_eq!(codes.len(), countries().count());
    assert!(codes.iter().all(|code| code.len() == 3));
    for country in countries() {
        assert_eq!(list(country).last(), Some(&WORLD), "{country}");
        // Antarctica belongs to no continent of M49.
        assert!(list(country).len() >= 3 || country == "AQ", "{country}");
    }
}

#[test]
fn a_land_lies_in_its_country_and_in_all_that_the_country_lies_in() {
    assert!(is_subdivision("DE-BW") && is_region("DE-BW"));
    let areas = list("DE-BW");
    assert_eq!(areas.first(), Some(&"DE"));
    assert_eq!(areas.last(), Some(&"001"));
    for area in ["155", "150", "EU"] {
        assert!(areas.contains(&area), "{area}");
    }
    assert_eq!(areas.len(), 5);
    assert_eq!(country_of("DE-BW"), Some("DE"));
}

#[test]
fn a_subdivision_of_a_subdivision_lies_in_both_its_region_and_its_country() {
    assert!(contains("BE-VLG", "BE-VAN") && contains("BE", "BE-VAN") && contains("150", "BE-VAN"));
    assert_eq!(list("BE-VAN").first(), Some(&"BE-VLG"));
}

#[test]
fn the_world_contains_everything_and_lies_in_nothing() {
    assert!(is_area("001") && list("001").is_empty());
    assert!(contains("001", "001"));
    assert!(countries().chain(areas()).all(|code| contains("001", code)));
    assert!(!contains("150", "001"));
}

#[test]
fn groupings_hold_their_countries_but_not_their_neighbours() {
    assert!(contains("EU", "PL") && contains("EU", "DE-BY"));
    assert!(!contains("EU", "CH") && !contains("EU", "XK") && !contains("EU", "GB"));
    assert!(contains("202", "GH") && !contains("202", "EG"));
    assert!(contains("419", "BR") && contains("019", "BR"));
    assert!(!is_area("UN") && !is_area("EZ"));
}

#[test]
fn unknown_codes_are_no_region_and_lie_nowhere() {
    for code in [
        "", "-", "DE-", "-BW", "DE-XX", "XX-BW", "de-bw", "999", "DE-BW-BW", "Ü",
    ] {
        assert!(!is_region(code), "{code}");
        assert_eq!(country_of(code), None, "{code}");
        assert!(list(code).is_empty(), "{code}");
        assert!(!contains(code, code) && !contains("001", code), "{code}");
        assert_eq!(name(code, "en"), None, "{code}");
    }
}

#[test]
fn areas_have_no_country_and_countries_are_their_own() {
    assert_eq!(country_of("150"), None);
    assert_eq!(country_of("EU"), None);
    assert_eq!(country_of("TR"), Some("TR"));
}

#[test]
fn every_country_and_area_has_a_name_in_the_languages_of_the_interface() {
    for lang in ["de", "en", "fr", "es", "ar", "tr", "ru"] {
        for code in countries().chain(areas()) {
            assert!(
                name(code, lang).is_some_and(|n| !n.is_empty()),
                "{code} {lang}"
            );
        }
    }
    assert_eq!(name("DE", "fr"), Some("Allemagne"));
    assert_eq!(name("001", "en"), Some("world"));
}

#[test]
fn a_tag_with_region_or_script_finds_the_names_of_its_language() {
    assert_eq!(name("DE", "de-AT"), Some("Deutschland"));
    assert_eq!(name("DE", "sr-Latn-RS"), Some("Nemačka"));
    assert_eq!(name("DE", "sr-Cyrl"), Some("Немачка"));
    assert_eq!(name("DE", "tlh"), None);
}

#[test]
fn languages_have_names_in_other_languages_and_in_themselves() {
    assert_eq!(language_name("ar", "de"), Some("Arabisch"));
    assert_eq!(language_name("pt-BR", "en"), Some("Portuguese"));
    assert_eq!(language_name("prs", "en"), Some("Dari"));
    assert_eq!(language_name("kmr", "de"), language_name("ku", "de"));
    assert_eq!(language_own_name("sq"), Some("shqip"));
    assert_eq!(language_name("xx", "de"), None);
    assert_eq!(language_name("", "de"), None);
    assert!(languages().all(|tag| language_name(tag, "de").is_some()));
}

#[test]
fn the_script_decides_the_direction_before_the_language_does() {
    assert!(is_right_to_left("ar") && is_right_to_left("fa-AF") && is_right_to_left("ku-Arab"));
    assert!(!is_right_to_left("ku") && !is_right_to_left("az") && !is_right_to_left("ur-Latn"));
}
