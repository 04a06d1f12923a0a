//! What a later check finds is led back to its cell.

use forms::{Language, Place, read};

use crate::common::{Given, read_lines};

fn place(sheet: Option<&str>, row: u32, column: &str, cell: Option<&str>) -> Option<Place> {
    Some(Place {
        sheet: sheet.map(str::to_owned),
        row,
        column: column.to_owned(),
        cell: cell.map(str::to_owned),
    })
}

#[test]
fn pointers_lead_to_rows_and_columns() {
    let filled = read_lines(&[
        "type,criterion_id,rating,evidence_1_title,evidence_2_type,evidence_2_title,evidence_2_date,action,due",
        "criterion,D1.1,3,,concept,A,2026-01-01,,",
        "criterion,D1.2,,,,,,,",
        "action,D1.1,,,,,,Do it,2027-01-01",
    ])
    .unwrap();
    for (pointer, expected) in [
        (
            "/content/answers/D1.1/rating",
            place(None, 2, "rating", Some("C2")),
        ),
        (
            "/answers/D1.1/evidence/0/date",
            place(None, 2, "evidence_2_date", Some("G2")),
        ),
        (
            "/answers/D1.1/evidence/0/covers/1",
            place(None, 2, "evidence_2_covers", None),
        ),
        ("/answers/D1.1", place(None, 2, "criterion_id", Some("B2"))),
        ("/answers/D1.2", place(None, 3, "criterion_id", Some("B3"))),
        (
            "/content/improvement_plan/0/due",
            place(None, 4, "due", Some("I4")),
        ),
        (
            "/content/improvement_plan/0/action/de",
            place(None, 4, "action", Some("H4")),
        ),
        ("/improvement_plan/1/due", None),
        ("/answers/D2.1/rating", None),
        ("/content/subject", None),
        ("", None),
    ] {
        assert_eq!(filled.place_of(pointer), expected, "{pointer}");
    }
}

#[test]
fn in_a_spreadsheet_the_sheet_is_named() {
    let given = Given::filled();
    let file = given.form(Language::De).xlsx().unwrap();
    let filled = read(&file, &given.standard).unwrap();
    let found = filled.place_of("/content/answers/D1.1/rating");
    assert_eq!(found, place(Some("Kriterien"), 3, "rating", Some("G3")));
    let found = filled.place_of("/content/improvement_plan/0/due");
    assert_eq!(
        found,
        place(Some("Verbesserungsplan"), 3, "due", Some("H3"))
    );
}
