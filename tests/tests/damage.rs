//! The text index is derived: whatever happens to its files, the node serves, says so, and builds it anew.

use std::{
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use lotse_tests::{Answer, Database, Node, Party, TestNode, World, batch, on_both, wait_for};

/// Seconds within which a small text index is there again.
const BUILT: u64 = 30;
/// Offers that are found by a word of theirs.
const OFFERS: usize = 40;

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flipped,
    Cut,
    Emptied,
    Missing,
    Folder,
}

const DAMAGES: [Damage; 5] = [
    Damage::Flipped,
    Damage::Cut,
    Damage::Emptied,
    Damage::Missing,
    Damage::Folder,
];

impl Damage {
    /// A running node may have taken the file away itself since it was listed: that is no failure.
    fn to(self, path: &Path) {
        match self.try_to(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            done => done.unwrap(),
        }
    }

    fn try_to(self, path: &Path) -> std::io::Result<()> {
        let bytes = fs::read(path)?;
        let open = || fs::OpenOptions::new().write(true).open(path);
        match self {
            Self::Flipped => {
                // In place, as a disk would: who has the file open sees it.
                let at = bytes.len() / 3;
                match bytes.get(at) {
                    Some(byte) => open()?.write_all_at(&[byte ^ 0x10], at as u64),
                    None => Ok(()),
                }
            }
            Self::Cut => open()?.set_len(bytes.len() as u64 / 2),
            Self::Emptied => open()?.set_len(0),
            Self::Missing => fs::remove_file(path),
            Self::Folder => {
                fs::remove_file(path)?;
                fs::create_dir(path)
            }
        }
    }
}

/// The folder of the text index.
fn text(node: &TestNode) -> PathBuf {
    let port = node.address().rsplit_once(':').unwrap().1.to_owned();
    node.data().join(format!("index-{port}")).join("text")
}

/// Its files, without locks.
fn files(node: &TestNode) -> Vec<PathBuf> {
    let all = fs::read_dir(text(node))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = all
        .filter(|path| !path.to_str().unwrap().ends_with(".lock"))
        .collect();
    files.sort();
    assert!(files.len() > 5, "{files:?}");
    files
}

fn find(node: &TestNode, word: &str) -> Answer {
    Party::anonymous().get(node, &format!("/api/v1/offers?limit=1&q={word}"))
}

/// Every offer is found by its word, or is soon.
fn finds_all(node: &TestNode) {
    wait_for("everything is found by words", BUILT, || {
        let answer = find(node, "damage-");
        if answer.status == 503 {
            assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
            return None;
        }
        (answer.expect(200).json()["total"] == OFFERS).then_some(())
    });
}

/// Whatever happens to text: lists, filters and coverage answer.
fn lists(node: &TestNode) {
    for path in [
        "/health/ready",
        "/api/v1/offers?country=XK",
        "/api/v1/coverage?rows=country&cols=topic",
    ] {
        let _ = Party::anonymous().get(node, path).expect(200);
    }
}

fn with_offers(database: Database) -> World {
    let world = World::on(Node::on(database));
    let ids = (0..OFFERS).map(|number| format!("damage-{number:03}"));
    let lines = batch::offers(&world, ids);
    let done: Vec<_> = batch::send(&world.node, &world.editor, "", lines).collect();
    assert!(done.iter().all(|result| result["status"] == 201));
    finds_all(&world.node);
    world
}

