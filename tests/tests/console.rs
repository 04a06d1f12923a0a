//! What the console says when something is wrong, and that it then leaves everything as it was: one line on standard
//! error and exit code 1, 2 for a command that cannot be understood.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use diesel::{Connection, RunQueryDsl, SqliteConnection};
use lotse_tests::{Database, Node, TestNode, node::binary};
use serde_json::Value;
use tempfile::TempDir;

/// An id that nothing has.
const NOBODY: &str = "01a2008d-7400-7fbf-932d-7ca33da03200";

/// A folder in which commands are run, with nothing in it.
struct Console(TempDir);

impl Console {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a node that is set up and has never been started.
    fn with_node() -> Self {
        let console = Self::new();
        let said = console.run(&["init", "--email", "first@example.org"]);
        assert!(said.status.success(), "{said:?}");
        console
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[])
    }

    fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .env_clear()
            .current_dir(self.0.path());
        command.envs(variables.iter().copied()).output().unwrap()
    }

    /// What a command complains of, in one line.
    fn complaint(&self, arguments: &[&str]) -> String {
        complaint(&self.run(arguments))
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Changes the database behind the node's back.
    fn damage(&self, sql: &str) {
        let file = self.path("lotse-data/lotse.sqlite");
        let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        diesel::sql_query(sql).execute(&mut connection).unwrap();
    }
}

fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let words = text.trim_end().strip_prefix("lotse: ");
    words.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[test]
fn a_mistyped_folder_is_no_new_node() {
    let console = Console::new();
    for command in [
        &["export"][..],
        &["check"],
        &["backup", "archive"],
        &["reindex"],
        &["account", "list"],
        &["client", "list", NOBODY],
    ] {
        let text = console.complaint(&[command, &["--data", "mistyped"]].concat());
        assert!(
            text.contains("mistyped") && text.contains("lotse init"),
            "{text}"
        );
    }
    assert!(!console.path("mistyped").exists() && !console.path("archive").exists());
}

#[test]
fn a_command_that_cannot_be_understood_ends_with_2() {
    let console = Console::new();
    for command in [
        &["colour"][..],
        &[],
        &["serve", "--workers", "many"],
        &["client", "add", "no-id"],
        &["init"],
    ] {
        let output = console.run(command);
        assert_eq!(output.status.code(), Some(2), "{command:?}: {output:?}");
    }
}

#[test]
fn a_wrong_setting_is_named_with_its_place() {
    let console = Console::new();
    for (text, parts) in [
        ("listen = '127.0.0.1:1", &["line 1", "invalid"][..]),
        ("lisen = '127.0.0.1:1'", &["lisen", "no such setting"]),
        (
            "connections = 'many'",
            &["connections", "a whole number", "many"],
        ),
        (
            "[rates.read]\nburst = -1",
            &["rates.read.burst", "a whole number"],
        ),
        ("log_format = 'xml'", &["log_format", "xml", "text, json"]),
        ("base_url = 'ftp://x'", &["base_url", "https://"]),
        ("trusted_proxies = ['300.0.0.1/8']", &["trusted_proxies"]),
        (
            "[site]\nimprints = { de = 'x' }",
            &["site.imprints", "no such setting"],
        ),
    ] {
        console.write("wrong.toml", text);
        let said = console.complaint(&["config", "--config", "wrong.toml"]);
        assert!(said.contains("wrong.toml"), "{said}");
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    for (name, value) in [
        ("LOTSE_LISTNE", "1"),
        ("LOTSE_RATES__READ__BURST", "many"),
        ("LOTSE_WORKERS", "-1"),
        ("LOTSE_RATES__", "1"),
    ] {
        let said = complaint(&console.run_with(&["config"], &[(name, value)]));
        assert!(said.contains(name), "{said}");
    }
    let said = console.complaint(&["config", "--listen", "nonsense"]);
    assert!(
        said.starts_with("flag --listen: ") && !said.contains(".rs"),
        "{said}"
    );
    let said = console.complaint(&["config", "--config", "missing.toml"]);
    assert!(said.contains("missing.toml"), "{said}");
}

#[test]
fn config_shows_where_each_setting_comes_from_and_no_secret() {
    let console = Console::new();
    console.write(
        "lotse.toml",
        "data_license = 'CC0-1.0'\n[rates.read]\nburst = 7\n",
    );
    let output = console.run_with(
        &["config", "--base-url", "https://lotse.example"],
        &[
            (
                "LOTSE_DATABASE",
                "postgres://user:geheim@db.example/x?sslpassword=geheim",
            ),
            ("LOTSE_METRICS_TOKEN", "007"),
            ("LOTSE_SITE__IMPRINT__DE", "Angaben"),
        ],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "data_license = \"CC0-1.0\"  # lotse.toml",
        "rates.read.burst = 7  # lotse.toml",
        "base_url = \"https://lotse.example\"  # flag --base-url",
        "metrics_token = \"not-shown\"  # variable LOTSE_METRICS_TOKEN",
        "site.imprint.de = \"Angaben\"  # variable LOTSE_SITE__IMPRINT__DE",
        "connections = 2000  # default",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line} in:\n{text}"
        );
    }
    assert!(text.contains("db.example"), "{text}");
    assert!(!text.contains("geheim") && !text.contains("007"), "{text}");
}

