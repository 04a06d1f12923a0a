//! An entry as another node may have written it, and its outward forms.
#![no_main]

use domain::{Audience, Entry, outward};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // A draft becomes an entry by the fields that only a node writes, so that the examples are seeds.
    let wrapped = text.trim_start().strip_prefix('{').map(|rest| {
        format!(
            r#"{{"id":"01a2008d-7400-7000-8000-00000000000a","owner":"01a2008d-7400-7000-8000-00000000000a","origin":"https://a.example","version":1,"visibility":"public","license":"x","created":"2026-11-22T12:00:00Z","modified":"2026-11-22T12:00:00Z",{rest}"#
        )
    });
    for text in [Some(text.to_owned()), wrapped].into_iter().flatten() {
        let Ok(entry) = Entry::from_json(&text) else {
            continue;
        };
        let json = entry.to_json();
        let again = Entry::from_json(&json).expect("what was written can be read");
        assert_eq!(again.to_json(), json);
        let today = entry.modified.date_naive();
        for audience in [
            Audience::PublicFeed,
            Audience::NetworkFeed,
            Audience::Public,
            Audience::Network,
            Audience::Owner,
        ] {
            if let Some(shown) = outward(&entry, audience, today) {
                assert_eq!(outward(&shown, audience, today).as_ref(), Some(&shown));
                let _ = shown.facets();
                let _ = shown.content.title();
                let mut localised = shown;
                localised.localise("ar");
            }
        }
    }
});
