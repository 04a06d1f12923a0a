//! What an operator is told about the node's own files: what is in the way is named with its path, what others may read is
//! warned about, what killed processes left is cleared, and an archive that is not whole restores nothing.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, SystemTime},
};

use lotse_tests::{Database, Node, node::binary, on_both};
use tempfile::TempDir;

on_both!(
    a_journal_or_a_recovery_key_in_the_data_folder_is_warned_about,
    keys_and_other_secrets_that_others_may_read_are_all_warned_about,
    what_killed_processes_left_is_cleared_at_the_start,
);

/// A folder in which commands are run.
struct Console(TempDir);

impl Console {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with_node() -> Self {
        let console = Self::new();
        let said = console.run(&["init", "--email", "first@example.org"]);
        assert!(said.status.success(), "{said:?}");
        console
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.shell("exec \"$0\" \"$@\"", arguments)
    }

    /// As [`Console::run`], where no file may grow.
    fn run_full(&self, arguments: &[&str]) -> Output {
        self.shell("ulimit -f 0; exec \"$0\" \"$@\"", arguments)
    }

    fn shell(&self, script: &str, arguments: &[&str]) -> Output {
        Command::new("bash")
            .args(["-c", script])
            .arg(binary())
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }
}

/// The one line that a command complains with.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for word in ["os error", "SqliteFailure", "Os {", ".rs:"] {
        assert!(!text.contains(word), "a library's words: {text}");
    }
    text.trim_end().strip_prefix("lotse: ").unwrap().to_owned()
}

const SERVE: [&str; 5] = [
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--base-url",
    "http://127.0.0.1:8080",
];

#[test]
fn what_stands_in_the_place_of_the_settings_is_refused_and_not_passed_over() {
    let refused = |make: &dyn Fn(&PathBuf), words: &str| {
        let console = Console::new();
        make(&console.path("lotse.toml"));
        for arguments in [
            &["config"][..],
            &["config", "--config", "lotse.toml"],
            &SERVE,
        ] {
            let said = complaint(&console.run(arguments));
            assert!(
                said.starts_with("lotse.toml: ") && said.contains(words),
                "{said}"
            );
        }
        assert!(!console.path("lotse-data").exists());
    };
    refused(&|path| fs::create_dir(path).unwrap(), "this is a folder");
    refused(&|path| symlink("nowhere", path).unwrap(), "leads to no");
    refused(&|path| symlink("/dev/zero", path).unwrap(), "a device");
    refused(&|path| symlink("lotse.toml", path).unwrap(), "");
    refused(&|path| fs::write(path, [0xff, 0xfe]).unwrap(), "not UTF-8");
    let large = |path: &PathBuf| File::create(path).unwrap().set_len(1 << 30).unwrap();
    refused(&large, "too large");
    let console = Console::new();
    fs::write(console.path("real.toml"), "data_license = 'CC0-1.0'").unwrap();
    symlink("real.toml", console.path("lotse.toml")).unwrap();
    let shown = console.run(&["config"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("data_license = \"CC0-1.0\"  # lotse.toml"),
        "{shown}"
    );
}

#[test]
fn a_disk_without_room_is_named_with_the_place_before_anything_is_made() {
    let console = Console::new();
    let said = complaint(&console.run_full(&["init", "--email", "first@example.org"]));
    assert!(
        said.contains("lotse-data") && said.contains("no room"),
        "{said}"
    );
    let console = Console::with_node();
    for command in [
        &SERVE[..],
        &["demo", "--listen", "127.0.0.1:0"],
        &["migrate"],
    ] {
        let said = complaint(&console.run_full(command));
        assert!(
            said.contains("lotse-data") && said.contains("no room"),
            "{said}"
        );
    }
    let left: Vec<_> = fs::read_dir(console.path("lotse-data")).unwrap().collect();
    let probe = |item: &fs::DirEntry| item.file_name().to_string_lossy().contains("probe");
    assert!(!left.iter().flatten().any(probe), "{left:?}");
    let said = complaint(&console.run_full(&["backup", "archive"]));
    assert!(
        said.contains("lotse-data") && said.contains("no room"),
        "{said}"
    );
    assert!(!console.path("archive").exists() && !console.path("archive.unfinished").exists());
    let said = complaint(&console.shell("exec \"$0\" export - > /dev/full", &[]));
    assert!(said.contains("the disk is full"), "{said}");
    assert!(console.run(&["check"]).status.success());
}

#[test]
fn what_is_in_the_place_of_a_file_or_folder_is_named() {
    let swap = |name: &str, folder: bool| {
        let console = Console::with_node();
        let path = console.path(name);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        if folder {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, "").unwrap();
        }
        let said = complaint(&console.run(&SERVE));
        assert!(said.contains(name) && said.contains("folder"), "{said}");
    };
    swap("lotse-data/lotse.sqlite", true);
    swap("lotse-data/keys", false);
    swap("lotse-data/keys/access-token.pem", true);
}

