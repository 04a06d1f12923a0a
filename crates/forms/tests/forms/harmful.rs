//! Files that are meant to do harm, or came to it.

use std::io::{Cursor, Write as _};

use forms::{Language, read};
use rust_xlsxwriter::Workbook;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::common::{Given, shipped};

fn code(bytes: &[u8]) -> &'static str {
    read(bytes, &shipped()).unwrap_err().code()
}

/// A form with one more part in its archive.
fn with_part(name: &str, content: &[u8]) -> Vec<u8> {
    let form = Given::empty().form(Language::De).xlsx().unwrap();
    let mut archive = ZipArchive::new(Cursor::new(form)).unwrap();
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for part in 0..archive.len() {
        writer
            .raw_copy_file(archive.by_index(part).unwrap())
            .unwrap();
    }
    writer
        .start_file(name, SimpleFileOptions::default())
        .unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

/// A spreadsheet of one sheet.
fn sheet(cells: &[(u32, u16, &str)]) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (row, column, text) in cells {
        sheet.write_string(*row, *column, *text).unwrap();
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn what_unfolds_to_more_than_20_mib_is_refused_before_it_is_read() {
    let file = with_part("xl/media/bomb.bin", &vec![0; 21 * 1024 * 1024]);
    assert!(file.len() < 200 * 1024);
    assert_eq!(code(&file), "too_large");
    assert!(read(&with_part("xl/media/small.bin", &[0; 1024]), &shipped()).is_ok());
}

#[test]
fn what_the_archive_says_about_its_size_is_not_believed() {
    let mut file = with_part("xl/media/bomb.bin", &vec![0; 21 * 1024 * 1024]);
    let size = u32::to_le_bytes(21 * 1024 * 1024);
    let places: Vec<usize> = (0..file.len() - 4)
        .filter(|at| file[*at..*at + 4] == size)
        .collect();
    assert!(!places.is_empty());
    for at in places {
        file[at..at + 4].copy_from_slice(&u32::to_le_bytes(10));
    }
    assert!(["too_large", "broken_spreadsheet"].contains(&code(&file)));
}

#[test]
fn more_than_two_mib_are_not_looked_at() {
    assert_eq!(code(&vec![b'a'; 2 * 1024 * 1024 + 1]), "too_large");
}

#[test]
fn a_spreadsheet_that_is_cut_off_anywhere_is_refused() {
    let form = Given::filled().form(Language::De).xlsx().unwrap();
    for length in (2..form.len()).step_by(97) {
        assert_eq!(code(&form[..length]), "broken_spreadsheet", "{length}");
    }
}

#[test]
fn a_spreadsheet_with_any_byte_changed_is_read_or_refused() {
    let form = Given::filled().form(Language::De).xlsx().unwrap();
    let standard = shipped();
    for at in (2..form.len()).step_by(211) {
        let mut form = form.clone();
        form[at] ^= 0x55;
        let _ = read(&form, &standard);
    }
}

#[test]
fn a_cell_far_away_makes_no_large_table() {
    let head = [
        (0, 0, "criterion_id"),
        (0, 1, "rating"),
        (1, 0, "D1.1"),
        (1, 1, "3"),
    ];
    let with = |row, column| sheet(&[&head[..], &[(row, column, "x")]].concat());
    assert_eq!(code(&with(1_048_575, 0)), "too_large");
    assert_eq!(code(&with(1, 16_383)), "too_large");
    assert_eq!(code(&with(1_000, 2)), "too_large");
    assert!(read(&with(0, 399), &shipped()).is_ok());
    let rows = "\nD1.1,".repeat(1_000);
    assert_eq!(
        code(format!("criterion_id,rating{rows}").as_bytes()),
        "too_large"
    );
    let columns = ",x".repeat(400);
    assert_eq!(
        code(format!("criterion_id,rating{columns}").as_bytes()),
        "too_large"
    );
}

#[test]
fn text_that_cells_share_counts_for_each_of_them() {
    let long = "x".repeat(7_900);
    let mut cells = vec![(0, 0, "criterion_id"), (0, 1, "rating")];
    cells.extend(
        (1..300)
            .flat_map(|row| (2..12).map(move |column| (row, column)))
            .map(|(row, column)| (row, column, long.as_str())),
    );
    assert_eq!(code(&sheet(&cells)), "too_large");
}

#[test]
fn a_date_cell_is_a_day_and_one_with_a_time_is_none() {
    let file = |value: f64| {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        let date = rust_xlsxwriter::Format::new().set_num_format("dd/mm/yyyy");
        for (column, code) in (0..).zip([
            "criterion_id",
            "evidence_1_type",
            "evidence_1_title",
            "evidence_1_date",
            "rating",
        ]) {
            sheet.write_string(0, column, code).unwrap();
        }
        for (column, text) in (0..).zip(["D1.1", "concept · Konzept, Leitlinie", "A"]) {
            sheet.write_string(1, column, text).unwrap();
        }
        sheet.write_number_with_format(1, 3, value, &date).unwrap();
        sheet.write_number(1, 4, 3.0).unwrap();
        read(&book.save_to_buffer().unwrap(), &shipped())
    };
    let filled = file(46_112.0).unwrap();
    let answer = &filled.answers["D1.1"];
    assert_eq!(
        (answer.rating, answer.evidence[0].date.to_string()),
        (Some(3), "2026-03-31".to_owned())
    );
    assert_eq!(answer.evidence[0].evidence_type, "concept");
    for wrong in [46_112.5, -1.0, 60.0, 1e300, -1e300] {
        assert_eq!(file(wrong).unwrap_err().code(), "wrong_rows", "{wrong}");
    }
}
