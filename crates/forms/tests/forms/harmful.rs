//! Files that are meant to do harm, or came to it.

use std::io::{Cursor, Read as _, Write as _};
use std::sync::LazyLock;

use domain::kinds::QualityStandard;
use forms::{Language, read};
use proptest::prelude::*;
use rust_xlsxwriter::Workbook;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

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

static STANDARD: LazyLock<QualityStandard> = LazyLock::new(shipped);
static PARTS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(parts);

#[test]
fn a_cell_that_no_sheet_has_is_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in PARTS.iter() {
        writer
            .start_file(name, SimpleFileOptions::default())
            .unwrap();
        let content = String::from_utf8_lossy(content).replace("r=\"G4\"", "r=\"G99999999999\"");
        writer.write_all(content.as_bytes()).unwrap();
    }
    let found = read(&writer.finish().unwrap().into_inner(), &STANDARD);
    assert!(found.is_err(), "{found:?}");
}

/// The parts of a form's archive.
fn parts() -> Vec<(String, Vec<u8>)> {
    let form = Given::filled().form(Language::De).xlsx().unwrap();
    let mut archive = ZipArchive::new(Cursor::new(form)).unwrap();
    (0..archive.len())
        .map(|at| {
            let mut part = archive.by_index(at).unwrap();
            let mut content = Vec::new();
            part.read_to_end(&mut content).unwrap();
            (part.name().unwrap().into_owned(), content)
        })
        .collect()
}

proptest! {
    /// A byte changed in the archive is found by its checksum; what is inside has to be changed before it is packed.
    #[test]
    fn a_spreadsheet_with_anything_changed_inside_is_read_or_refused(
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), piece()), 1..6),
    ) {
        let mut parts = PARTS.clone();
        let part = at.index(parts.len());
        let content = &mut parts[part].1;
        for (at, piece) in changes {
            let at = at.index(content.len());
            let end = content.len().min(at + piece.len());
            content.splice(at..end, piece);
        }
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in parts {
            writer.start_file(name, stored).unwrap();
            writer.write_all(&content).unwrap();
        }
        let _ = read(&writer.finish().unwrap().into_inner(), &STANDARD);
    }
}

/// Something that means something in a spreadsheet's parts.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "\"",
        "<",
        ">",
        "/>",
        "&",
        "&#0;",
        "r=\"A99999999999\"",
        "t=\"s\"",
        "t=\"d\"",
        "t=\"e\"",
        "s=\"-1\"",
        "<v>99999999999999</v>",
        "<v>-1</v>",
        "<v>1e999</v>",
        "Target=\"/\"",
        "Target=\"\"",
        "ref=\":\"",
        "=",
        "<c r=\"\">",
        "<row r=\"0\">",
        "</sheetData>",
        "_xD800_",
        "numFmtId=\"14\"",
        "date1904=\"1\"",
    ]);
    prop_oneof![
        known.prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..3),
    ]
}
