//! A draft of any kind: read, checked, decided on, written again.
#![no_main]

use std::collections::HashMap;

use domain::{
    Actor, AnyDraft, Command, Current, EntryId, Facts, Kind, Known, Origin, Rules, Visibility,
    prepare,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let origin: Origin = "https://lotse.example.org".parse().expect("a constant");
    let id: EntryId = "01a2008d-7400-7000-8000-00000000000a"
        .parse()
        .expect("a constant");
    let now = "2026-11-22T12:00:00Z".parse().expect("a constant");
    for kind in Kind::ALL {
        let Ok(draft) = AnyDraft::parse(*kind, data) else {
            continue;
        };
        let text = serde_json::to_string(&draft).expect("a draft can be written");
        if text.len() <= kind.max_bytes() {
            assert_eq!(
                AnyDraft::parse(*kind, text.as_bytes()).as_ref(),
                Ok(&draft),
                "{text}"
            );
        }
        let Ok(prepared) = prepare(
            Current::Missing,
            &Actor::system(),
            Command::Create { id, draft },
        ) else {
            continue;
        };
        // Everything that it refers to is there, one time as each kind.
        for known in [
            Kind::Organisation,
            Kind::Offer,
            Kind::QualityStandard,
            Kind::SelfAssessment,
        ] {
            let known = Known {
                kind: known,
                visibility: Visibility::Public,
                owner: id,
            };
            let entries: HashMap<_, _> = prepared
                .needs()
                .entries
                .iter()
                .map(|id| (*id, known))
                .collect();
            let rules = Rules::default();
            let mut facts = Facts::new(&origin, &rules);
            facts.entries = entries;
            let _ = prepared.clone().decide(&facts, now);
        }
    }
});