/// Says what differs, with the advice, and with status 1.
fn check_complains(node: &TestNode) {
    let output = node.run(&["check"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("lotse reindex"), "{said}");
    assert!(!said.contains("nothing differs"), "{said}");
}

fn check_is_content(node: &TestNode) {
    assert!(node.ask(&["check"]).contains("nothing differs"));
}

fn a_damaged_text_index_stops_no_start_and_is_built_anew(database: Database) {
    let mut world = with_offers(database);
    let mut damages = DAMAGES.iter().cycle();
    let count = files(&world.node).len();
    for number in 0..count {
        world.node.stop();
        check_is_content(&world.node);
        let files = files(&world.node);
        let Some(path) = files.get(number) else {
            world.node.restart();
            continue;
        };
        let damage = damages.next().unwrap();
        // Which files there are is written anew where it is wanting; nobody reads anything from it.
        let is_list = path.ends_with(".managed.json") && matches!(damage, Damage::Missing);
        damage.to(path);
        if !is_list {
            check_complains(&world.node);
        }
        world.node.restart();
        lists(&world.node);
        finds_all(&world.node);
    }
}

on_both!(a_damaged_text_index_stops_no_start_and_is_built_anew);

#[test]
fn meta_and_list_are_checked_as_the_other_files_are() {
    let mut world = with_offers(Database::Sqlite);
    for name in ["meta.json", ".managed.json"] {
        for damage in DAMAGES {
            if name == ".managed.json" && matches!(damage, Damage::Missing) {
                continue;
            }
            world.node.stop();
            damage.to(&text(&world.node).join(name));
            check_complains(&world.node);
            world.node.restart();
            lists(&world.node);
            finds_all(&world.node);
        }
    }
}

#[test]
fn reindex_takes_away_whatever_is_there() {
    let mut world = with_offers(Database::Sqlite);
    world.node.stop();
    for path in files(&world.node) {
        fs::write(path, b"x").unwrap();
    }
    check_complains(&world.node);
    assert!(world.node.ask(&["reindex"]).contains("is gone"));
    assert!(world.node.ask(&["check"]).contains("not there yet"));
    world.node.restart();
    finds_all(&world.node);
    world.node.stop();
    check_is_content(&world.node);
}

fn a_running_node_outlives_what_happens_to_its_text_index(database: Database) {
    let mut world = with_offers(database);
    for damage in DAMAGES {
        for path in files(&world.node) {
            if path.is_file() {
                damage.to(&path);
            }
        }
        lists(&world.node);
        // Each makes the index write, merge and read again.
        for _ in 0..5 {
            let _ = world.create("offer");
        }
        finds_all(&world.node);
        wait_for("text is ready", BUILT, || {
            let ready = Party::anonymous().get(&world.node, "/health/ready?for=text");
            (ready.status == 200).then_some(())
        });
        lists(&world.node);
    }
    fs::remove_dir_all(text(&world.node).parent().unwrap()).unwrap();
    let _ = world.create("offer");
    finds_all(&world.node);
    // It may be in memory now: the next start has it on disk again.
    for _ in 0..2 {
        world.node.stop();
        world.node.restart();
        finds_all(&world.node);
    }
    world.node.stop();
    check_is_content(&world.node);
}

on_both!(a_running_node_outlives_what_happens_to_its_text_index);

#[test]
fn a_text_index_that_lags_behind_or_holds_what_is_gone_is_put_right_at_the_start() {
    let mut world = with_offers(Database::Sqlite);
    world.node.stop();
    let before = world.node.outside("before");
    copy(&text(&world.node), &before);
    world.node.restart();
    let id = batch::stored(&world.node, &world.editor, "damage-000")[0]
        .0
        .clone();
    assert_eq!(id, "damage-000");
    let list = Party::anonymous().get(&world.node, "/api/v1/offers?limit=1&q=damage-000");
    let id = list.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/offers/{id}");
    let tag = world.etag(&path);
    let deleted = world
        .editor
        .request(&world.node, reqwest::Method::DELETE, &path);
    let _ = Answer::of(deleted.header("If-Match", tag)).expect(204);
    world.node.stop();
    fs::remove_dir_all(text(&world.node)).unwrap();
    copy(&before, &text(&world.node));
    check_is_content(&world.node);
    world.node.restart();
    world.node.stop();
    check_is_content(&world.node);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_folder_that_cannot_be_used_costs_neither_the_start_nor_text() {
    let mut world = with_offers(Database::Sqlite);
    world.node.stop();
    let folder = text(&world.node).parent().unwrap().to_owned();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, b"a file in the place of the folder").unwrap();
    world.node.restart();
    lists(&world.node);
    finds_all(&world.node);
    world.node.stop();
    let _ = world.node.ask(&["reindex"]);
    world.node.restart();
    finds_all(&world.node);
}
