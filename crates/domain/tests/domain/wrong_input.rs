//! What is wrong with an entry is said at its place, with a stable code, and nothing else is said.
//!
//! Each case is the shipped example of a kind with one merge patch on top.

use domain::{Kind, limits};
use serde_json::{Value, json};

use crate::store::{NEW, OFFER, PARTNER, Store, coordinator, example_with, told};

/// Kind, patch, and the one violation: where and what.
type Case = (Kind, Value, &'static str, &'static str);

fn run(cases: Vec<Case>) {
    let mut failed = Vec::new();
    for (kind, patch, pointer, code) in cases {
        let mut draft = example_with(kind, &patch);
        if kind != Kind::Organisation && draft.get("owner").is_none() {
            draft["owner"] = json!(PARTNER);
        }
        let found = Store::new()
            .create(NEW, kind, &draft, &coordinator())
            .map_err(|refusal| told(refusal).1)
            .err()
            .unwrap_or_default();
        if found != [(pointer.to_owned(), code.to_owned())] {
            let mut shown = patch.to_string();
            shown.truncate(shown.floor_char_boundary(160));
            failed.push(format!(
                "{kind} {shown}\n  expected {pointer} {code}\n  found {found:?}"
            ));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What must be let through.
fn accept(cases: Vec<(Kind, Value)>) {
    for (kind, patch) in cases {
        let mut draft = example_with(kind, &patch);
        if kind != Kind::Organisation {
            draft["owner"] = json!(PARTNER);
        }
        let result = Store::new().create(NEW, kind, &draft, &coordinator());
        assert!(result.is_ok(), "{kind} {patch}: {result:?}");
    }
}

fn content(kind: Kind, patch: Value, pointer: &'static str, code: &'static str) -> Case {
    (kind, json!({ "content": patch }), pointer, code)
}

fn offer(patch: Value, pointer: &'static str, code: &'static str) -> Case {
    content(Kind::Offer, patch, pointer, code)
}

fn contact(patch: Value, pointer: &'static str, code: &'static str) -> Case {
    content(Kind::ContactPoint, patch, pointer, code)
}

#[test]
fn the_envelope() {
    let kind = Kind::Need;
    run(vec![
        (
            kind,
            json!({"available_from": "2026-05-01", "available_until": "2026-04-30"}),
            "/available_until",
            "before_start",
        ),
        (
            kind,
            json!({"available_from": "1026-05-01"}),
            "/available_from",
            "out_of_range",
        ),
        (
            kind,
            json!({"available_until": "2206-05-01"}),
            "/available_until",
            "out_of_range",
        ),
        (
            kind,
            json!({"available_until": "2026-02-30"}),
            "/available_until",
            "wrong_value",
        ),
        (
            kind,
            json!({"available_until": "30.04.2026"}),
            "/available_until",
            "wrong_value",
        ),
        (
            kind,
            json!({"last_verified": "2026-11-24", "verification_method": "phone_email"}),
            "/last_verified",
            "in_the_future",
        ),
        (
            kind,
            json!({"last_verified": "2026-11-20"}),
            "/verification_method",
            "required",
        ),
        (
            kind,
            json!({"verification_method": "guess"}),
            "/verification_method",
            "unknown_code",
        ),
        (
            kind,
            json!({"verified_by_function": " "}),
            "/verified_by_function",
            "empty",
        ),
        (kind, json!({"status": "gone"}), "/status", "unknown_code"),
        (
            kind,
            json!({"visibility": "secret"}),
            "/visibility",
            "wrong_value",
        ),
        (kind, json!({"external_id": ""}), "/external_id", "empty"),
        (
            kind,
            json!({"external_id": "ü".repeat(limits::EXTERNAL_ID + 1)}),
            "/external_id",
            "too_long",
        ),
        (
            kind,
            json!({"license": "x".repeat(limits::SHORT + 1)}),
            "/license",
            "too_long",
        ),
        (kind, json!({"owner": OFFER}), "/owner", "unknown_reference"),
        (
            kind,
            json!({"owner": NEW.0.simple().to_string().replace('0', "x")}),
            "/owner",
            "wrong_value",
        ),
        (kind, json!({"kind": "offer"}), "/kind", "wrong_kind"),
        (kind, json!({"colour": "red"}), "/colour", "unknown_field"),
        (kind, json!({"sources": [{}]}), "/sources/0", "required"),
        (
            kind,
            json!({"sources": [{"title": "x", "date": "13.7.2023"}]}),
            "/sources/0/date",
            "not_a_date",
        ),
        (
            kind,
            json!({"sources": [{"title": "x", "date": "-999"}]}),
            "/sources/0/date",
            "not_a_date",
        ),
        (
            kind,
            json!({"sources": [{"title": "x", "date": "-999-07-14"}]}),
            "/sources/0/date",
            "not_a_date",
        ),
        (
            kind,
            json!({"sources": [{"title": "x", "confidence": "sure"}]}),
            "/sources/0/confidence",
            "wrong_value",
        ),
        (
            kind,
            json!({"sources": [{"title": "x"}, {"url": "ftp://a.example/x"}]}),
            "/sources/1/url",
            "not_a_url",
        ),
        (
            kind,
            json!({"sources": vec![json!({"title": "x"}); limits::SOURCES + 1]}),
            "/sources",
            "too_many",
        ),
        (
            kind,
            json!({"same_as": ["https://a.example/1", "https://a.example/1"]}),
            "/same_as",
            "repeated",
        ),
        (
            kind,
            json!({"same_as": ["urn:isbn:1"]}),
            "/same_as/0",
            "not_a_url",
        ),
    ]);
    accept(vec![
        (
            kind,
            json!({"available_from": "2026-05-01", "available_until": "2026-05-01"}),
        ),
        // The day has begun somewhere.
        (
            kind,
            json!({"last_verified": "2026-11-23", "verification_method": "phone_email"}),
        ),
        (
            kind,
            json!({"external_id": "ü".repeat(limits::EXTERNAL_ID)}),
        ),
        (
            kind,
            json!({"sources": vec![json!({"title": "x", "date": "2023"}); limits::SOURCES]}),
        ),
    ]);
}

#[test]
fn texts() {
    let languages = |count: usize| -> Value {
        let tags = (0..count).map(|n| {
            let letters = [b'a' + (n / 20) as u8, b'a' + (n % 20) as u8];
            format!("de-x-{}", String::from_utf8_lossy(&letters))
        });
        tags.map(|tag| (tag, json!("x")))
            .chain([("en".to_owned(), json!("x"))])
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    run(vec![
        offer(
            json!({"title": {"de": null, "en": null}}),
            "/content/title",
            "empty",
        ),
        offer(
            json!({"title": {"en": " \t\n"}}),
            "/content/title/en",
            "empty",
        ),
        offer(
            json!({"title": {"en": "ü".repeat(limits::TITLE + 1)}}),
            "/content/title/en",
            "too_long",
        ),
        offer(
            json!({"summary": {"en": "語".repeat(limits::SUMMARY + 1)}}),
            "/content/summary/en",
            "too_long",
        ),
        offer(
            json!({"title": {"deutsch": "x"}}),
            "/content/title/deutsch",
            "not_a_language",
        ),
        offer(
            json!({"title": {"EN": "x"}}),
            "/content/title/EN",
            "not_a_language",
        ),
        offer(
            json!({"title": {"de_AT": "x"}}),
            "/content/title/de_AT",
            "not_a_language",
        ),
        offer(
            json!({"title": {"a/b~": "x"}}),
            "/content/title/a~1b~0",
            "not_a_language",
        ),
        offer(
            json!({"title": {"en": {"value": "x", "translated_from": "0123"}}}),
            "/content/title/en/translated_from",
            "not_a_hash",
        ),
        offer(
            json!({"title": {"en": {"value": "x", "origin": "guess"}}}),
            "/content/title/en/origin",
            "wrong_value",
        ),
        offer(
            json!({"title": {"en": {"origin": "human"}}}),
            "/content/title/en",
            "required",
        ),
        offer(json!({"title": "x"}), "/content/title", "wrong_type"),
        offer(
            json!({"access_steps": [{"en": "x"}, {}]}),
            "/content/access_steps/1",
            "empty",
        ),
        offer(
            json!({"summary": languages(limits::TEXT_LANGUAGES - 1)}),
            "/content/summary",
            "too_many",
        ),
        offer(
            json!({"summary": languages(limits::TEXT_LANGUAGES)}),
            "/content/summary",
            "wrong_value",
        ),
        offer(json!({"title": {"en": "a\u{0}b"}}), "", "control_character"),
        offer(
            json!({"title": {"en": "a\u{85}b"}}),
            "",
            "control_character",
        ),
        offer(json!({"title": {"e\u{7}n": "b"}}), "", "control_character"),
    ]);
    accept(vec![
        // Characters are counted, not bytes.
        (
            Kind::Offer,
            json!({"content": {"title": {"en": "語".repeat(limits::TITLE)}}}),
        ),
        (
            Kind::Offer,
            json!({"content": {"summary": languages(limits::TEXT_LANGUAGES - 2)}}),
        ),
        (
            Kind::Offer,
            json!({"content": {"title": {"zh-Hant-TW": "語", "sr-Latn": "x", "und": "x"}}}),
        ),
        (
            Kind::Offer,
            json!({"content": {"title": {"en": "two\nlines and a\ttab"}}}),
        ),
    ]);
}

#[test]
fn offers() {
    let place = |patch: Value| {
        let mut place = json!({"country": "DE", "precision": "exact"});
        json_patch::merge(&mut place, &patch);
        json!({"places": [{"country": "XK", "precision": "region"}, place]})
    };
    run(vec![
        offer(
            json!({"organisation": OFFER}),
            "/content/organisation",
            "wrong_kind",
        ),
        offer(
            json!({"organisation": NEW}),
            "/content/organisation",
            "wrong_kind",
        ),
        offer(
            json!({"organisation": "x"}),
            "/content/organisation",
            "wrong_value",
        ),
        offer(
            json!({"organisation": "javascript:alert(1)"}),
            "/content/organisation",
            "wrong_value",
        ),
        offer(json!({"organisation": null}), "/content", "required"),
        offer(
            json!({"parts": [{"organisation": OFFER, "role": "funder"}]}),
            "/content/parts/0/organisation",
            "wrong_kind",
        ),
        offer(
            json!({"parts": [{"organisation": PARTNER, "role": "boss"}]}),
            "/content/parts/0/role",
            "unknown_code",
        ),
        offer(
            json!({"phases": ["orient", "fly"]}),
            "/content/phases/1",
            "unknown_code",
        ),
        offer(
            json!({"phases": ["orient", "orient"]}),
            "/content/phases",
            "repeated",
        ),
        offer(
            json!({"offer_types": ["x"]}),
            "/content/offer_types/0",
            "unknown_code",
        ),
        offer(
            json!({"topics": ["Housing"]}),
            "/content/topics/0",
            "unknown_code",
        ),
        offer(
            json!({"target_groups": ["x"]}),
            "/content/target_groups/0",
            "unknown_code",
        ),
        offer(
            json!({"residence_purposes": ["x"]}),
            "/content/residence_purposes/0",
            "unknown_code",
        ),
        offer(
            json!({"modes": ["fax"]}),
            "/content/modes/0",
            "unknown_code",
        ),
        offer(json!({"cost": "cheap"}), "/content/cost", "unknown_code"),
        offer(
            json!({"capacity": "x"}),
            "/content/capacity",
            "unknown_code",
        ),
        offer(
            json!({"languages": [{"language": "xx-YY"}]}),
            "/content/languages/0/language",
            "not_a_language",
        ),
        offer(
            json!({"languages": [{"language": "de"}, {"language": "de", "provision": ["staff"]}]}),
            "/content/languages",
            "repeated",
        ),
        offer(
            json!({"languages": [{"language": "de", "provision": ["x"]}]}),
            "/content/languages/0/provision/0",
            "unknown_code",
        ),
        offer(
            json!({"area_served": ["XK", "ZZ"]}),
            "/content/area_served/1",
            "unknown_region",
        ),
        offer(
            json!({"area_served": ["150", "DE-XX"]}),
            "/content/area_served/1",
            "unknown_region",
        ),
        offer(
            json!({"destination_countries": ["de"]}),
            "/content/destination_countries/0",
            "unknown_country",
        ),
        offer(
            json!({"destination_countries": ["150"]}),
            "/content/destination_countries/0",
            "unknown_country",
        ),
        offer(
            json!({"destination_countries": ["DE", "DE"]}),
            "/content/destination_countries",
            "repeated",
        ),
        offer(
            place(json!({"country": "UK"})),
            "/content/places/1/country",
            "unknown_country",
        ),
        offer(
            place(json!({"country": "Germany"})),
            "/content/places/1/country",
            "unknown_country",
        ),
        offer(
            place(json!({"region": "HE"})),
            "/content/places/1/region",
            "unknown_region",
        ),
        offer(
            place(json!({"region": "AT-9"})),
            "/content/places/1/region",
            "contradiction",
        ),
        offer(
            place(json!({"lat": 90.01, "lon": 9})),
            "/content/places/1/lat",
            "out_of_range",
        ),
        offer(
            place(json!({"lat": 9, "lon": -180.01})),
            "/content/places/1/lon",
            "out_of_range",
        ),
        offer(
            place(json!({"lat": 9})),
            "/content/places/1/lon",
            "required",
        ),
        offer(
            place(json!({"lon": 9})),
            "/content/places/1/lat",
            "required",
        ),
        offer(
            place(json!({"lat": "51.3", "lon": 9})),
            "/content/places/1/lat",
            "wrong_type",
        ),
        offer(
            place(json!({"precision": "region", "lat": 51.3, "lon": 9.4})),
            "/content/places/1/lat",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "hidden", "lat": 51.3, "lon": 9.4})),
            "/content/places/1/lat",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "hidden", "city": "Kassel"})),
            "/content/places/1/city",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "hidden", "name": "House"})),
            "/content/places/1/name",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "hidden", "region": "DE-HE"})),
            "/content/places/1/region",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "hidden", "postal_code": "34117"})),
            "/content/places/1/postal_code",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "region", "street_address": "Street 1"})),
            "/content/places/1/street_address",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "city", "street_address": "Street 1"})),
            "/content/places/1/street_address",
            "too_precise",
        ),
        offer(
            place(json!({"precision": "vague"})),
            "/content/places/1/precision",
            "wrong_value",
        ),
        offer(
            place(json!({"city": "x".repeat(limits::SHORT + 1)})),
            "/content/places/1/city",
            "too_long",
        ),
        offer(
            json!({"places": vec![json!({"country": "DE", "precision": "region"}); limits::PLACES + 1]}),
            "/content/places",
            "too_many",
        ),
        offer(
            json!({"eligibility": {"age_min": 30, "age_max": 18}}),
            "/content/eligibility/age_max",
            "before_start",
        ),
        offer(
            json!({"eligibility": {"age_min": 131}}),
            "/content/eligibility/age_min",
            "out_of_range",
        ),
        offer(
            json!({"eligibility": {"age_min": -1}}),
            "/content/eligibility/age_min",
            "wrong_value",
        ),
        offer(
            json!({"eligibility": {"age": 1}}),
            "/content/eligibility/age",
            "unknown_field",
        ),
        offer(
            json!({"access_steps": vec![json!({"en": "x"}); limits::STEPS + 1]}),
            "/content/access_steps",
            "too_many",
        ),
        offer(
            json!({"waiting_days": 3_651}),
            "/content/waiting_days",
            "out_of_range",
        ),
        offer(
            json!({"waiting_days": 3.5}),
            "/content/waiting_days",
            "wrong_type",
        ),
        offer(
            json!({"schedule": {"time_zone": "Berlin"}}),
            "/content/schedule/time_zone",
            "unknown_time_zone",
        ),
        offer(
            json!({"schedule": {"hours": [{"weekday": "TU", "opens": "14:00", "closes": "14:00"}]}}),
            "/content/schedule/hours/0/closes",
            "before_start",
        ),
        offer(
            json!({"schedule": {"hours": [{"weekday": "TU", "opens": "14:00", "closes": "24:00"}]}}),
            "/content/schedule/hours/0/closes",
            "wrong_value",
        ),
        offer(
            json!({"schedule": {"hours": [{"weekday": "Tuesday", "opens": "14:00", "closes": "15:00"}]}}),
            "/content/schedule/hours/0/weekday",
            "wrong_value",
        ),
        offer(
            json!({"website": "example.org"}),
            "/content/website",
            "not_a_url",
        ),
        offer(
            json!({"website": "https://user:secret@example.org"}),
            "/content/website",
            "not_a_url",
        ),
        offer(
            json!({"website": "javascript:alert(1)"}),
            "/content/website",
            "not_a_url",
        ),
        offer(
            json!({"website": "https://exa\nmple.org/"}),
            "/content/website",
            "not_a_url",
        ),
        offer(
            json!({"website": " https://example.org/"}),
            "/content/website",
            "not_a_url",
        ),
        offer(
            json!({"website": format!("https://example.org/{}", "x".repeat(limits::URL))}),
            "/content/website",
            "too_long",
        ),
        offer(
            json!({"role_mailbox": "info"}),
            "/content/role_mailbox",
            "not_an_email",
        ),
        offer(
            json!({"role_mailbox": "info@@example.org"}),
            "/content/role_mailbox",
            "not_an_email",
        ),
        offer(
            json!({"role_mailbox": "info@example.org\n"}),
            "/content/role_mailbox",
            "not_an_email",
        ),
    ]);
    accept(vec![
        (
            Kind::Offer,
            json!({"content": {"area_served": ["001", "150", "XK", "DE-BW", "EU"]}}),
        ),
        (
            Kind::Offer,
            json!({"content": place(json!({"lat": -90, "lon": 180}))}),
        ),
        (
            Kind::Offer,
            json!({"content": place(json!({"precision": "hidden"}))}),
        ),
        (
            Kind::Offer,
            json!({"content": place(json!({"region": "DE-HE", "postal_code": "34117", "street_address": "Street 1", "lat": 51.3, "lon": 9.4}))}),
        ),
        (
            Kind::Offer,
            json!({"content": {"eligibility": {"age_min": 18, "age_max": 18}}}),
        ),
        (
            Kind::Offer,
            json!({"content": {"website": "https://bücher.example/ä?q=ü#x"}}),
        ),
        (
            Kind::Offer,
            json!({"content": {"organisation": "https://elsewhere.example/entries/1"}}),
        ),
    ]);
}

