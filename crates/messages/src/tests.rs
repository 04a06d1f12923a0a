//! The files are whole, and say in each language what they say in the others.

use std::collections::BTreeSet;

use super::*;

/// The keys of a language's files. A broken line is an error.
fn keys(language: Language) -> Vec<String> {
    let key = |line: &str| {
        let (key, _) = line.split_once(" =")?;
        let starts = key.chars().next()?.is_ascii_alphabetic();
        (starts && !key.contains(' ')).then(|| key.to_owned())
    };
    let mut keys = Vec::new();
    for file in language.files() {
        FluentResource::try_new(file.to_owned()).expect("no line is broken");
        keys.extend(file.lines().filter_map(key));
    }
    keys
}

#[test]
fn every_language_has_the_same_messages_and_none_twice() {
    let expected: BTreeSet<String> = keys(Language::De).into_iter().collect();
    assert!(expected.len() > 200, "{}", expected.len());
    for language in Language::ALL {
        let all = keys(language);
        let set: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!(set.len(), all.len(), "{language:?} has a message twice");
        let missing: Vec<_> = expected.symmetric_difference(&set).collect();
        assert!(missing.is_empty(), "{language:?}: {missing:?}");
    }
}

#[test]
fn every_message_formats_without_an_error_for_any_count() {
    for language in Language::ALL {
        for key in keys(language) {
            for count in [0, 1, 2, 5, 11, 100, 1_000_000] {
                let mut args = FluentArgs::new();
                args.set("count", count);
                for name in ["date", "language", "regime", "number", "version"] {
                    args.set(name, "x");
                }
                let bundle = language.bundle();
                let message = bundle.get_message(&key).and_then(|it| it.value());
                let mut errors = Vec::new();
                let text =
                    bundle.format_pattern(message.expect("has a value"), Some(&args), &mut errors);
                assert!(
                    errors.is_empty() && !text.trim().is_empty(),
                    "{language:?} {key}: {errors:?}"
                );
            }
        }
    }
}

#[test]
fn counts_follow_the_plural_rules_of_the_language() {
    let offers =
        |language: Language, count: u64| language.message_with("count-offers", "count", count);
    assert_eq!(offers(Language::De, 1), "Angebot");
    assert_eq!(offers(Language::De, 2), "Angebote");
    let arabic: BTreeSet<String> = [1, 2, 5, 11].map(|n| offers(Language::Ar, n)).into();
    assert_eq!(arabic.len(), 4);
    assert_eq!(Language::Ar.direction(), "rtl");
}

#[test]
fn a_language_is_found_by_its_primary_tag() {
    assert_eq!(Language::for_tag("de-AT"), Some(Language::De));
    assert_eq!(Language::for_tag("AR"), Some(Language::Ar));
    assert_eq!(Language::for_tag("fr"), None);
}
