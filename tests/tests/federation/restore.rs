//! A node that is put back to an older state notices, says nothing until its admin has begun a new epoch, and then takes
//! nothing back.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use lotse_tests::{
    Answer, Database, Node, TestNode, World,
    federation::{LATER, SOON, Station, change, delete, federated},
    on_both, wait_for,
};
use reqwest::Method;
use serde_json::json;

on_both!(
    after_a_restore_what_was_deleted_or_narrowed_is_at_no_door_from_the_first_answer_on,
    a_restored_node_says_nothing_until_a_new_epoch_and_takes_nothing_back,
    a_node_that_was_put_back_by_one_step_only_notices_too,
    a_feed_that_goes_back_freezes_its_origin_until_an_admin_goes_on,
);

/// A node with three offers that another one follows.
pub(super) struct Scene {
    pub(super) a: World,
    pub(super) b: Station,
    pub(super) kept: String,
    pub(super) deleted: String,
    narrowed: String,
}

impl Scene {
    pub(super) fn on(database: Database) -> Self {
        Self::of(federated(database))
    }

    pub(super) fn of(node: Node) -> Self {
        let a = World::on(node);
        let b = Station::start(federated(Database::Sqlite).with("PEER_POLL_SECONDS", "1"));
        b.at().follow(a.at());
        let [kept, deleted, narrowed] =
            [(); 3].map(|()| format!("/api/v1/offers/{}", a.create("offer")));
        b.at().wait_until_same(a.at(), SOON);
        Self {
            a,
            b,
            kept,
            deleted,
            narrowed,
        }
    }

    /// What happens after the backup.
    pub(super) fn go_on(&self) {
        let title = json!({"content": {"title": {"en": "Changed after the backup"}}});
        change(&self.a, &self.kept, &title);
        change(&self.a, &self.narrowed, &json!({"visibility": "internal"}));
        delete(&self.a, &self.deleted);
        self.b.at().wait_until_same(self.a.at(), SOON);
    }

    /// Everybody signs in again: a restored database has no sessions.
    pub(super) fn sign_in(&mut self) {
        self.a.node_admin = self.a.node_admin.again(&self.a.node);
        self.a.coordinator = self.a.coordinator.again(&self.a.node);
    }

    /// Puts the database back from an archive: the node notices, and a new epoch deletes and hides again what `repeated`
    /// says.
    pub(super) fn is_put_back_and_begins_anew(&mut self, archive: &Path, repeated: &str) {
        self.restore(archive);
        is_silent(self);
        let said = self.new_epoch();
        assert!(said.contains(repeated), "{said}");
    }

    pub(super) fn restore(&mut self, archive: &Path) {
        self.a.node.stop();
        self.a.node.restore(archive);
        self.a.node.restart();
        self.sign_in();
    }

    /// Begins a new epoch while the node is stopped.
    pub(super) fn new_epoch(&mut self) -> String {
        self.a.node.stop();
        // With a wrong key nothing happens: what is deleted again is said with the right one.
        let wrong = key_that(&self.a.node, |name| !name.starts_with("recovery-"));
        let keys = || {
            fs::read_dir(self.a.node.data().join("keys"))
                .unwrap()
                .count()
        };
        let before = keys();
        let refused = self.a.node.run(&["new-epoch", "--recovery-key", &wrong]);
        assert!(!refused.status.success(), "{refused:?}");
        assert_eq!(keys(), before, "and no key is made");
        let key = self.recovery_key();
        let said = self.a.node.ask(&["new-epoch", "--recovery-key", &key]);
        self.a.node.restart();
        said
    }

    pub(super) fn recovery_key(&self) -> String {
        key_that(&self.a.node, |name| name.starts_with("recovery-"))
    }

    /// What had been deleted and narrowed stays so, at both nodes.
    pub(super) fn is_mended(&self) {
        let (a, b) = (self.a.at(), self.b.at());
        wait_for("the new epoch has arrived", LATER, || {
            (b.peer(a.node)["epoch"] == 2).then_some(())
        });
        b.wait_until_same(a, LATER);
        let id = |path: &str| path.rsplit_once('/').unwrap().1.to_owned();
        let there = b.entries(a.node);
        assert!(there.contains_key(&id(&self.kept)));
        assert!(!there.contains_key(&id(&self.deleted)));
        assert!(!there.contains_key(&id(&self.narrowed)));
        let own = a.entries(a.node);
        assert!(!own.contains_key(&id(&self.deleted)));
        assert_eq!(own[&id(&self.narrowed)]["visibility"], "internal");
        b.verify(a.node);
    }
}

/// A private key of a node, by the name of its file.
fn key_that(node: &TestNode, is_it: impl Fn(&str) -> bool) -> String {
    let keys = fs::read_dir(node.data().join("keys")).unwrap();
    let mut keys = keys.map(|key| key.unwrap().path());
    let found = keys.find(|path| is_it(&path.file_name().unwrap().to_string_lossy()));
    found.unwrap().to_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let target = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy(&item.path(), &target);
        } else {
            fs::copy(item.path(), target).unwrap();
        }
    }
}

