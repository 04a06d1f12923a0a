//! The strict reader takes nothing that serde_json would not, and never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = domain::json::check(data, domain::limits::JSON_DEPTH) {
        let value: serde_json::Value = serde_json::from_str(text).expect("checked JSON is JSON");
        let written = value.to_string();
        assert!(domain::json::check(written.as_bytes(), domain::limits::JSON_DEPTH).is_ok());
    }
});