#[test]
fn contact_points() {
    let channel = |channel: &str, value: &str| json!({"channels": [{"channel": "email", "value": "info@example.org"}, {"channel": channel, "value": value}]});
    let person = |patch: Value| {
        let mut person = json!({"name": "A name", "consent": {"given": "2026-01-01", "scope": "public", "expires": "2027-01-01"}});
        json_patch::merge(&mut person, &patch);
        json!({ "person": person })
    };
    run(vec![
        contact(
            json!({"organisation": OFFER}),
            "/content/organisation",
            "wrong_kind",
        ),
        contact(
            json!({"function": "boss"}),
            "/content/function",
            "unknown_code",
        ),
        contact(json!({"channels": []}), "/content/channels", "required"),
        contact(json!({"channels": null}), "/content", "required"),
        contact(
            json!({"channels": (0..=limits::CHANNELS).map(|n| json!({"channel": "chat", "value": format!("{n}")})).collect::<Vec<_>>()}),
            "/content/channels",
            "too_many",
        ),
        contact(
            channel("email", "info@example.org"),
            "/content/channels",
            "repeated",
        ),
        contact(
            channel("fax", "+49 30 1234567"),
            "/content/channels/1/channel",
            "unknown_code",
        ),
        contact(
            channel("email", "info"),
            "/content/channels/1/value",
            "not_an_email",
        ),
        contact(
            channel("web", "www.example.org"),
            "/content/channels/1/value",
            "not_a_url",
        ),
        contact(
            channel("phone", "030 1234567"),
            "/content/channels/1/value",
            "not_a_phone_number",
        ),
        contact(
            channel("phone", "+49"),
            "/content/channels/1/value",
            "not_a_phone_number",
        ),
        contact(
            channel("phone", "+49 30 1234567 8901234"),
            "/content/channels/1/value",
            "not_a_phone_number",
        ),
        contact(
            channel("phone", "+49 30 CALL US"),
            "/content/channels/1/value",
            "not_a_phone_number",
        ),
        contact(
            channel("phone", "+٤٩٣٠١٢٣٤٥٦٧"),
            "/content/channels/1/value",
            "not_a_phone_number",
        ),
        contact(channel("visit", " "), "/content/channels/1/value", "empty"),
        contact(
            json!({"languages": ["de", "de"]}),
            "/content/languages",
            "repeated",
        ),
        contact(
            json!({"languages": ["German"]}),
            "/content/languages/0",
            "not_a_language",
        ),
        contact(
            json!({"hours": {"time_zone": "Mars/Olympus"}}),
            "/content/hours/time_zone",
            "unknown_time_zone",
        ),
        contact(
            json!({"place": {"country": "DE", "precision": "hidden", "city": "Kassel"}}),
            "/content/place/city",
            "too_precise",
        ),
        contact(
            json!({"offers": [PARTNER]}),
            "/content/offers/0",
            "wrong_kind",
        ),
        contact(
            json!({"offers": [OFFER, OFFER]}),
            "/content/offers",
            "repeated",
        ),
        contact(
            json!({"person": {"name": "A name"}}),
            "/content/person",
            "required",
        ),
        contact(json!({"person": "A name"}), "/content/person", "wrong_type"),
        contact(person(json!({"name": ""})), "/content/person/name", "empty"),
        contact(
            person(json!({"consent": {"given": null}})),
            "/content/person/consent",
            "required",
        ),
        contact(
            person(json!({"consent": {"scope": "all"}})),
            "/content/person/consent/scope",
            "wrong_value",
        ),
        contact(
            person(json!({"consent": {"expires": "2026-11-21"}})),
            "/content/person/consent/expires",
            "expired",
        ),
        contact(
            person(json!({"consent": {"given": "2026-11-24"}})),
            "/content/person/consent/given",
            "in_the_future",
        ),
        contact(
            person(json!({"consent": {"expires": "2126-01-01"}})),
            "/content/person/consent/expires",
            "out_of_range",
        ),
        // A visit leads to the place that was to stay hidden.
        contact(
            json!({
                "place": {"country": "DE", "precision": "hidden"},
                "channels": [{"channel": "phone", "value": "+49 30 1234567"}, {"channel": "visit", "value": "Street 1"}],
            }),
            "/content/channels/1",
            "too_precise",
        ),
    ]);
    accept(vec![
        (
            Kind::ContactPoint,
            json!({"content": person(json!({"consent": {"expires": "2026-11-22"}}))}),
        ),
        (
            Kind::ContactPoint,
            json!({"content": channel("phone", "+49 (30) 123-45/67")}),
        ),
        (
            Kind::ContactPoint,
            json!({"content": channel("visit", "Street 1, room 12")}),
        ),
    ]);
}