fn put_back(from: &Path, to: &Path) {
    fs::remove_dir_all(to).unwrap();
    copy(from, to);
}

/// The node has noticed: it says so in its log and tells nobody anything, but goes on to be read.
fn is_silent(scene: &Scene) {
    let node = &scene.a.node;
    wait_for("the node notices", LATER, || {
        node.log()
            .contains("put back to an older state")
            .then_some(())
    });
    for path in ["head", "changes"] {
        let path = format!("/fed/v1/feeds/public/{path}");
        assert_eq!(node.get(&path).send().unwrap().status(), 503, "{path}");
    }
    // Whoever follows it waits, and does not take it for a fraud.
    let peer = scene
        .b
        .at()
        .peer_answer(Method::POST, node, "/sync", &json!({}));
    assert_eq!(peer.expect(502).problem(), "peer_unreachable");
    let peer = scene.b.at().peer(node);
    assert_eq!(peer["following"], "active", "{peer}");
    let _ = scene.a.coordinator.get(node, &scene.kept).expect(200);
}

fn a_restored_node_says_nothing_until_a_new_epoch_and_takes_nothing_back(database: Database) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    scene.restore(&archive);
    is_silent(&scene);
    // What is written now waits for the new epoch.
    let title = json!({"content": {"title": {"en": "Written after the restore"}}});
    change(&scene.a, &scene.kept, &title);
    let said = scene.new_epoch();
    assert!(said.contains("deleted again 1, hidden 1"), "{said}");
    scene.is_mended();
    // What is narrowed stays so, and what is new flows.
    let _ = scene.a.create("offer");
    scene.b.at().wait_until_same(scene.a.at(), SOON);
}

/// Asks at each door that is open to anybody, until `over`, as soon as there are answers; returns how often all were asked.
fn ask_at_all_doors(url: &str, over: &AtomicBool, ids: [&str; 2]) -> usize {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    let get = |path: &str| client.get(format!("{url}{path}")).send().ok();
    let mut rounds = 0;
    while !over.load(Ordering::SeqCst) {
        let mut answered = true;
        for path in [
            "/api/v1/offers",
            "/api/v1/offers?format=csv",
            "/api/v1/offers?format=geojson",
            "/api/v1/entries",
            "/offers",
            "/fed/v1/feeds/public/changes",
            "/fed/v1/feeds/public/state/0/0",
        ] {
            let Some(answer) = get(path) else {
                answered = false;
                continue;
            };
            let text = answer.text().unwrap_or_default();
            for id in ids {
                assert!(!text.contains(id), "{path} shows {id}: {text}");
            }
        }
        for id in ids {
            for path in [
                format!("/api/v1/offers/{id}"),
                format!("/entries/{id}"),
                format!("/api/v1/offers/{id}/history"),
            ] {
                match get(&path) {
                    Some(answer) => assert!(!answer.status().is_success(), "{path}"),
                    None => answered = false,
                }
            }
        }
        // Readiness for what the feeds do says what they say.
        match get("/health/ready?for=publishing") {
            Some(answer) => assert_eq!(answer.status(), 503),
            None => answered = false,
        }
        rounds += usize::from(answered);
    }
    rounds
}

