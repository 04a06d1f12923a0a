//! Forms of the shipped standard.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};
use forms::{FormError, Language};

use crate::common::{Given, organisation, records};

fn criteria(given: &Given, lang: Language) -> Vec<Vec<String>> {
    let mut rows = records(&given.form(lang).csv().unwrap());
    rows.retain(|row| row[0] == "criterion");
    rows
}

#[test]
fn an_offer_of_all_phases_is_asked_27_criteria_and_an_organisation_15() {
    let mut given = Given::empty();
    assert_eq!(criteria(&given, Language::De).len(), 27);
    given.subject = Some(organisation());
    let rows = criteria(&given, Language::De);
    assert_eq!(rows.len(), 15);
    let is_there = |dimension: &str| rows.iter().any(|row| row[1].starts_with(dimension));
    assert!(!is_there("D1.") && !is_there("D4.") && is_there("D2."));
    given.subject = None;
    let all = given.standard.criteria().count();
    assert_eq!(criteria(&given, Language::De).len(), all);
}

#[test]
fn rows_are_in_the_forms_language_or_in_the_next_best() {
    let given = Given::empty();
    let title = |lang| criteria(&given, lang)[0][3].clone();
    assert_eq!(title(Language::De), "Ergebnisoffene Beratung");
    assert_eq!(title(Language::En), "Advice with an open outcome");
    assert_eq!(title(Language::Ar), title(Language::En));
    let heading = |lang| records(&given.form(lang).csv().unwrap())[1][6].clone();
    assert_eq!(heading(Language::De), "Bewertung");
    assert_eq!(heading(Language::Ar), "التقييم");
}

#[test]
fn there_are_columns_for_three_pieces_of_evidence_and_for_as_many_as_there_are() {
    let mut given = Given::filled();
    let has = |given: &Given, column: &str| {
        let codes = &records(&given.form(Language::En).csv().unwrap())[0];
        codes.iter().any(|code| code == column)
    };
    assert!(has(&given, "evidence_3_covers") && !has(&given, "evidence_4_type"));
    let answer = given.answers.get_mut("D1.1").unwrap();
    let piece = answer.evidence[0].clone();
    answer.evidence = vec![piece.clone(); 5];
    assert!(has(&given, "evidence_5_type") && !has(&given, "evidence_6_type"));
    given.answers.get_mut("D1.1").unwrap().evidence = vec![piece; 31];
    let refused = given.form(Language::En).xlsx();
    assert!(matches!(refused, Err(FormError::TooMuchEvidence)));
}

#[test]
fn a_spreadsheet_says_what_it_is_and_that_the_standard_is_a_draft() {
    let given = Given::filled();
    for (lang, draft) in [
        (Language::De, "Entwurf:"),
        (Language::En, "Draft:"),
        (Language::Ar, "مسودة"),
    ] {
        let file = given.form(lang).xlsx().unwrap();
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(&file)).unwrap();
        let names = book.sheet_names();
        assert_eq!(names.len(), 3);
        let guide = book.worksheet_range(&names[0]).unwrap();
        let text = |row: u32| match guide.get_value((row, 0)) {
            Some(Data::String(text)) => text.clone(),
            other => panic!("no text: {other:?}"),
        };
        assert_eq!(text(1), "imsa-quality-standard");
        assert!(text(2).contains("1.0.0-draft.1"));
        assert!(text(3).starts_with(draft));
    }
}

/// A part of a spreadsheet's archive.
fn part(file: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    std::io::read_to_string(archive.by_name(name).unwrap()).unwrap()
}

#[test]
fn a_sheet_offers_lists_keeps_its_head_in_view_and_runs_from_the_right_in_arabic() {
    let given = Given::filled();
    let file = given.form(Language::Ar).xlsx().unwrap();
    let criteria = part(&file, "xl/worksheets/sheet2.xml");
    assert!(criteria.contains("rightToLeft=\"1\""));
    assert!(criteria.contains("<pane") && criteria.contains("state=\"frozen\""));
    assert!(criteria.matches("type=\"list\"").count() >= 7);
    assert!(!criteria.contains("<f>"), "no formulas");
    let file = given.form(Language::De).xlsx().unwrap();
    assert!(!part(&file, "xl/worksheets/sheet2.xml").contains("rightToLeft"));
}

#[test]
fn text_is_never_taken_for_markup() {
    let given = Given::filled();
    let strings = part(
        &given.form(Language::De).xlsx().unwrap(),
        "xl/sharedStrings.xml",
    );
    assert!(strings.contains("&lt;r&gt;Statistik&lt;/r&gt;"));
}
