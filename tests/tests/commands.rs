//! The commands, as an operator meets them.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use lotse_tests::{
    Answer, Database, Node, Party, TestNode, World, node::binary, on_both, wait_for,
};
use reqwest::Method;
use serde_json::json;

on_both!(
    what_is_exported_can_be_imported_elsewhere,
    a_backup_fills_a_new_node
);

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().current_dir(folder);
    command.envs(variables.iter().copied()).output().unwrap()
}

/// A failure is one line that a person can act on, without anything of the inside.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(
        text.starts_with("lotse: ")
            && !text.contains("panicked")
            && !text.contains("RUST_BACKTRACE"),
        "{text}"
    );
    text
}

#[test]
fn a_busy_port_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for command in ["demo", "serve"] {
        let text = complaint(&run(folder.path(), &[command, "--listen", &address], &[]));
        assert!(text.contains(&address) && text.contains("in use"), "{text}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be stops even root.
    let data = folder.path().join("data");
    fs::write(&data, "").unwrap();
    let text = complaint(&run(
        folder.path(),
        &["demo", "--data", "data", "--listen", "127.0.0.1:0"],
        &[],
    ));
    assert!(text.contains("data"), "{text}");
}

#[test]
fn a_database_of_a_newer_version_is_left_alone_with_one_clear_line() {
    let mut node = TestNode::start(Database::Sqlite);
    node.stop();
    let file = node.data().join("lotse.sqlite");
    let newer = "insert into __diesel_schema_migrations (version) values ('99999999999999')";
    let mut connection =
        <diesel::SqliteConnection as diesel::Connection>::establish(file.to_str().unwrap())
            .unwrap();
    diesel::RunQueryDsl::execute(diesel::sql_query(newer), &mut connection).unwrap();
    for command in [&["serve"][..], &["migrate"], &["check"]] {
        let text = complaint(&node.run(command));
        assert!(text.contains("newer version"), "{text}");
    }
}

#[test]
fn a_setting_that_does_not_exist_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let text = complaint(&run(
        folder.path(),
        &["config"],
        &[("LOTSE_COLOUR", "blue")],
    ));
    assert!(text.to_lowercase().contains("colour"), "{text}");
    fs::write(folder.path().join("lotse.toml"), "colour = 'blue'\n").unwrap();
    let text = complaint(&run(folder.path(), &["config"], &[]));
    assert!(text.contains("colour"), "{text}");
}

#[test]
fn flags_go_before_variables_and_variables_before_the_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("lotse.toml"),
        "listen = '127.0.0.1:1001'\nworkers = 3\nlog = 'warn'\n",
    )
    .unwrap();
    let output = run(
        folder.path(),
        &["config", "--listen", "127.0.0.1:1003"],
        &[("LOTSE_LISTEN", "127.0.0.1:1002"), ("LOTSE_WORKERS", "5")],
    );
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "listen = \"127.0.0.1:1003\"",
        "workers = 5",
        "log = \"warn\"",
    ] {
        assert!(text.contains(line), "{line} in:\n{text}");
    }
}

#[test]
fn what_must_stay_secret_is_for_its_user_only() {
    let node = TestNode::start(Database::Sqlite);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for item in ["lotse.sqlite", "lotse.sqlite-wal", "keys/access-token.pem"] {
        assert_eq!(mode(&node.data().join(item)), 0o600, "{item}");
    }
    assert_eq!(mode(&node.data().join("keys")), 0o700);
}

#[test]
fn a_second_start_of_the_demo_finds_all_of_it_and_prints_no_secret_again() {
    let mut node = Node::on(Database::Sqlite).demo().start();
    let total = |node: &TestNode| {
        Party::anonymous()
            .get(node, "/api/v1/entries?limit=1")
            .expect(200)
            .json()["total"]
            .clone()
    };
    let before = total(&node);
    assert!(before.as_u64().unwrap() > 150);
    node.stop();
    node.restart();
    assert_eq!(total(&node), before);
    assert_eq!(node.log().matches("export CLIENT_SECRET").count(), 1);
}

