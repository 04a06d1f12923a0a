//! Assessments as files: taken away, filled in offline, taken over; and what others embed.

use lotse_tests::{Answer, Database, Node, on_both, quality::Assessed};
use reqwest::Method;
use serde_json::json;

on_both!(
    a_table_is_taken_away_and_taken_over_whole_or_not_at_all,
    an_empty_form_is_there_to_print_and_to_fill_in,
);

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A file, as bytes.
fn file(it: &Assessed, path: &str) -> Vec<u8> {
    let request = it.world.editor.request(&it.world.node, Method::GET, path);
    let answer = request.send().unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().unwrap().to_vec()
}

fn import(it: &Assessed, media_type: &str, body: Vec<u8>) -> Answer {
    let request = it
        .world
        .editor
        .request(&it.world.node, Method::POST, &it.path("/import"));
    let request = request.header("Content-Type", media_type);
    Answer::of(request.header("If-Match", "*").body(body))
}

fn a_table_is_taken_away_and_taken_over_whole_or_not_at_all(database: Database) {
    let it = Assessed::on(Node::on(database));
    it.answer_all(2);
    let before = it.content()["answers"].clone();
    for (format, media_type) in [("csv", "text/csv"), ("xlsx", XLSX)] {
        let table = file(&it, &it.path(&format!("/export?format={format}&lang=de")));
        let taken = import(&it, media_type, table).expect(200).json();
        assert_eq!(
            (&taken["answers"], &taken["changed"]),
            (&json!(27), &json!(0)),
            "{format}"
        );
    }
    assert_eq!(it.content()["answers"], before);
    // One wrong cell, and nothing is taken over; the answer says which.
    let table = String::from_utf8(file(&it, &it.path("/export?format=csv&lang=en"))).unwrap();
    let changed = table.replacen(",2,", ",3,", 1).replacen(",2,", ",7,", 1);
    let refused = import(&it, "text/csv", changed.clone().into_bytes())
        .expect(422)
        .json();
    let places: Vec<_> = refused["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["pointer"].clone())
        .collect();
    assert_eq!(places.len(), 1, "{refused}");
    assert!(
        places[0].as_str().unwrap().starts_with("/rows/")
            && places[0].as_str().unwrap().ends_with("/rating"),
        "{places:?}"
    );
    assert_eq!(it.content()["answers"], before);
    let changed = table.replacen(",2,", ",3,", 1);
    let taken = import(&it, "text/csv", changed.into_bytes())
        .expect(200)
        .json();
    assert_eq!(taken["changed"], 1);
    // What is no table at all.
    for (media_type, body, status) in [
        ("text/csv", b"no,form\n1,2\n".to_vec(), 422),
        (XLSX, b"PK\x03\x04 cut off".to_vec(), 422),
        (
            "text/csv",
            "größer".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            422,
        ),
        ("application/json", b"{}".to_vec(), 415),
        ("text/csv", vec![b'x'; 3 * 1024 * 1024], 413),
    ] {
        assert_eq!(import(&it, media_type, body).status, status, "{media_type}");
    }
    // Whoever lays a form over answers says which it has seen.
    let request = it
        .world
        .editor
        .request(&it.world.node, Method::POST, &it.path("/import"));
    let request = request.header("Content-Type", "text/csv");
    let blind = Answer::of(request.body(table.clone().into_bytes()));
    assert_eq!(blind.problem(), "precondition_required");
    // The whole of it as JSON, for its owner; for others there is nothing.
    let json: serde_json::Value =
        serde_json::from_slice(&file(&it, &it.path("/export?format=json"))).unwrap();
    assert_eq!(json["content"]["answers"].as_object().unwrap().len(), 27);
    let other = it
        .world
        .stranger
        .get(&it.world.node, &it.path("/export?format=csv"));
    assert_eq!(other.status, 404);
}

fn an_empty_form_is_there_to_print_and_to_fill_in(database: Database) {
    let it = Assessed::on(Node::on(database));
    let form = format!("/api/v1/quality-standards/{}/form", it.standard);
    let page = it
        .world
        .anonymous
        .get(&it.world.node, &format!("{form}?lang=de&subject=offer"))
        .expect(200);
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert!(
        page.text.contains("lang=\"de\"") && page.text.contains("D1.1"),
        "{}",
        page.text
    );
    let arabic = it
        .world
        .anonymous
        .get(&it.world.node, &format!("{form}?lang=ar"))
        .expect(200);
    assert!(arabic.text.contains("dir=\"rtl\""));
    let sheet = file(&it, &format!("{form}?format=xlsx"));
    assert!(sheet.starts_with(b"PK"));
    // Nothing filled in changes nothing.
    let taken = import(&it, XLSX, sheet).expect(200).json();
    assert_eq!(taken["answers"], 0);
    for wrong in [
        "format=pdf",
        "lang=xx",
        "subject=event",
        "phase=arrive",
        "color=red",
    ] {
        let answer = it
            .world
            .anonymous
            .get(&it.world.node, &format!("{form}?{wrong}"));
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
