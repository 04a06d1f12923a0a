//! Query strings and bodies.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = http::query::parse_query::<BTreeMap<String, String>>(text);
        let _ = http::query::parse_query::<Vec<(String, u32)>>(text);
    }
    let _ = http::json::parse::<serde_json::Value>(data);
    let _ = http::json::parse::<BTreeMap<String, Vec<u8>>>(data);
});