#[test]
fn the_settings_that_the_readme_shows_are_taken() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let (_, block) = readme.split_once("```toml\n").unwrap();
    let (settings, _) = block.split_once("```").unwrap();
    let console = Console::new();
    console.write("lotse.toml", settings);
    let shown = console.ask(&["config"]);
    assert!(shown.contains("site.imprint.de = "), "{shown}");
}

#[test]
fn broken_keys_are_named_and_left_alone() {
    let console = Console::with_node();
    let serve = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--base-url",
        "http://127.0.0.1:8080",
    ];
    for (name, text) in [
        ("access-token-former.pem", "garbage"),
        ("access-token.pem", ""),
    ] {
        let file = format!("lotse-data/keys/{name}");
        console.write(&file, text);
        let said = console.complaint(&serve);
        assert!(said.contains(name) && said.contains("Ed25519"), "{said}");
        assert_eq!(fs::read_to_string(console.path(&file)).unwrap(), text);
    }
}

#[test]
fn mailboxes_and_organisations_are_checked_before_anything_is_written() {
    let console = Console::new();
    let said = console.complaint(&["init", "--email", "nobody"]);
    assert!(said.contains("nobody"), "{said}");
    assert!(!console.path("lotse-data").exists());

    let console = Console::with_node();
    let add = ["account", "add", "office@example.org", "--role"];
    for (arguments, part) in [
        (&["editor"][..], "--organisation"),
        (&["editor", "--organisation", NOBODY], NOBODY),
        (&["coordinator", "--organisation", NOBODY], "--organisation"),
        (&["king"], "org_admin"),
    ] {
        let said = console.complaint(&[&add[..], arguments].concat());
        assert!(said.contains(part), "{said}");
    }
    let said = console.complaint(&["account", "add", "nobody", "--role", "coordinator"]);
    assert!(said.contains("nobody"), "{said}");
    for command in [
        &["client", "add", NOBODY][..],
        &["client", "list", NOBODY],
        &["client", "revoke", NOBODY],
    ] {
        let said = console.complaint(command);
        assert!(said.contains(NOBODY), "{said}");
    }
    assert_eq!(console.ask(&["account", "list"]).lines().count(), 1);
}

