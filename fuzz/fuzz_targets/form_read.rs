//! Forms as files: whatever is sent is read or refused, and what was read is written and read as the same.
#![no_main]

use std::sync::LazyLock;

use domain::kinds::QualityStandard;
use forms::{Form, Language, read};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static STANDARD: LazyLock<QualityStandard> = LazyLock::new(|| {
    let criterion = |id: &str| json!({"id": id, "title": {"en": id}, "statement": {"en": id}, "applies_to": ["offer"]});
    serde_json::from_value(json!({
        "code": "s", "standard_version": "0.1.0", "state": "draft", "title": {"en": "S"},
        "languages": ["en"], "default_language": "en",
        "scale": {"min": -1, "max": 3, "allow_not_applicable": true, "levels": []},
        "evidence_types": [{"code": "a", "label": {"en": "A"}}],
        "dimensions": [{"id": "1", "title": {"en": "1"}, "criteria": [criterion("A1"), criterion("A2")]}],
    }))
    .expect("a constant")
});

fuzz_target!(|data: &[u8]| {
    let Ok(filled) = read(data, &STANDARD) else {
        return;
    };
    let plan = filled.improvement_plan.clone().unwrap_or_default();
    let form = Form {
        standard: &STANDARD,
        subject: None,
        answers: &filled.answers,
        improvement_plan: &plan,
        lang: Language::En,
    };
    form.html().expect("a page can be written");
    // More pieces of evidence are read than there are columns for: the check of the answers says so.
    let (Ok(csv), Ok(xlsx)) = (form.csv(), form.xlsx()) else {
        return;
    };
    for file in [csv, xlsx] {
        let again = read(&file, &STANDARD).expect("what was written can be read");
        assert_eq!(again.answers, filled.answers);
        assert_eq!(again.improvement_plan, filled.improvement_plan);
    }
});