#[test]
fn organisations_events_publications() {
    let organisation = |patch, pointer, code| content(Kind::Organisation, patch, pointer, code);
    let event = |patch, pointer, code| content(Kind::Event, patch, pointer, code);
    let publication = |patch, pointer, code| content(Kind::Publication, patch, pointer, code);
    run(vec![
        organisation(json!({"name": null}), "/content", "required"),
        organisation(json!({"type": "club"}), "/content/type", "unknown_code"),
        organisation(
            json!({"seat_country": "KS"}),
            "/content/seat_country",
            "unknown_country",
        ),
        organisation(json!({"parent": OFFER}), "/content/parent", "wrong_kind"),
        organisation(
            json!({"identifiers": [{"scheme": "", "value": "1"}]}),
            "/content/identifiers/0/scheme",
            "empty",
        ),
        organisation(
            json!({"identifiers": [{"scheme": "DE-CR", "value": "1"}, {"scheme": "DE-CR", "value": "1"}]}),
            "/content/identifiers",
            "repeated",
        ),
        organisation(
            json!({"logo": "data:image/png;base64,AAAA"}),
            "/content/logo",
            "not_a_url",
        ),
        organisation(
            json!({"description": {"en": "x".repeat(limits::DESCRIPTION + 1)}}),
            "/content/description/en",
            "too_long",
        ),
        event(json!({"type": "party"}), "/content/type", "unknown_code"),
        event(
            json!({"start": "2027-03-01T11:00:00Z"}),
            "/content/end",
            "before_start",
        ),
        event(
            json!({"start": "2027-03-01"}),
            "/content/start",
            "wrong_value",
        ),
        event(
            json!({"start": "2027-03-01T09:00:00"}),
            "/content/start",
            "wrong_value",
        ),
        event(
            json!({"start": "1027-03-01T09:00:00Z"}),
            "/content/start",
            "out_of_range",
        ),
        event(
            json!({"end": "2127-03-01T09:00:00Z"}),
            "/content/end",
            "out_of_range",
        ),
        event(
            json!({"time_zone": "CEST"}),
            "/content/time_zone",
            "unknown_time_zone",
        ),
        event(json!({"mode": "x"}), "/content/mode", "unknown_code"),
        event(
            json!({"place": {"country": "DE", "precision": "region", "lat": 1, "lon": 1}}),
            "/content/place/lat",
            "too_precise",
        ),
        event(
            json!({"languages": ["d"]}),
            "/content/languages/0",
            "not_a_language",
        ),
        event(
            json!({"organiser": OFFER}),
            "/content/organiser",
            "wrong_kind",
        ),
        event(
            json!({"join_link": "zoom"}),
            "/content/join_link",
            "not_a_url",
        ),
        event(
            json!({"minutes": {"title": {"en": "x"}, "url": "file:///etc/passwd"}}),
            "/content/minutes/url",
            "not_a_url",
        ),
        event(
            json!({"documents": [{"title": {}, "url": "https://example.org"}]}),
            "/content/documents/0/title",
            "empty",
        ),
        event(
            json!({"documents": vec![json!({"title": {"en": "x"}, "url": "https://example.org"}); limits::DOCUMENTS + 1]}),
            "/content/documents",
            "too_many",
        ),
        publication(json!({"type": "book"}), "/content/type", "unknown_code"),
        publication(json!({"date": "2023-13"}), "/content/date", "not_a_date"),
        publication(json!({"date": "1023"}), "/content/date", "out_of_range"),
        publication(json!({"date": "-999"}), "/content/date", "not_a_date"),
        publication(
            json!({"language": "english"}),
            "/content/language",
            "not_a_language",
        ),
        publication(
            json!({"publisher": OFFER}),
            "/content/publisher",
            "wrong_kind",
        ),
        publication(json!({"link": "/checklist"}), "/content/link", "not_a_url"),
    ]);
}

