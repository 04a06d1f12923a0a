//! What is written is read back as it was.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::kinds::{ActionStatus, Answer, AnswerEvidence, ImprovementAction};
use domain::{Lang, Text, Visibility};
use forms::{Language, read};
use proptest::prelude::*;

use crate::common::{Given, records, shipped};

/// Text that somebody may have typed, with all that files mean something by.
fn text(most: usize) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "=", "+", "-", "@", "'", "\"", ",", ";", "\t", "\n", " ", "a", "ß", "نص", "😀", "<r>",
        "</r>", "&", "_x000D_", "1", "·", " · ", "#", "NA", "\\",
    ]);
    prop::collection::vec(piece, 1..most)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("not blank", |text| !text.trim().is_empty())
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (1800..2060_i32, 1..=365_u32).prop_map(|(year, day)| NaiveDate::from_yo_opt(year, day).unwrap())
}

fn evidence(covers: Vec<String>) -> impl Strategy<Value = AnswerEvidence> {
    let visibility = prop::sample::select(vec![
        Visibility::Internal,
        Visibility::Network,
        Visibility::Public,
    ]);
    let language = prop::option::of(prop::sample::select(vec!["de", "pt-BR", "sr-Latn"]));
    let url = prop::option::of(Just("https://example.org/a?b=1,2;3".to_owned()));
    let kind = prop::sample::select(vec!["concept", "case_review_anonymous", "link"]);
    let covers = prop::sample::subsequence(covers.clone(), 0..=covers.len());
    (
        kind,
        text(8),
        date(),
        prop::option::of(date()),
        language,
        url,
        visibility,
        covers,
    )
        .prop_map(
            |(kind, title, date, still_in_force, language, url, visibility, covers)| {
                AnswerEvidence {
                    evidence_type: kind.to_owned(),
                    title,
                    date,
                    language: language.map(|tag| Lang(tag.to_owned())),
                    still_in_force,
                    url,
                    visibility,
                    covers,
                }
            },
        )
}

fn answer(covers: Vec<String>) -> impl Strategy<Value = Answer> {
    let rated = prop_oneof![
        (0..=4).prop_map(|rating| (Some(rating), None)),
        text(12).prop_map(|reason| (None, Some(reason))),
        Just((None, None)),
    ];
    let evidence = prop::collection::vec(evidence(covers), 0..5);
    (rated, prop::option::of(text(20)), evidence)
        .prop_map(|((rating, not_applicable), comment, evidence)| Answer {
            rating,
            not_applicable,
            comment,
            evidence,
        })
        .prop_filter("answers something", |answer| *answer != Answer::default())
}

fn action(ids: Vec<String>) -> impl Strategy<Value = ImprovementAction> {
    let status = prop::sample::select(vec![
        ActionStatus::Open,
        ActionStatus::InProgress,
        ActionStatus::Done,
        ActionStatus::Dropped,
    ]);
    let rating = || prop::option::of(0..=4_i32);
    let lang = prop::sample::select(vec!["de", "en", "uk"]);
    (
        prop::sample::select(ids),
        rating(),
        rating(),
        (lang, text(10)),
        prop::option::of(text(6)),
        prop::option::of(date()),
        status,
        prop::option::of(text(12)),
    )
        .prop_map(|(id, current, target, words, who, due, status, note)| {
            let (lang, words) = words;
            ImprovementAction {
                criterion_id: id,
                current,
                target,
                action: Text::new(lang, &words),
                responsible_function: who,
                due,
                status,
                progress_note: note,
            }
        })
}

fn given() -> impl Strategy<Value = Given> {
    let standard = shipped();
    let ids: Vec<String> = standard.criteria().map(|it| it.id.clone()).collect();
    let indicators = |id: &str| -> Vec<String> {
        let criterion = standard.criteria().find(|it| it.id == id).unwrap();
        criterion
            .indicators
            .iter()
            .map(|it| it.id.clone())
            .collect()
    };
    let answers: Vec<_> = ids
        .iter()
        .map(|id| prop::option::weighted(0.3, (Just(id.clone()), answer(indicators(id)))))
        .collect();
    let plan = prop::collection::vec(action(ids), 0..4);
    (answers, plan).prop_map(|(answers, plan)| Given {
        answers: answers.into_iter().flatten().collect(),
        plan,
        subject: None,
        ..Given::empty()
    })
}

fn language() -> impl Strategy<Value = Language> {
    prop::sample::select(Language::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn csv_is_read_as_what_was_in_the_form(given in given(), lang in language()) {
        let file = given.form(lang).csv().unwrap();
        for cell in records(&file).concat() {
            let begins = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            prop_assert!(!begins, "{cell:?}");
        }
        let filled = read(&file, &given.standard).unwrap();
        prop_assert_eq!(filled.answers, given.answers);
        prop_assert_eq!(filled.improvement_plan.unwrap_or_default(), given.plan);
        prop_assert_eq!(filled.unknown_columns, Vec::<String>::new());
    }

    #[test]
    fn a_spreadsheet_is_read_as_what_was_in_the_form(given in given(), lang in language()) {
        let file = given.form(lang).xlsx().unwrap();
        let filled = read(&file, &given.standard).unwrap();
        prop_assert_eq!(filled.answers, given.answers);
        prop_assert_eq!(filled.improvement_plan.unwrap_or_default(), given.plan);
        prop_assert_eq!(filled.unknown_columns, Vec::<String>::new());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400), head in 0..3_usize) {
        let head: &[u8] = [&b""[..], b"PK\x03\x04", b"criterion_id,rating,comment\n"][head];
        let _ = read(&[head, &bytes].concat(), &shipped());
    }
}

#[test]
fn the_same_form_is_the_same_file() {
    let given = Given::filled();
    let form = given.form(Language::De);
    assert_eq!(form.xlsx().unwrap(), form.xlsx().unwrap());
    assert_eq!(form.csv().unwrap(), form.csv().unwrap());
}

#[test]
fn an_empty_form_answers_nothing_and_erases_nothing() {
    let given = Given::empty();
    for lang in Language::ALL {
        let form = given.form(lang);
        for file in [form.csv().unwrap(), form.xlsx().unwrap()] {
            let filled = read(&file, &given.standard).unwrap();
            assert_eq!(filled.answers, BTreeMap::new());
            assert_eq!(filled.improvement_plan, None);
        }
    }
}

#[test]
fn unchanged_words_of_an_action_keep_their_translations_and_changed_ones_lose_them() {
    let given = Given::filled();
    let file = given.form(Language::En).csv().unwrap();
    let mut filled = read(&file, &given.standard).unwrap();
    let one = filled.improvement_plan.clone().unwrap();
    assert_eq!(one[0].action, Text::new("en", "Practise"));
    filled.keep_languages(&given.plan);
    assert_eq!(filled.improvement_plan.as_ref(), Some(&given.plan));

    let changed = String::from_utf8(file)
        .unwrap()
        .replace("Practise", "Train");
    let mut filled = read(changed.as_bytes(), &given.standard).unwrap();
    filled.keep_languages(&given.plan);
    let plan = filled.improvement_plan.unwrap();
    assert_eq!(plan[0].action, Text::new("en", "Train"));
}

#[test]
fn an_answer_without_a_reason_stays_one_so_that_the_check_can_say_so() {
    let filled = crate::common::read_lines(&["criterion_id,rating", "D1.1,na"]).unwrap();
    assert_eq!(filled.answers["D1.1"].not_applicable.as_deref(), Some(""));
}
