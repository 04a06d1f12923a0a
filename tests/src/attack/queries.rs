//! Questions that are dear to answer.

use super::{Attack, Field};

/// The dearest questions that anybody may ask.
pub(super) const EXPENSIVE: Attack = Attack {
    name: "queries",
    does: "deep pages, every facet, long words, whole exports, coverage, lists of entity tags; from many addresses",
    threads: 2,
    make: expensive,
    never: &[201, 202],
};

const FACETS: &str = "country,region,destination,phase,topic,target_group,purpose,offer_type,mode,cost,language,type,organisation,owner,status,origin";

fn paths() -> Vec<String> {
    let words = |count: usize| vec!["beratung"; count].join("%20");
    let letters = |count: usize| {
        let words = (0..count).map(|number| char::from(b'a' + (number % 26) as u8).to_string());
        words.collect::<Vec<_>>().join("%20")
    };
    let countries = (b'A'..=b'Z').flat_map(|one| (b'A'..=b'Z').map(move |two| (one, two)));
    let countries: Vec<String> = countries
        .map(|(one, two)| format!("{}{}", char::from(one), char::from(two)))
        .collect();
    vec![
        format!("/api/v1/offers?limit=100&facets={FACETS}"),
        format!("/api/v1/entries?limit=100&sort=name&facets={FACETS}&lang=ar"),
        format!("/api/v1/offers?q={}", words(60)),
        format!("/api/v1/offers?q={}", letters(120)),
        format!("/api/v1/offers?q={}", "a".repeat(2_000)),
        format!("/api/v1/offers?q={}&facets={FACETS}", "b%2A%20".repeat(30)),
        "/api/v1/offers?q=berztung%20migrtion%20sprahe%20arbiet%20zuwandrung".to_owned(),
        "/api/v1/offers?format=csv".to_owned(),
        "/api/v1/entries?format=csv&lang=de".to_owned(),
        "/api/v1/offers?format=geojson".to_owned(),
        "/api/v1/coverage?rows=country&cols=topic".to_owned(),
        "/api/v1/coverage?rows=organisation&cols=region".to_owned(),
        "/api/v1/coverage?rows=owner&cols=organisation&q=beratung".to_owned(),
        "/api/v1/offers?near=42.66,21.17&radius=20000&sort=distance&limit=100".to_owned(),
        "/api/v1/offers?bbox=-180,-90,180,90&sort=-modified&limit=100".to_owned(),
        format!("/api/v1/offers?country={}", countries.join(",")),
        "/fed/v1/feeds/public/changes?since=0&limit=1000000".to_owned(),
        "/fed/v1/feeds/public/state".to_owned(),
        "/api/v1/vocabularies".to_owned(),
        "/api/v1/regions".to_owned(),
        "/openapi.json".to_owned(),
        "/offers?q=beratung&country=DE".to_owned(),
    ]
}

fn expensive(field: &Field<'_>) {
    let paths = paths();
    let tags = (0..2_000)
        .map(|number| format!("\"{number:x}\""))
        .collect::<Vec<_>>();
    let tags = tags.join(", ");
    while let Some(number) = field.next() {
        let path = &paths[number as usize % paths.len()];
        let headers: &[(&str, &str)] = match number % 3 {
            0 => &[("Accept-Encoding", "br")],
            1 => &[("Accept-Encoding", "gzip"), ("If-None-Match", &tags)],
            _ => &[],
        };
        field.send(
            field.source(number),
            &field.request("GET", path, headers, b""),
        );
    }
}