#[test]
fn health_says_whether_the_node_is_ready() {
    let mut node = TestNode::start(Database::Sqlite);
    assert!(node.run(&["health"]).status.success());
    node.stop();
    assert!(!node.run(&["health"]).status.success());
}

#[test]
fn an_index_that_is_gone_is_built_again() {
    let mut world = World::on(Node::on(Database::Sqlite));
    let _ = world.create("offer");
    world.node.stop();
    let _ = world.node.ask(&["reindex"]);
    world.node.restart();
    // A node is ready when its lists are; the text index follows in the background.
    wait_for("text is found again", 30, || {
        let path = "/api/v1/offers?q=Beratung";
        let found = world.anonymous.get(&world.node, path).expect(200).json();
        (found["total"] == 3).then_some(())
    });
}

fn what_is_exported_can_be_imported_elsewhere(database: Database) {
    let mut world = World::on(Node::on(database));
    world.node.stop();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entries.jsonl");
    let path = path.to_str().unwrap();
    let _ = world.node.ask(&["export", "--all", path]);
    let lines = fs::read_to_string(path).unwrap().lines().count();
    assert!(lines >= 7, "{lines}");

    let other = TestNode::start(database);
    let said = other.ask(&["import", path]);
    assert!(said.contains(" 0 refused"), "{said}");
    let again = other.ask(&["import", path]);
    assert!(again.starts_with("0 created, 0 updated"), "{again}");
}

#[test]
fn a_dry_run_says_what_an_import_would_do_and_where_it_cannot_know() {
    let node = TestNode::start(Database::Sqlite);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("entries.jsonl");
    let id = |number: usize| format!("01a2008d-7400-7000-8000-{number:012x}");
    let owner = id(0);
    let line = |kind: &str, id: String, content: serde_json::Value| {
        let entry = json!({"owner": owner, "content": content});
        json!({"op": "create", "kind": kind, "id": id, "entry": entry}).to_string()
    };
    let name = json!({"name": {"en": "Office"}, "type": "ngo", "seat_country": "DE"});
    let event = |number: usize| {
        let content = json!({
            "title": {"en": format!("Event {number}")}, "type": "public_info",
            "start": "2027-05-04T08:00:00Z", "time_zone": "Europe/Tirane", "organiser": owner,
        });
        line("event", id(number), content)
    };
    let mut lines = vec![line("organisation", id(0), name)];
    lines.extend((1..=2_500).map(event));
    fs::write(&path, lines.join("\n")).unwrap();
    let path = path.to_str().unwrap();
    let said = node.ask(&["import", "--dry-run", path]);
    assert!(said.starts_with("2501 created, "), "{said}");
    assert!(
        said.contains(" 0 refused (dry run: nothing was written)"),
        "{said}"
    );

    lines.extend((2_501..=10_000).map(event));
    fs::write(path, lines.join("\n")).unwrap();
    let output = node.run(&["import", "--dry-run", path]);
    let (said, noted) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    // The last line's owner would have been written by another part.
    assert!(said.starts_with("10000 created, "), "{said}");
    assert!(
        noted.contains("in 2 parts of at most 10000 lines"),
        "{noted}"
    );
    let found = Party::anonymous().get(&node, "/api/v1/events");
    assert_eq!(found.expect(200).json()["total"], 0);
}

fn a_backup_fills_a_new_node(database: Database) {
    let mut world = World::on(Node::on(database));
    let offer = world.create("offer");
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("backup");
    let archive = archive.to_str().unwrap();
    let _ = world.node.ask(&["backup", archive]);
    assert!(
        !world.node.run(&["backup", archive]).status.success(),
        "an archive is never overwritten"
    );
    world.node.kill();

    let copy = Node::on(database)
        .restored(&world.node.base_url(), archive)
        .start();
    let answer =
        Answer::of(copy.request(Method::GET, &format!("/api/v1/offers/{offer}"))).expect(200);
    assert_eq!(
        answer.json()["content"]["title"]["en"],
        json!("Group advice before departure")
    );
    let said = copy.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
}