#[test]
fn an_archive_that_is_not_whole_is_refused_with_its_line_and_restores_nothing() {
    let console = Console::with_node();
    let _ = console.run(&["backup", "archive"]);
    let whole = fs::read_to_string(console.path("archive")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let count = lines.len();
    let text = |lines: &[&str]| lines.join("\n") + "\n";
    let mut doubled = lines.clone();
    doubled.insert(4, lines[3]);
    let mut swapped = lines.clone();
    swapped.swap(1, count - 2);
    for (name, archive, line, words) in [
        (
            "followed by more",
            format!("{whole}{{}}\n"),
            count + 1,
            "follows the end",
        ),
        (
            "followed by itself",
            format!("{whole}{whole}"),
            count + 1,
            "follows the end",
        ),
        (
            "without its end",
            text(&lines[..count - 1]),
            count,
            "too early",
        ),
        (
            "cut in a line",
            whole[..text(&lines[..3]).len() + 5].to_owned(),
            4,
            "too early",
        ),
        ("a line twice", text(&doubled), 5, "twice"),
        ("lines out of order", text(&swapped), 3, "stands behind"),
        (
            "a line gone",
            text(&[&lines[..3], &lines[4..]].concat()),
            count - 1,
            "changed or cut",
        ),
    ] {
        fs::write(console.path("bad"), archive).unwrap();
        let said = complaint(&console.run(&["restore", "bad", "--data", "new"]));
        let place = format!("the archive cannot be restored: line {line}: ");
        assert!(
            said.starts_with(&place) && said.contains(words),
            "{name}: {said}"
        );
    }
    let restored = console.run(&["restore", "archive", "--data", "new"]);
    assert!(
        restored.status.success(),
        "nothing of the others was left: {restored:?}"
    );
}

fn keys_and_other_secrets_that_others_may_read_are_all_warned_about(database: Database) {
    let mut node = Node::on(database).federated().start();
    node.stop();
    let quiet = node.ask(&["check"]);
    assert!(
        !quiet.contains("chmod") && !node.log().contains("chmod"),
        "{quiet}"
    );

    let mut secret = vec![node.data().join("lotse.toml")];
    fs::write(&secret[0], "metrics_token = 'a-token-for-tests'\n").unwrap();
    for folder in [node.data().join("keys"), node.journal()] {
        secret.extend(
            fs::read_dir(folder)
                .unwrap()
                .map(|item| item.unwrap().path()),
        );
    }
    // The key of access tokens, two of this node, its recovery key, the journal.
    assert!(secret.len() >= 6, "{secret:?}");
    if database == Database::Sqlite {
        secret.push(node.data().join("lotse.sqlite"));
    }
    for (path, mode) in secret.iter().zip([0o644, 0o640, 0o604].into_iter().cycle()) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let checked = node.ask(&["check"]);
    node.restart();
    let log = node.log();
    for path in &secret {
        let advice = format!("chmod 600 {}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        let told =
            |text: &str| text.contains(&advice) || text.contains(&format!("chmod 600 {name}"));
        assert!(told(&checked), "check: {name}: {checked}");
        assert!(told(&log), "at the start: {name}: {log}");
    }
    assert!(!log.contains("a-token-for-tests"));
    node.stop();
    fs::set_permissions(node.data().join("keys"), fs::Permissions::from_mode(0o777)).unwrap();
    let checked = node.ask(&["check"]);
    assert!(checked.contains("chmod 700"), "{checked}");
}

fn what_killed_processes_left_is_cleared_at_the_start(database: Database) {
    let mut node = Node::on(database).start();
    node.stop();
    let data = node.data();
    let old = SystemTime::now() - Duration::from_secs(30 * 24 * 3_600);
    let make = |name: &str, text: &str| {
        let path = data.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    let gone = [
        make("keys/access-token.4711.part", "half a key"),
        make(".lotse-probe-4711", ""),
        make(
            "nightly.jsonl.unfinished",
            "{\"archive\":\"lotse\",\"format\":1",
        ),
        make("index-9/meta.json", "{}"),
        make("index-9/.tantivy-writer.lock", ""),
    ];
    for path in [&gone[3], &gone[4], &data.join("index-9")] {
        File::open(path).unwrap().set_modified(old).unwrap();
    }
    let kept = [
        make("keys/mine.part", "of somebody else"),
        make("notes.unfinished", "of somebody else"),
        make("index-8/meta.json", "{}"),
        make("index-of-something/meta.json", "{}"),
        make("keys/access-token.4712.part", "a key that is being made"),
    ];
    let being_made = File::open(&kept[4]).unwrap();
    being_made.lock().unwrap();
    node.restart();
    for path in &gone {
        assert!(!path.exists(), "{path:?}: {}", node.log());
    }
    for path in &kept {
        assert!(path.exists(), "{path:?}");
    }
    let log = node.log();
    assert!(
        log.contains("access-token.4711.part") && log.contains("index-9"),
        "{log}"
    );
}

fn a_journal_or_a_recovery_key_in_the_data_folder_is_warned_about(database: Database) {
    let mut node = Node::on(database).federated().start();
    let journal = "the restore journal lies in the data folder";
    let recovery = "take the recovery key off this machine";
    assert!(!node.log().contains(journal) && node.log().contains(recovery));
    node.stop();
    let keys = node.data().join("keys");
    for item in fs::read_dir(&keys).unwrap() {
        let name = item.unwrap().file_name().into_string().unwrap();
        if name.starts_with("recovery-") {
            fs::rename(keys.join(&name), node.outside(&name)).unwrap();
        }
    }
    let checked = node.ask(&["check"]);
    assert!(
        !checked.contains(journal) && !checked.contains(recovery),
        "{checked}"
    );

    // Inside, and inside by a detour.
    let detour = node.outside("detour");
    symlink(node.data(), &detour).unwrap();
    for folder in [node.data().join("journal"), detour.join("more")] {
        let said = node.run_with(&["check"], &[("LOTSE_JOURNAL", folder.to_str().unwrap())]);
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains(journal), "{said}");
    }
    fs::rename(node.journal(), node.data().join("journal")).unwrap();
    node.set("JOURNAL", node.data().join("journal").to_str().unwrap());
    node.restart();
    assert!(node.log().contains(journal), "{}", node.log());
}

#[test]
fn with_too_few_open_files_nothing_is_begun() {
    let console = Console::with_node();
    for (few, arguments) in [(12, &["check"][..]), (63, &SERVE)] {
        let script = format!("ulimit -n {few}; exec \"$0\" \"$@\"");
        let said = complaint(&console.shell(&script, arguments));
        assert!(said.contains("ulimit -n") && said.contains("64"), "{said}");
    }
    // Only the soft limit is low: it is raised.
    let said = console.shell("ulimit -S -n 16; exec \"$0\" \"$@\"", &["check"]);
    assert!(said.status.success(), "{said:?}");
}