#[test]
fn each_broken_line_of_an_import_is_named_and_the_others_are_written() {
    let console = Console::with_node();
    // With a byte order mark and Windows' line ends, as some editors write them.
    let lines = [
        "\u{feff}{\"kind\":\"organisation\",\"op\":\"create\",\"entry\":{\"external_id\":\"a\",\"content\":{\"name\":{\"en\":\"A\"},\"type\":\"ngo\",\"seat_country\":\"DE\"}}}",
        "no json",
        "",
        "{\"kind\":\"organisation\",\"op\":\"create\",\"entry\":{\"content\":{\"name\":{\"en\":\"B\"},\"type\":\"colour\",\"seat_country\":\"DE\"}}}",
    ];
    console.write("lines.jsonl", lines.join("\r\n"));
    let output = console.run(&["import", "lines.jsonl"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("1 created") && said.contains("2 refused"),
        "{said}"
    );
    let why = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = why.lines().collect();
    assert_eq!(lines.len(), 2, "{why}");
    assert!(lines[0].starts_with("line 2: malformed"), "{why}");
    assert!(
        lines[1].starts_with("line 4: invalid") && lines[1].contains("/content/type"),
        "{why}"
    );
    assert!(
        console
            .complaint(&["import", "missing"])
            .contains("missing")
    );
}

#[test]
fn no_file_and_no_database_is_overwritten() {
    let console = Console::with_node();
    console.write("taken", "precious");
    for command in ["export", "backup"] {
        let said = console.complaint(&[command, "taken"]);
        assert!(said.contains("taken") && said.contains("exists"), "{said}");
    }
    assert_eq!(
        fs::read_to_string(console.path("taken")).unwrap(),
        "precious"
    );
    let _ = console.ask(&["backup", "archive"]);
    let said = console.complaint(&["restore", "archive"]);
    assert_eq!(said, "the database already holds data");
}

#[test]
fn what_is_no_archive_restores_nothing_and_a_whole_one_can_follow() {
    let console = Console::with_node();
    let _ = console.ask(&["backup", "archive"]);
    let whole = fs::read(console.path("archive")).unwrap();
    console.write("cut", &whole[..whole.len() / 2]);
    console.write("noise", [0xff_u8; 1000]);
    console.write("empty", "");
    let new = ["--data", "new"];
    for name in ["cut", "noise", "empty"] {
        let said = console.complaint(&[&["restore", name][..], &new].concat());
        assert!(said.starts_with("the archive cannot be restored"), "{said}");
    }
    let said = console.complaint(&["restore", "missing", "--data", "other"]);
    assert!(said.starts_with("missing: "), "{said}");
    assert!(!console.path("other").exists());
    let _ = console.ask(&[&["restore", "archive"][..], &new].concat());
    assert!(
        console
            .ask(&[&["check"][..], &new].concat())
            .contains("nothing differs")
    );
}

#[test]
fn check_says_what_is_damaged() {
    let console = Console::with_node();
    assert!(console.ask(&["check"]).contains("nothing differs"));
    console.damage("delete from revision");
    let output = console.run(&["check"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("missing_revision"), "{said}");
    console.write("lotse-data/lotse.sqlite", [0x55_u8; 4096]);
    let said = console.complaint(&["check"]);
    assert!(said.contains("not a database"), "{said}");
}

#[test]
fn a_running_node_keeps_its_index_and_all_of_its_files_are_its_users_alone() {
    let node = TestNode::start(Database::Sqlite);
    let said = complaint(&node.run(&["reindex"]));
    assert!(said.contains("running node"), "{said}");
    let archive = node.data().join("archive");
    let _ = node.ask(&["backup", archive.to_str().unwrap()]);
    let mut folders = vec![node.data()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let item = item.unwrap();
            let metadata = item.metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            if metadata.is_dir() {
                assert_eq!(mode, 0o700, "{:?}", item.path());
                folders.push(item.path());
            } else {
                assert_eq!(mode, 0o600, "{:?}", item.path());
                files += 1;
            }
        }
    }
    assert!(files > 5, "{files}");
}

#[test]
fn the_demo_leaves_in_an_order_in_which_it_can_be_taken_in() {
    let demo = Node::on(Database::Sqlite).demo().start();
    let file = demo.data().join("export.jsonl");
    let path = file.to_str().unwrap();
    let _ = demo.ask(&["export", "--all", path]);
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.len() > 150);

    let console = Console::with_node();
    let said = console.ask(&["import", path]);
    let all = format!("{} created, 0 updated, 0 unchanged", lines.len());
    assert!(said.starts_with(&all), "{said}");
    let said = console.ask(&["import", path]);
    assert!(said.starts_with("0 created, 0 updated"), "{said}");
}

