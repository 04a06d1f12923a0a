#![expect(
    clippy::unwrap_used,
    reason = "in a test, what should not happen ends the test"
)]

use std::fs;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType as Kind, Mode, mknodat};

use super::*;

#[test]
fn only_ordinary_files_are_opened_and_nothing_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), "text").unwrap();
    assert_eq!(read_to_string(&at("file")).unwrap(), "text");
    mknodat(CWD, at("pipe"), Kind::Fifo, Mode::RWXU, 0).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("device")).unwrap();
    for (name, words) in [
        ("pipe", "a named pipe"),
        ("socket", "a socket"),
        ("device", "a device"),
    ] {
        for options in [
            OpenOptions::new().read(true),
            OpenOptions::new().append(true).create(true),
        ] {
            let refused = open(&at(name), options).unwrap_err().to_string();
            assert!(refused.contains(words), "{name}: {refused}");
        }
    }
    let refused = read(folder.path()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::IsADirectory);
    let missing = read(&at("missing")).unwrap_err();
    assert_eq!(missing.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_folder_is_made_only_in_one_that_is_there() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    assert_eq!(
        make(&data.join("index")).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert!(!data.exists());
    make(&data).unwrap();
    make(&data).unwrap();
    make(&data.join("index")).unwrap();
    fs::write(data.join("file"), "").unwrap();
    assert_eq!(
        make(&data.join("file")).unwrap_err().kind(),
        io::ErrorKind::NotADirectory
    );
}

#[test]
fn a_folder_that_was_moved_is_known_again_and_another_in_its_place_is_not_it() {
    let root = tempfile::tempdir().unwrap();
    let (here, away) = (root.path().join("data"), root.path().join("away"));
    make(&here).unwrap();
    let folder = Folder::at(&here);
    folder.is_there().unwrap();
    fs::rename(&here, &away).unwrap();
    assert!(folder.is_there().is_err());
    make(&here).unwrap();
    assert!(folder.is_there().is_err());
    fs::remove_dir(&here).unwrap();
    fs::rename(&away, &here).unwrap();
    folder.is_there().unwrap();
}

#[test]
fn a_file_is_replaced_as_a_whole_or_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (file, part) = (folder.path().join("file"), folder.path().join("file.part"));
    for text in ["first", "second"] {
        replace(&file, &part, text.as_bytes()).unwrap();
        assert_eq!(read_to_string(&file).unwrap(), text);
        assert!(!part.exists());
    }
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("something")).unwrap();
    assert!(replace(&taken, &part, b"third").is_err());
    assert!(taken.join("something").is_dir() && !part.exists());
}
