//! Signals that nobody means to end a node by, and limits on a process: none of them ends it without a word.

use std::fs;

use lotse_tests::{Database, Node, TestNode, World, batch, wait_for};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, prlimit};

/// Seconds that an orderly end may take.
const ORDERLY: u64 = 20;

/// Sends a signal by its name: not every one has a safe constant.
fn send(node: &TestNode, name: &str) {
    let process = node.process().unwrap().as_raw_nonzero().to_string();
    let sent = std::process::Command::new("bash")
        .args(["-c", "kill -s \"$0\" \"$1\"", name, &process])
        .status()
        .unwrap();
    assert!(sent.success(), "{name}");
}

#[test]
fn signals_without_a_meaning_are_passed_over_and_said_once() {
    let mut node = TestNode::start(Database::Sqlite);
    let all = [
        "USR1", "USR2", "ALRM", "VTALRM", "PROF", "IO", "STKFLT", "RTMIN", "RTMIN+3", "RTMAX",
    ];
    for name in all.into_iter().chain(all) {
        send(&node, name);
    }
    // Each of these ends nothing by default, or stands for an error elsewhere.
    for name in ["PIPE", "XFSZ", "CHLD", "URG", "WINCH", "CONT"] {
        send(&node, name);
    }
    wait_for("each is said", ORDERLY, || {
        (node.log().matches("passed over").count() == all.len()).then_some(())
    });
    for words in ["SIGUSR1 means nothing", "SIGALRM means nothing"] {
        assert_eq!(node.log().matches(words).count(), 1, "{}", node.log());
    }
    let live = node.get("/health/live").send().unwrap();
    assert!(live.status().is_success());
    assert!(!node.log().contains("SIGXFSZ") && !node.log().contains("SIGPIPE"));
    node.stop();
}

#[test]
fn a_quit_ends_it_at_once_with_a_line_and_without_an_image_of_its_memory() {
    let mut node = TestNode::start(Database::Sqlite);
    let process = node.process().unwrap();
    let core = prlimit(
        Some(process),
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: getrlimit(Resource::Core).maximum,
        },
    )
    .unwrap();
    assert_eq!(
        core.current,
        Some(0),
        "it had no image of its memory anyway"
    );
    node.signal(Signal::QUIT);
    let status = node.ended(ORDERLY);
    assert_eq!(status.code(), Some(131), "{status}");
    assert!(
        node.log().contains("SIGQUIT: ended at once"),
        "{}",
        node.log()
    );
    let left = fs::read_dir(node.data()).unwrap();
    let names: Vec<_> = left.map(|item| item.unwrap().file_name()).collect();
    let core = names
        .iter()
        .find(|name| name.to_str().unwrap().starts_with("core"));
    assert!(core.is_none(), "{names:?}");
    node.restart();
}

#[test]
fn a_power_cut_or_used_up_processor_time_ends_it_in_order_however_often_it_is_told() {
    let mut world = World::on(Node::on(Database::Sqlite));
    for (name, status) in [("PWR", 0), ("XCPU", 0)] {
        let offer = world.create("offer");
        for _ in 0..3 {
            send(&world.node, name);
            std::thread::sleep(std::time::Duration::from_millis(150));
            if world.node.log().contains("ended at once") {
                break;
            }
        }
        let ended = world.node.ended(ORDERLY);
        assert_eq!(ended.code(), Some(status), "{name}: {}", world.node.log());
        assert!(world.node.log().contains("this process ends"));
        world.node.restart();
        let path = format!("/api/v1/offers/{offer}");
        let _ = world.anonymous.get(&world.node, &path).expect(200);
    }
}

/// The limit of a shell, with its signal left as the system sends it.
#[test]
fn a_limit_on_the_size_of_files_is_told_like_a_full_disk_and_heals() {
    let world = World::on(Node::on(Database::Sqlite));
    let ids = |name: &str| {
        (0..300)
            .map(|number| format!("{name}-{number:04}"))
            .collect::<Vec<_>>()
    };
    // So large that the log can still be written.
    let lengths = ["lotse.sqlite", "lotse.sqlite-wal"]
        .map(|name| fs::metadata(world.node.data().join(name)).map_or(0, |file| file.len()));
    world.node.limit_files(lengths.into_iter().max());
    for _ in 0..3 {
        let refused = world
            .editor
            .post(&world.node, "/api/v1/offers", &world.draft("offer"));
        assert_eq!(refused.status, 507, "{refused:?}");
        assert_eq!(refused.problem(), "storage_full");
    }
    for result in batch::send(
        &world.node,
        &world.editor,
        "",
        batch::offers(&world, ids("full")),
    ) {
        let status = result["status"].as_u64().unwrap();
        assert!([424, 503, 507].contains(&status), "{result}");
    }
    let _ = world
        .anonymous
        .get(&world.node, "/api/v1/offers")
        .expect(200);
    wait_for(
        "the log says which limit it is, and of which file",
        30,
        || {
            let log = world.node.log();
            (log.contains("ulimit -f") && log.contains("lotse.sqlite")).then_some(())
        },
    );
    world.node.limit_files(None);
    wait_for("the node writes again", 30, || {
        let answer = world
            .editor
            .post(&world.node, "/api/v1/offers", &world.draft("offer"));
        (answer.status == 201).then_some(())
    });
    let mut world = world;
    world.node.stop();
    let said = world.node.ask(&["check"]);
    assert!(said.contains("nothing differs"), "{said}");
}