#[test]
fn a_folder_that_is_no_index_is_left_alone() {
    let console = Console::with_node();
    fs::create_dir_all(console.path("mine/text")).unwrap();
    console.write("mine/text/letter.txt", "dear");
    fs::create_dir(console.path("other")).unwrap();
    console.write("other/letter.txt", "dear");
    console.write("file", "dear");
    let keys = || {
        fs::read_dir(console.path("lotse-data/keys"))
            .unwrap()
            .count()
    };
    let before = keys();
    assert!(before > 0);
    for index in [
        "lotse-data",
        "lotse-data/keys",
        ".",
        "mine",
        "other",
        "file",
    ] {
        let refused = console.run_with(&["reindex"], &[("LOTSE_INDEX", index)]);
        let words = complaint(&refused);
        assert!(
            words.contains("search index") || words.contains("no folder"),
            "{index}: {words}"
        );
    }
    for kept in [
        "lotse-data/lotse.sqlite",
        "mine/text/letter.txt",
        "other/letter.txt",
        "file",
    ] {
        assert!(console.path(kept).exists(), "{kept}");
    }
    assert_eq!(keys(), before);
}

#[test]
fn however_the_data_folder_is_spelled_the_journal_stands_beside_it() {
    let console = Console::with_node();
    for data in [
        "lotse-data",
        "lotse-data/",
        "./lotse-data//",
        "lotse-data/.",
    ] {
        let shown = console.ask(&["config", "--data", data]);
        let journal = shown.lines().find(|line| line.starts_with("journal ="));
        let journal = journal.unwrap();
        assert!(
            journal.contains("lotse-data-journal\""),
            "{data}: {journal}"
        );
    }
    let output = Command::new(binary())
        .args(["config", "--data", "."])
        .env_clear()
        .current_dir(console.path("lotse-data"))
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("lotse-data-journal\""), "{shown}");
}

#[test]
fn settings_with_which_a_node_would_serve_nobody_are_refused() {
    let console = Console::with_node();
    for (name, value) in [
        ("LOTSE_HEAD_SECONDS", "18446744073709551615"),
        ("LOTSE_BODY_SECONDS", "18446744073709551615"),
        ("LOTSE_SHUTDOWN_SECONDS", "18446744073709551615"),
        ("LOTSE_WRITE_SECONDS", "9223372036854775807"),
        ("LOTSE_WRITE_SECONDS", "0"),
        ("LOTSE_CONNECTIONS_PER_CLIENT", "0"),
        ("LOTSE_CONNECTIONS", "0"),
    ] {
        let words = complaint(&console.run_with(&["serve"], &[(name, value)]));
        let setting = name.trim_start_matches("LOTSE_").to_lowercase();
        assert!(words.contains(&setting), "{words}");
    }
}

#[test]
fn a_secret_that_nobody_can_have_read_is_an_error() {
    let console = Console::with_node();
    let full = |arguments: &[&str]| {
        let output = Command::new(binary())
            .args(arguments)
            .env_clear()
            .current_dir(console.0.path())
            .stdout(
                fs::OpenOptions::new()
                    .write(true)
                    .open("/dev/full")
                    .unwrap(),
            )
            .output()
            .unwrap();
        complaint(&output)
    };
    let add = ["account", "add", "new@example.org", "--role", "coordinator"];
    for arguments in [&add[..], &["account", "password", "new@example.org"]] {
        let words = full(arguments);
        assert!(words.contains("shown once is lost"), "{words}");
    }
}