#[test]
fn pathways_and_needs() {
    let pathway = |patch, pointer, code| content(Kind::Pathway, patch, pointer, code);
    let need = |patch, pointer, code| content(Kind::Need, patch, pointer, code);
    run(vec![
        pathway(
            json!({"to_offer": OFFER}),
            "/content/to_offer",
            "contradiction",
        ),
        pathway(
            json!({"from_offer": PARTNER}),
            "/content/from_offer",
            "wrong_kind",
        ),
        pathway(json!({"type": "x"}), "/content/type", "unknown_code"),
        pathway(
            json!({"handover": "x"}),
            "/content/handover",
            "unknown_code",
        ),
        pathway(json!({"basis": "x"}), "/content/basis", "unknown_code"),
        pathway(
            json!({"condition": {"residence_purposes": ["x"]}}),
            "/content/condition/residence_purposes/0",
            "unknown_code",
        ),
        pathway(
            json!({"condition": {"target_groups": ["x"]}}),
            "/content/condition/target_groups/0",
            "unknown_code",
        ),
        pathway(
            json!({"condition": {"regions": ["999"]}}),
            "/content/condition/regions/0",
            "unknown_region",
        ),
        pathway(
            json!({"condition": {"regions": ["DE", "DE"]}}),
            "/content/condition/regions",
            "repeated",
        ),
        pathway(
            json!({"condition": {"sex": "x"}}),
            "/content/condition/sex",
            "unknown_field",
        ),
        need(
            json!({"country": "001"}),
            "/content/country",
            "unknown_country",
        ),
        need(json!({"topic": "x"}), "/content/topic", "unknown_code"),
        need(
            json!({"target_group": "x"}),
            "/content/target_group",
            "unknown_code",
        ),
        need(
            json!({"size_band": "17"}),
            "/content/size_band",
            "unknown_code",
        ),
        need(
            json!({"period": "next year"}),
            "/content/period",
            "not_a_period",
        ),
        need(
            json!({"period": "2026/2025"}),
            "/content/period",
            "before_start",
        ),
        need(
            json!({"period": "2026/"}),
            "/content/period",
            "not_a_period",
        ),
        need(
            json!({"period": "2026-02-30"}),
            "/content/period",
            "not_a_period",
        ),
        need(json!({"period": "-999"}), "/content/period", "not_a_period"),
        need(
            json!({"method": {"en": "x".repeat(limits::SUMMARY + 1)}}),
            "/content/method/en",
            "too_long",
        ),
    ]);
    accept(vec![
        (Kind::Need, json!({"content": {"period": "2026-03/2026"}})),
        (
            Kind::Need,
            json!({"content": {"period": "2026-03-01/2026-03-01"}}),
        ),
        (Kind::Need, json!({"content": {"country": "XK"}})),
    ]);
}

