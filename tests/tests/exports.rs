//! Files that leave a node hold nothing that a spreadsheet would run.

use lotse_tests::{Database, Node, World, on_both};
use serde_json::json;

on_both!(no_cell_of_an_export_begins_a_formula_wherever_a_cell_may_begin);

fn no_cell_of_an_export_begins_a_formula_wherever_a_cell_may_begin(database: Database) {
    let world = World::on(Node::on(database));
    let mut draft = world.draft("offer");
    draft["content"]["title"] = json!({"en": "=cmd|' /C calc'!A0;＝2"});
    draft["external_id"] = json!("-2+3");
    let place = &draft["content"]["places"][0];
    let named = |name: &str, city: &str| {
        let mut place = place.clone();
        place["name"] = json!(name);
        place["city"] = json!(city);
        place
    };
    draft["content"]["places"] = json!([
        named("@SUM(1);=1+1", "+49"),
        named(" =HYPERLINK(\"x\")", "A;-1"),
    ]);
    let made = world
        .coordinator
        .post(&world.node, "/api/v1/offers", &draft);
    let id = made.expect(201).json()["id"].as_str().unwrap().to_owned();
    let answer = world
        .coordinator
        .get(&world.node, "/api/v1/offers?format=csv")
        .expect(200);
    let line = answer.text.lines().find(|line| line.starts_with(&id));
    let line = line.unwrap_or_else(|| panic!("{}", answer.text));
    for cell in [
        ",'=cmd|' /C calc'!A0;'＝2,",
        ",\"'@SUM(1),'=1+1;' =HYPERLINK(\"\"x\"\")\",",
        ",\"'+49;A,'-1\",",
        ",'-2+3",
    ] {
        assert!(line.contains(cell), "{cell} in {line}");
    }
    assert!(
        answer
            .header("content-disposition")
            .ends_with("filename=\"lotse.csv\"")
    );
}
