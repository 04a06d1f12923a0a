//! What is wrong with a row is said with its row, its column and a code.

use domain::limits;
use forms::{Unreadable, read};

use crate::common::{error_of, errors, read_lines, shipped};

const HEAD: &str = "type,criterion_id,rating,comment,evidence_1_type,evidence_1_title,evidence_1_date,evidence_1_visibility,evidence_1_language,current,action,due,status";

#[test]
fn each_wrong_cell_has_its_code() {
    for (row, column, code) in [
        ("criterion,D9.9,3", "criterion_id", "unknown_criterion"),
        ("criterion,,3", "criterion_id", "required"),
        ("note,D1.1,3", "type", "unknown_type"),
        (",D1.1,3", "type", "unknown_type"),
        ("criterion,D1.1,3.5", "rating", "not_a_whole_number"),
        ("criterion,D1.1,good", "rating", "not_a_whole_number"),
        (
            "criterion,D1.1,3,,,A,2026-01-01",
            "evidence_1_type",
            "required",
        ),
        (
            "criterion,D1.1,3,,concept,,2026-01-01",
            "evidence_1_title",
            "required",
        ),
        (
            "criterion,D1.1,3,,concept,A,",
            "evidence_1_date",
            "required",
        ),
        (
            "criterion,D1.1,3,,konzept,A,2026-01-01",
            "evidence_1_type",
            "unknown_evidence_type",
        ),
        (
            "criterion,D1.1,3,,concept,A,01/02/2026",
            "evidence_1_date",
            "not_a_date",
        ),
        (
            "criterion,D1.1,3,,concept,A,2026-13-01",
            "evidence_1_date",
            "not_a_date",
        ),
        (
            "criterion,D1.1,3,,concept,A,2026-01-01,all",
            "evidence_1_visibility",
            "unknown_code",
        ),
        (
            "criterion,D1.1,3,,concept,A,2026-01-01,,deutsch",
            "evidence_1_language",
            "not_a_language",
        ),
        (
            "action,D9.9,,,,,,,,,Do it",
            "criterion_id",
            "unknown_criterion",
        ),
        ("action,,,,,,,,,,Do it", "criterion_id", "required"),
        ("action,D1.1,,,,,,,,2", "action", "required"),
        (
            "action,D1.1,,,,,,,,2.5,Do it",
            "current",
            "not_a_whole_number",
        ),
        ("action,D1.1,,,,,,,,,Do it,soon", "due", "not_a_date"),
        ("action,D1.1,,,,,,,,,Do it,,later", "status", "unknown_code"),
    ] {
        assert_eq!(error_of(HEAD, row), (column.to_owned(), code), "{row}");
    }
}

#[test]
fn what_stands_in_a_row_of_the_other_type_is_not_lost_silently() {
    let column = |column: &str| (column.to_owned(), "other_type");
    let row = "criterion,D1.1,,,,,,,,,,,done";
    assert_eq!(error_of(HEAD, row), column("status"));
    let row = "action,D1.1,3,,,,,,,,Do it";
    assert_eq!(error_of(HEAD, row), column("rating"));
}

#[test]
fn all_rows_are_read_before_errors_are_given_and_no_more_than_people_read() {
    let found = errors(&[
        HEAD,
        "criterion,D1.1,x",
        "",
        "criterion,D1.2,y",
        "criterion,D1.1,1",
    ]);
    let found: Vec<_> = found.iter().map(|it| (it.row, it.code)).collect();
    let expected = [
        (2, "not_a_whole_number"),
        (4, "not_a_whole_number"),
        (5, "repeated"),
    ];
    assert_eq!(found, expected);
    let mut lines = vec![HEAD];
    lines.extend(["criterion,D9.9,1"; 200]);
    assert_eq!(errors(&lines).len(), limits::VIOLATIONS);
}

#[test]
fn an_error_names_the_cell_as_a_spreadsheet_does() {
    let found = errors(&[HEAD, "criterion,D1.1,3.5"]);
    assert_eq!(found[0].cell.as_deref(), Some("C2"));
    assert!(!found[0].message.is_empty() && found[0].sheet.is_none());
}

#[test]
fn text_is_as_long_as_an_entry_may_have_it() {
    let row = |length| format!("criterion,D1.1,3,{}", "ä".repeat(length));
    assert!(read_lines(&[HEAD, &row(limits::SUMMARY)]).is_ok());
    for length in [limits::SUMMARY + 1, 40_000] {
        assert_eq!(
            error_of(HEAD, &row(length)),
            ("comment".to_owned(), "too_long")
        );
    }
}

#[test]
fn whole_numbers_and_days_are_read_as_programs_write_them() {
    let row = "criterion;D1.1;3,0;;concept;A;1.2.2026";
    let filled = read_lines(&[&HEAD.replace(',', ";"), row]).unwrap();
    let answer = &filled.answers["D1.1"];
    assert_eq!(answer.rating, Some(3));
    assert_eq!(answer.evidence[0].date.to_string(), "2026-02-01");
}

#[test]
fn any_usual_separator_and_line_end_will_do() {
    for separator in [",", ";", "\t"] {
        for line_end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let lines = [
                    ["Criterion_ID", "rating", "comment"].join(separator),
                    ["D1.1", "2", "\"a,b;c\td \"\"e\"\"\nf\""].join(separator),
                ];
                let file = format!("{mark}{}", lines.join(line_end));
                let filled = read(file.as_bytes(), &shipped()).unwrap();
                let comment = filled.answers["D1.1"].comment.as_deref();
                assert_eq!(comment, Some("a,b;c\td \"e\"\nf"), "{file:?}");
            }
        }
    }
}

#[test]
fn files_that_are_no_forms_say_why() {
    let standard = shipped();
    let code = |bytes: &[u8]| read(bytes, &standard).unwrap_err().code();
    assert_eq!(code(b""), "not_a_form");
    assert_eq!(code(b"name,age\nA,3\n"), "not_a_form");
    assert_eq!(code(b"criterion_id,title\nD1.1,a\n"), "not_a_form");
    assert_eq!(code(b"criterion_id,rating,rating\n"), "repeated_column");
    assert_eq!(
        code(b"criterion_id,rating,comment\nD1.1,3,f\xfcr\n"),
        "not_utf8"
    );
    assert_eq!(code(b"\xff\xfec\0r\0i\0"), "not_utf8");
    assert_eq!(code(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "old_spreadsheet");
    assert_eq!(
        code(b"criterion_id,rating,standard\nD1.1,3,other 2.0.0\n"),
        "other_standard"
    );
    let Err(error @ Unreadable::NotUtf8) = read(b"\xe4", &standard) else {
        panic!("Latin-1 is refused");
    };
    assert!(error.to_string().contains("CSV UTF-8"));
}

#[test]
fn columns_of_ones_own_are_named_and_not_read() {
    let filled = read_lines(&["criterion_id,rating,coment", "D1.1,2,lost"]).unwrap();
    assert_eq!(filled.unknown_columns, ["coment"]);
}
