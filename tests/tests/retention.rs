//! What is kept for a while goes when its time is over, and not before: the table of `docs/retention.md`, walked with the
//! clock set ahead.

use lotse_tests::database::tamper;
use lotse_tests::remains::number;
use lotse_tests::world::add_client;
use lotse_tests::{Answer, Database, Node, Party, World, on_both, wait_for};
use reqwest::Method;
use serde_json::{Value, json};

on_both!(what_is_kept_for_a_while_goes_when_its_time_is_over);

/// Seconds for the clean-up at the start.
const SOON: u64 = 30;

/// What is kept: how many rows of it there are, and the days between which it goes; `None` where it stays.
struct Kept {
    what: &'static str,
    rows: &'static str,
    goes: Option<(u32, u32)>,
}

const fn kept(what: &'static str, rows: &'static str, goes: Option<(u32, u32)>) -> Kept {
    Kept { what, rows, goes }
}

/// On these days the node is started and looked at.
const DAYS: [u32; 6] = [0, 3, 9, 31, 91, 212];

const TABLE: [Kept; 17] = [
    kept(
        "outcomes of idempotent requests",
        "idempotency",
        Some((0, 3)),
    ),
    kept("one-time links", "password_reset", Some((0, 3))),
    kept("sessions", "session", Some((3, 9))),
    kept(
        "refused registrations",
        "registration WHERE state = 'refused'",
        Some((9, 31)),
    ),
    kept(
        "approved registrations",
        "registration WHERE state = 'approved'",
        Some((9, 31)),
    ),
    kept(
        "pending registrations",
        "registration WHERE state = 'pending'",
        None,
    ),
    kept(
        "closed corrections",
        "correction WHERE state <> 'open'",
        Some((31, 91)),
    ),
    kept("open corrections", "correction WHERE state = 'open'", None),
    kept("invitations with the views", "invitation", Some((91, 212))),
    kept(
        "revisions of deleted entries",
        "revision WHERE action = 'deleted'",
        None,
    ),
    kept(
        "purged entries, by their ids",
        "entry WHERE deleted AND body IS NULL",
        None,
    ),
    kept("accounts, by their ids", "account", None),
    kept(
        "addresses of accounts that are used",
        "account WHERE NOT disabled",
        None,
    ),
    kept(
        "addresses of disabled accounts",
        "account WHERE disabled AND email <> ''",
        Some((31, 91)),
    ),
    kept("clients, by their ids", "client", None),
    kept(
        "labels and secrets of revoked clients",
        "client WHERE revoked IS NOT NULL AND label || secret <> ''",
        Some((31, 91)),
    ),
    kept("the audit", "audit", None),
];

fn register(world: &World) -> String {
    let draft = json!({
        "organisation": {"content": {"name": {"en": "New office"}, "type": "ngo", "seat_country": "XK"}},
        "contact": "office@example.org",
        "license": "CC-BY-4.0",
    });
    let taken: Value = Party::anonymous()
        .post(&world.node, "/api/v1/registrations", &draft)
        .expect(201)
        .json();
    format!("/api/v1/registrations/{}", taken["id"].as_str().unwrap())
}

fn report(world: &World, entry: &str) -> String {
    let taken: Value = Party::anonymous()
        .post(
            &world.node,
            "/api/v1/corrections",
            &json!({"entry": entry, "message": "No."}),
        )
        .expect(201)
        .json();
    format!(
        "/api/v1/corrections/{}/state",
        taken["id"].as_str().unwrap()
    )
}

/// Something of everything in the table.
fn fill(world: &mut World) {
    let keyed = world
        .coordinator
        .request(&world.node, Method::POST, "/api/v1/offers")
        .header("Idempotency-Key", "one")
        .json(&world.draft("offer"));
    let _ = Answer::of(keyed).expect(201);
    let offers = ["reported", "deleted", "purged"].map(|_| world.create("offer"));
    let [reported, deleted, purged] = offers;
    let _ = report(world, &reported);
    let closing = report(world, &reported);
    let state = json!({"state": "rejected"});
    let closed = world
        .coordinator
        .send(&world.node, Method::PUT, &closing, &state);
    let _ = closed.expect(200);
    lotse_tests::federation::delete(world, &format!("/api/v1/offers/{deleted}"));
    let purge = format!("/api/v1/offers/{purged}/purge");
    let _ = Answer::of(world.coordinator.request(&world.node, Method::POST, &purge)).expect(204);
    let _ = register(world);
    let approve = format!("{}/approve", register(world));
    let _ = Answer::of(
        world
            .coordinator
            .request(&world.node, Method::POST, &approve),
    )
    .expect(200);
    let refuse = format!("{}/refuse", register(world));
    let reason = json!({"reason": "A test."});
    let _ = world
        .coordinator
        .post(&world.node, &refuse, &reason)
        .expect(204);
    let leaving = "leaving@example.org";
    let role = ["--role", "editor", "--organisation", &world.organisation];
    let added = [&["account", "add", leaving][..], &role].concat();
    let _ = world.node.ask(&added);
    let _ = world.node.ask(&["account", "disable", leaving]);
    let client = add_client(&world.node, &world.coordinator, &world.organisation);
    let _ = world.node.ask(&["client", "revoke", &client.id]);
    let expires = (chrono::Utc::now() + chrono::TimeDelta::days(30)).timestamp_micros();
    world.node.stop();
    let invited = format!(
        "INSERT INTO invitation (token, assessment, reviewer, submission, created, expires, views, closed) \
         VALUES ('t', 'a', 'https://b.example/entries/x', 's', 0, {expires}, '[]', NULL)"
    );
    assert_eq!(tamper(&world.node, &invited), 1);
}

fn what_is_kept_for_a_while_goes_when_its_time_is_over(database: Database) {
    let mut world = World::on(Node::on(database));
    fill(&mut world);
    for day in DAYS {
        world.node.set("DAYS_AHEAD", &day.to_string());
        world.node.restart();
        let count =
            |kept: &Kept| number(&world.node, &format!("SELECT count(*) FROM {}", kept.rows));
        let is_over = |kept: &&Kept| kept.goes.is_some_and(|(_, gone)| gone <= day);
        wait_for(&format!("what is over by day {day} is gone"), SOON, || {
            TABLE
                .iter()
                .filter(is_over)
                .all(|kept| count(kept) == 0)
                .then_some(())
        });
        for kept in TABLE
            .iter()
            .filter(|kept| kept.goes.is_none_or(|(last, _)| day <= last))
        {
            assert!(count(kept) > 0, "{} on day {day}", kept.what);
        }
        world.node.stop();
    }
}