fn after_a_restore_what_was_deleted_or_narrowed_is_at_no_door_from_the_first_answer_on(
    database: Database,
) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    scene.go_on();
    let id = |path: &str| path.rsplit_once('/').unwrap().1.to_owned();
    let (deleted, narrowed) = (id(&scene.deleted), id(&scene.narrowed));
    // As a crash leaves it, with its work taken over until later.
    scene.a.node.kill();
    scene.a.node.restore(&archive);
    // At the console as well, before it is started.
    let file = scene.a.node.outside("export.jsonl");
    let _ = scene.a.node.ask(&["export", file.to_str().unwrap()]);
    let exported = fs::read_to_string(file).unwrap();
    assert!(exported.contains(&id(&scene.kept)));
    assert!(!exported.contains(&deleted) && !exported.contains(&narrowed));
    let (url, over) = (scene.a.node.url(), AtomicBool::new(false));
    thread::scope(|scope| {
        let asked = scope.spawn(|| ask_at_all_doors(&url, &over, [&deleted, &narrowed]));
        scene.a.node.restart();
        thread::sleep(Duration::from_secs(1));
        over.store(true, Ordering::SeqCst);
        assert!(asked.join().unwrap() > 0);
    });
    scene.sign_in();
    let (a, coordinator) = (&scene.a.node, &scene.a.coordinator);
    let ready = Answer::of(a.get("/health/ready?for=publishing")).expect(503);
    let said = &ready.json()["parts"]["publishing"]["message"];
    assert_eq!(said, "the database was put back to an older state");
    // Whoever looks after it still sees what it was, as of anything that is deleted.
    let history = coordinator.get(a, &format!("{}/history", scene.deleted));
    let history = history.expect(200).json();
    assert_eq!(history["items"][0]["action"], "withheld", "{history}");
    let hidden = coordinator.get(a, &scene.narrowed).expect(200).json();
    assert_eq!(hidden["visibility"], "internal");
    let _ = coordinator.get(a, &scene.deleted).expect(404);
    // It is said and done once, whatever is started afterwards; what somebody has decided since then stays.
    change(&scene.a, &scene.narrowed, &json!({"visibility": "network"}));
    scene.a.node.stop();
    scene.a.node.restart();
    scene.sign_in();
    let shown = scene.a.coordinator.get(&scene.a.node, &scene.narrowed);
    assert_eq!(shown.expect(200).json()["visibility"], "network");
    let log = scene.a.node.log();
    assert_eq!(
        log.matches("Shown to nobody from now on").count(),
        0,
        "by the console"
    );
    let said = scene.new_epoch();
    assert!(said.contains("deleted again 1, hidden 1"), "{said}");
    scene.is_mended();
    let gone = scene
        .a
        .coordinator
        .get(&scene.a.node, &format!("{}/history", scene.deleted));
    assert_eq!(
        gone.expect(200).json()["items"],
        json!([]),
        "and nothing of it is left"
    );
}

fn a_node_that_was_put_back_by_one_step_only_notices_too(database: Database) {
    let mut scene = Scene::on(database);
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    delete(&scene.a, &scene.deleted);
    scene.b.at().wait_until_same(scene.a.at(), SOON);
    // The journal says that this was committed as soon as it was.
    scene.is_put_back_and_begins_anew(&archive, "deleted again 1, hidden 0");
    let id = scene.deleted.rsplit_once('/').unwrap().1;
    wait_for("the new epoch has arrived", LATER, || {
        (scene.b.at().peer(&scene.a.node)["epoch"] == 2).then_some(())
    });
    scene.b.at().wait_until_same(scene.a.at(), LATER);
    assert!(!scene.b.at().entries(&scene.a.node).contains_key(id));
}

#[test]
fn a_data_folder_that_is_copied_back_is_noticed() {
    let mut scene = Scene::on(Database::Sqlite);
    let (data, backup) = (scene.a.node.data(), scene.a.node.outside("copy"));
    scene.a.node.stop();
    copy(&data, &backup);
    scene.a.node.restart();
    scene.go_on();
    scene.a.node.stop();
    put_back(&backup, &data);
    scene.a.node.restart();
    is_silent(&scene);
    let said = scene.new_epoch();
    assert!(said.contains("deleted again 1, hidden 1"), "{said}");
    scene.is_mended();
}

fn a_feed_that_goes_back_freezes_its_origin_until_an_admin_goes_on(database: Database) {
    let mut scene = Scene::on(database);
    let node = &mut scene.a.node;
    let (archive, journal) = (node.outside("archive"), node.outside("journal-copy"));
    let _ = node.ask(&["backup", archive.to_str().unwrap()]);
    copy(&node.journal(), &journal);
    scene.go_on();
    // Without its journal nobody at the node can know what it had said; whoever follows it does.
    let node = &mut scene.a.node;
    node.stop();
    node.restore(&archive);
    put_back(&journal, &node.journal());
    node.restart();
    scene.sign_in();
    // An older head alone may be one that came late; a new one that says less is not.
    let _ = scene.a.create("offer");
    let node = &scene.a.node;
    wait_for("the origin is frozen", LATER, || {
        (scene.b.at().peer(node)["following"] == "frozen").then_some(())
    });
    let peer = scene.b.at().peer(node);
    assert_eq!(peer["error"]["code"], "rollback", "{peer}");
    let said = scene.b.node.ask(&["peer", "show", &node.host()]);
    assert!(
        said.contains("frozen") && said.contains("went back"),
        "{said}"
    );
    // What is here stays as it was.
    let id = scene.kept.rsplit_once('/').unwrap().1;
    let here = scene.b.at().entries(node);
    assert_eq!(
        here[id]["content"]["title"]["en"],
        "Changed after the backup"
    );

    let _ = scene.new_epoch();
    // It is an admin who says that this explains it.
    let peer = scene.b.at().peer(&scene.a.node);
    assert_eq!(peer["following"], "frozen", "{peer}");
    let _ = scene.b.node.ask(&["peer", "resume", &scene.a.node.host()]);
    wait_for("the new epoch has arrived", LATER, || {
        (scene.b.at().peer(&scene.a.node)["epoch"] == 2).then_some(())
    });
    scene.b.at().wait_until_same(scene.a.at(), LATER);
    scene.b.at().verify(&scene.a.node);
}