#[test]
fn standards_and_assessments() {
    // Without a scoring rule, which would have to agree with the scale and the criteria.
    let standard = |mut patch: Value, pointer, code| {
        if patch.get("scoring").is_none() {
            patch["scoring"] = Value::Null;
        }
        content(Kind::QualityStandard, patch, pointer, code)
    };
    let assessment = |patch, pointer, code| content(Kind::SelfAssessment, patch, pointer, code);
    let review = |patch, pointer, code| content(Kind::AssessmentReview, patch, pointer, code);
    let criterion = |patch: Value| {
        let mut criterion = json!({"id": "E1.1", "title": {"en": "x"}, "statement": {"en": "x"}, "applies_to": ["offer"]});
        json_patch::merge(&mut criterion, &patch);
        json!({"dimensions": [{"id": "E1", "title": {"en": "x"}, "criteria": [criterion]}]})
    };
    let twice = json!({"id": "E1", "title": {"en": "x"}, "criteria": [
        {"id": "E1.1", "title": {"en": "x"}, "statement": {"en": "x"}, "applies_to": ["offer"]},
        {"id": "E1.1", "title": {"en": "x"}, "statement": {"en": "x"}, "applies_to": ["offer"]},
    ]});
    let sources: serde_json::Map<String, Value> = (0..=limits::CODES)
        .map(|n| (format!("s{n}"), json!({"title": "x"})))
        .collect();
    run(vec![
        standard(json!({"code": ""}), "/content/code", "empty"),
        standard(json!({"state": "final"}), "/content/state", "wrong_value"),
        standard(
            json!({"languages": ["en", "en"]}),
            "/content/languages",
            "repeated",
        ),
        standard(
            json!({"default_language": "de"}),
            "/content/default_language",
            "contradiction",
        ),
        standard(
            json!({"scale": {"max": 0, "levels": []}}),
            "/content/scale/max",
            "out_of_range",
        ),
        standard(
            json!({"scale": {"min": i32::MIN, "max": i32::MAX}}),
            "/content/scale/max",
            "out_of_range",
        ),
        standard(
            json!({"scale": {"levels": [{"value": 9, "label": {"en": "x"}}]}}),
            "/content/scale/levels/0/value",
            "out_of_range",
        ),
        standard(
            json!({"scale": {"levels": [{"value": 1, "label": {"en": "x"}}, {"value": 1, "label": {"en": "y"}}]}}),
            "/content/scale/levels",
            "repeated",
        ),
        standard(json!({"scoring": [1]}), "/content/scoring", "wrong_type"),
        standard(
            json!({"basis": {"a/b": {"title": ""}}}),
            "/content/basis/a~1b/title",
            "empty",
        ),
        standard(json!({"basis": sources}), "/content/basis", "too_many"),
        standard(
            json!({"basis": {"x".repeat(limits::SHORT + 1): {"title": "x"}}}),
            "/content/basis",
            "too_long",
        ),
        standard(json!({"dimensions": []}), "/content/dimensions", "required"),
        standard(
            json!({"dimensions": [twice]}),
            "/content/dimensions",
            "repeated",
        ),
        standard(
            criterion(json!({"applies_to": ["need"]})),
            "/content/dimensions/0/criteria/0/applies_to/0",
            "contradiction",
        ),
        standard(
            criterion(json!({"applies_to": []})),
            "/content/dimensions/0/criteria/0/applies_to",
            "required",
        ),
        standard(
            criterion(json!({"phases": ["x"]})),
            "/content/dimensions/0/criteria/0/phases/0",
            "unknown_code",
        ),
        standard(
            criterion(json!({"basis": ["law"]})),
            "/content/dimensions/0/criteria/0/basis/0",
            "unknown_code",
        ),
        standard(
            criterion(
                json!({"indicators": [{"id": "a", "text": {"en": "x"}, "suggested_evidence": ["photo"]}]}),
            ),
            "/content/dimensions/0/criteria/0/indicators/0/suggested_evidence/0",
            "unknown_code",
        ),
        assessment(
            json!({"subject": PARTNER, "standard": OFFER}),
            "/content/standard",
            "wrong_kind",
        ),
        assessment(
            json!({"state": "published"}),
            "/content/state",
            "wrong_value",
        ),
        assessment(
            json!({"answers": {"D5.1": {"not_applicable": "x"}}}),
            "/content/answers/D5.1/not_applicable",
            "contradiction",
        ),
        assessment(
            json!({"answers": {"E1.1": {}}}),
            "/content/answers/E1.1",
            "unknown_criterion",
        ),
        assessment(
            json!({"answers": {"D5.1": {"evidence": [{"type": "concept", "title": "x", "date": "2027-01-01"}]}}}),
            "/content/answers/D5.1/evidence/0/date",
            "in_the_future",
        ),
        assessment(
            json!({"answers": {"D5.1": {"comment": "x".repeat(limits::SUMMARY + 1)}}}),
            "/content/answers/D5.1/comment",
            "too_long",
        ),
        assessment(
            json!({"improvement_plan": [{"criterion_id": "D5.1", "action": {}, "status": "open"}]}),
            "/content/improvement_plan/0/action",
            "empty",
        ),
        assessment(
            json!({"improvement_plan": [{"criterion_id": "D5.1", "action": {"en": "x"}, "status": "late"}]}),
            "/content/improvement_plan/0/status",
            "wrong_value",
        ),
        review(
            json!({"assessment": OFFER}),
            "/content/assessment",
            "wrong_kind",
        ),
        review(
            json!({"reviewer": OFFER}),
            "/content/reviewer",
            "wrong_kind",
        ),
        review(
            json!({"criteria": {"D5.1": {"rating": "two"}}}),
            "/content/criteria/D5.1/rating",
            "wrong_type",
        ),
        (
            Kind::SelfAssessment,
            json!({"visibility": "public"}),
            "/visibility",
            "too_visible",
        ),
        (
            Kind::AssessmentReview,
            json!({"visibility": "network", "content": {"assessment": "https://elsewhere.example/entries/1"}}),
            "/visibility",
            "too_visible",
        ),
    ]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let draft = example_with(
        Kind::Offer,
        &json!({"owner": PARTNER, "status": "gone", "content": {"cost": "cheap", "organisation": OFFER, "waiting_days": 9999}}),
    );
    let refusal = Store::new()
        .create(NEW, Kind::Offer, &draft, &coordinator())
        .unwrap_err();
    let (_, found) = told(refusal);
    for expected in [
        ("/status", "unknown_code"),
        ("/content/cost", "unknown_code"),
        ("/content/waiting_days", "out_of_range"),
        ("/content/organisation", "wrong_kind"),
    ] {
        assert!(
            found.contains(&(expected.0.to_owned(), expected.1.to_owned())),
            "{expected:?} in {found:?}"
        );
    }
    assert_eq!(found.len(), 4);
}
