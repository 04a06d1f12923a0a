//! A peer that cheats, approved as any other: each of its answers is refused for its own reason, nothing of it can be
//! read, and what an honest peer says meanwhile arrives as ever.

use std::{
    collections::BTreeMap, io::Write as _, net::TcpStream, sync::Arc, thread, time::Duration,
};

use chrono::TimeDelta;
use domain::{EntryId, feed::Digest};
use lotse_tests::{
    Database, World,
    federation::{At, LATER, SOON, Station, federated},
    on_both,
    played::{Feed, Played, Trick, answer, line, now},
    wait_for,
};
use reqwest::Method;
use serde_json::{Map, Value, json};

on_both!(whatever_a_peer_cheats_with_is_refused_for_its_reason_and_keeps_nobody_waiting);

/// A word of what may not be read anywhere.
const WORD: &str = "quarkstrudel";

/// What stands behind a code: whether an admin has to look, and what it says.
struct Cheat {
    name: &'static str,
    code: &'static str,
    words: &'static str,
    following: &'static str,
    trick: Trick,
}

fn cheat(
    name: &'static str,
    (code, words, following): (&'static str, &'static str, &'static str),
    trick: impl Fn(&Feed, u64, &mut TcpStream) + Send + Sync + 'static,
) -> Cheat {
    Cheat {
        name,
        code,
        words,
        following,
        trick: Arc::new(trick),
    }
}

/// An answer that is a whole page as HTTP has it.
fn page(
    name: &'static str,
    says: (&'static str, &'static str, &'static str),
    page: impl Fn(&Feed, u64) -> String + Send + Sync + 'static,
) -> Cheat {
    cheat(name, says, move |feed, since, stream| {
        answer(stream, "200 OK", "", page(feed, since).as_bytes());
    })
}

/// A page that is signed as it should be, with rows that are not.
fn rows(
    name: &'static str,
    says: (&'static str, &'static str, &'static str),
    rows: impl Fn(&Feed, u64) -> Vec<String> + Send + Sync + 'static,
) -> Cheat {
    page(name, says, move |feed, since| {
        let rows = rows(feed, since);
        let through = since + rows.len() as u64;
        let head = feed.head_with(through, Digest([9; 32]), now());
        feed.page_of(since, &rows, through, &head)
    })
}

/// The same with one row.
fn row(
    name: &'static str,
    says: (&'static str, &'static str, &'static str),
    row: impl Fn(&Feed, u64) -> String + Send + Sync + 'static,
) -> Cheat {
    rows(name, says, move |feed, since| vec![row(feed, since + 1)])
}

fn new_id() -> EntryId {
    EntryId(uuid::Uuid::from_u128(rand::random()))
}

/// What would stand in the feed next, were it honest; not signed yet.
fn next(feed: &Feed, seq: u64) -> Map<String, Value> {
    let id = new_id();
    feed.statement(seq, id, &feed.publication(id, WORD))
}

const FROZEN: &str = "frozen";
const ACTIVE: &str = "active";
const SIGNATURE: (&str, &str, &str) = ("proof_signature", "signature does not fit", FROZEN);
const OUTSIDE: (&str, &str, &str) = ("outside_origin", "does not belong to that node", FROZEN);

/// Statements that are signed wrongly, or say what they may not.
fn statements(foreign: String) -> Vec<Cheat> {
    let (of_other, in_other) = (foreign.clone(), foreign);
    vec![
        row("a forged signature", SIGNATURE, |feed, seq| {
            let mut forged = feed.signed(next(feed, seq));
            forged["proof"]["proofValue"] =
                feed.signed(next(feed, seq))["proof"]["proofValue"].clone();
            line(&forged)
        }),
        row("an altered row", SIGNATURE, |feed, seq| {
            let mut altered = feed.signed(next(feed, seq));
            altered["object"]["entry"]["content"]["title"]["en"] = json!(format!("More {WORD}"));
            line(&altered)
        }),
        row("a signature by another key", SIGNATURE, |feed, seq| {
            line(&feed.signed_by_a_stranger(next(feed, seq)))
        }),
        row(
            "a signature by a key for other things",
            ("wrong_key", "another key", ACTIVE),
            |feed, seq| line(&feed.signed_for_requests(next(feed, seq))),
        ),
        row("a member that nobody signed", SIGNATURE, |feed, seq| {
            let mut more = feed.signed(next(feed, seq));
            more.insert("also".to_owned(), json!(WORD));
            line(&more)
        }),
        row(
            "an option that nobody signed",
            ("proof_unknown_option", "option", FROZEN),
            |feed, seq| {
                let mut more = feed.signed(next(feed, seq));
                more["proof"]["also"] = json!(WORD);
                line(&more)
            },
        ),
        row("a row of another origin", OUTSIDE, move |feed, seq| {
            let mut other = next(feed, seq);
            other["id"] = json!(format!("{of_other}#public-1-{seq}"));
            other["object"]["id"] = json!(of_other);
            line(&feed.signed(other))
        }),
        row(
            "an entry of another origin in a row of its own",
            OUTSIDE,
            move |feed, seq| {
                let (origin, id) = in_other.split_once("/entries/").unwrap();
                let mut other = next(feed, seq);
                other["object"]["entry"]["origin"] = json!(origin);
                other["object"]["entry"]["id"] = json!(id);
                line(&feed.signed(other))
            },
        ),
        row("an id in another spelling", OUTSIDE, |feed, seq| {
            let mut other = next(feed, seq);
            let uri = other["object"]["id"].as_str().unwrap().to_owned();
            let (origin, id) = uri.split_once("/entries/").unwrap();
            let uri = format!("{origin}/entries/{}", id.replace('-', ""));
            other["id"] = json!(format!("{uri}#public-1-{seq}"));
            other["object"]["id"] = json!(uri);
            line(&feed.signed(other))
        }),
        row(
            "an entry that the feed is not for",
            ("wrong_feed_for_entry", "feed that is not for it", FROZEN),
            |feed, seq| {
                let mut other = next(feed, seq);
                other["object"]["entry"]["visibility"] = json!("network");
                line(&feed.signed(other))
            },
        ),
        row(
            "deeply nested JSON",
            ("not_json", "nested deeper", FROZEN),
            |_, _| "[".repeat(50_000) + &"]".repeat(50_000),
        ),
        row(
            "a name that stands twice",
            ("not_json", "stands twice", FROZEN),
            |feed, seq| {
                let once = line(&feed.signed(next(feed, seq)));
                once.replacen("\"seq\":", "\"seq\":1,\"seq\":", 1)
            },
        ),
    ]
}

/// Pages that are cut, mixed up, repeated or say less than before.
fn pages() -> Vec<Cheat> {
    let good = |feed: &Feed, since: u64| {
        let row = line(&feed.signed(next(feed, since + 1)));
        let head = feed.head_with(since + 1, Digest([9; 32]), now());
        feed.page_of(since, &[row], since + 1, &head)
    };
    vec![
        page(
            "a page that was altered on its way",
            ("page_digest", "does not fit its rows", ACTIVE),
            move |feed, since| good(feed, since).replacen(WORD, "quarktasche", 1),
        ),
        page(
            "a page that was cut off",
            ("truncated", "cut off", ACTIVE),
            move |feed, since| {
                let mut page = good(feed, since);
                page.truncate(page.len() - 100);
                page
            },
        ),
        page(
            "a page that answered another question",
            ("other_page", "another page", ACTIVE),
            |feed, _| feed.page(0),
        ),
        page(
            "an older head, as a cache may have kept it",
            ("stale_head", "older answer", ACTIVE),
            |feed, since| {
                let before = now() - TimeDelta::hours(1);
                let head = feed.head_with(since - 1, Digest([9; 32]), before);
                feed.page_of(since, &[], since - 1, &head)
            },
        ),
        page(
            "a head that has run out",
            ("expired_head", "no longer valid", ACTIVE),
            |feed, since| {
                let before = now() - TimeDelta::days(3);
                let head = feed.head_with(since, Digest([9; 32]), before);
                feed.page_of(since, &[], since, &head)
            },
        ),
        rows(
            "rows in another order",
            ("order", "wrong order", FROZEN),
            |feed, since| {
                [since + 2, since + 1]
                    .map(|seq| line(&feed.signed(next(feed, seq))))
                    .to_vec()
            },
        ),
        page(
            "a head that says less than before",
            ("rollback", "went back", FROZEN),
            |feed, since| {
                let later = now() + TimeDelta::seconds(2);
                let head = feed.head_with(since - 1, Digest([9; 32]), later);
                feed.page_of(since, &[], since - 1, &head)
            },
        ),
        page(
            "another state under the same number",
            ("fork", "two different statements", FROZEN),
            |feed, since| {
                let head = feed.head_with(since, Digest([9; 32]), now());
                feed.page_of(since, &[], since, &head)
            },
        ),
    ]
}

/// Answers that would take memory, time or more requests.
fn answers() -> Vec<Cheat> {
    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    vec![
        cheat(
            "a body without an end",
            ("too_large", "too large", ACTIVE),
            |_, _, stream| {
                let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
                let mut sent = stream.write_all(CHUNKED);
                while sent.is_ok() {
                    sent = stream.write_all(chunk.as_bytes());
                }
            },
        ),
        cheat(
            "a body that unfolds to many times its size",
            ("bomb", "many times its size", ACTIVE),
            |_, _, stream| {
                let mut packed =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
                for _ in 0..200 {
                    packed.write_all(&[b' '; 100_000]).unwrap();
                }
                let packed = packed.finish().unwrap();
                answer(stream, "200 OK", "Content-Encoding: gzip\r\n", &packed);
            },
        ),
        cheat(
            "a redirect without an end",
            ("redirect", "redirects", ACTIVE),
            |_, since, stream| {
                let to = format!("Location: /fed/v1/feeds/public/changes?since={since}\r\n");
                answer(stream, "302 Found", &to, b"");
            },
        ),
        // Nobody signs that, so it costs a pull and proves nothing.
        cheat(
            "deletions that are said to be forgotten, whatever is asked for",
            ("below_horizon", "410", ACTIVE),
            |_, _, stream| answer(stream, "410 Gone", "", br#"{"code":"below_horizon"}"#),
        ),
        // Ten seconds of patience: the limit of the node.
        cheat(
            "a body that drips",
            ("too_slow", "too slowly", ACTIVE),
            |_, _, stream| {
                let mut sent = stream.write_all(CHUNKED);
                while sent.is_ok() {
                    thread::sleep(Duration::from_millis(200));
                    sent = stream.write_all(b"1\r\nx\r\n");
                }
            },
        ),
    ]
}

/// Three nodes: one under test, which follows an honest one and one that is played.
struct Scene {
    a: Station,
    honest: World,
    played: Played,
    /// What the played one had said before it began to cheat.
    good: BTreeMap<String, Value>,
}

impl Scene {
    fn on(database: Database) -> Self {
        let honest = World::on(federated(Database::Sqlite));
        let a = Station::start(federated(database));
        let played = Played::start();
        for number in 0..3 {
            let id = new_id();
            let entry = played.feed().publication(id, &format!("Report {number}"));
            let _ = played.feed().say(id, &entry);
        }
        a.at().follow(honest.at());
        a.at()
            .follow_public(played.base_url(), &played.fingerprint());
        wait_for("both sides agree", LATER, || {
            let peer = a.at().peer_at(played.host());
            peer["agreed"].is_string().then_some(())
        });
        let good = of_played(a.at(), &played);
        assert_eq!(good.len(), 3);
        Self {
            a,
            honest,
            played,
            good,
        }
    }

    fn tell(&self, what: &str) {
        let (at, host) = (self.a.at(), self.played.host());
        let _ = at
            .ask_about(Method::POST, host, what, &json!({}))
            .expect(200);
    }

    /// Everything that an admin has to know is there, and nothing that nobody may read.
    fn refuses(&self, cheat: &Cheat) {
        let (at, host) = (self.a.at(), self.played.host());
        self.tell("/pause");
        let before = at.peer_at(host)["error"]["at"].clone();
        self.played.play(Some(Arc::clone(&cheat.trick)));
        self.tell("/resume");
        wait_for(cheat.name, SOON, || {
            (self.played.tricked() > 0).then_some(())
        });
        // Whatever the one does, the other is heard.
        let _ = self.honest.create("offer");
        at.wait_until_same(self.honest.at(), SOON);
        let mut peer = Value::Null;
        wait_for(cheat.name, 15, || {
            peer = listed(at, host);
            (peer["error"]["at"] != before).then_some(())
        });
        let what = format!("{}: {peer}", cheat.name);
        assert_eq!(peer["error"]["code"], cheat.code, "{what}");
        let message = peer["error"]["message"].as_str().unwrap();
        assert!(message.contains(cheat.words), "{what}");
        assert_eq!(peer["following"], cheat.following, "{what}");
        assert_eq!(of_played(at, &self.played), self.good, "{}", cheat.name);
    }
}

/// A peer as the list of all of them shows it.
fn listed(at: At<'_>, host: &str) -> Value {
    let peers = at.admin.get(at.node, "/api/v1/peers").expect(200).json();
    let peers = peers["items"].as_array().unwrap();
    let peer = peers.iter().find(|peer| peer["host"] == host);
    peer.unwrap().clone()
}

fn of_played(at: At<'_>, played: &Played) -> BTreeMap<String, Value> {
    at.found(&format!("origin={}", played.base_url()))
}

fn whatever_a_peer_cheats_with_is_refused_for_its_reason_and_keeps_nobody_waiting(
    database: Database,
) {
    let scene = Scene::on(database);
    let id = scene.honest.create("offer");
    let foreign = format!("{}/entries/{id}", scene.honest.node.base_url());
    let cheats = [statements(foreign), pages(), answers()];
    for cheat in cheats.iter().flatten() {
        scene.refuses(cheat);
    }
    let (at, played) = (scene.a.at(), &scene.played);
    let said = scene.a.node.ask(&["peer", "show", played.host()]);
    assert!(said.contains("too slowly"), "{said}");

    // In no table, whatever it says: neither its words nor anything else that it sent.
    let archive = scene.a.node.outside("archive");
    let _ = scene.a.node.ask(&["backup", archive.to_str().unwrap()]);
    let archive = std::fs::read_to_string(archive).unwrap();
    assert!(archive.contains("Report 2") && !archive.contains(WORD));
    assert!(!archive.contains("quarktasche"));

    // Honest again, it is taken for what it says now.
    played.play(None);
    let late = new_id();
    let _ = played
        .feed()
        .say(late, &played.feed().publication(late, "Report 4"));
    scene.tell("/resume");
    wait_for("what it says now is here", LATER, || {
        of_played(at, played)
            .contains_key(&late.to_string())
            .then_some(())
    });
    let verified = at.ask_about(Method::POST, played.host(), "/verify", &json!({}));
    assert_eq!(verified.expect(200).json()["agreed"], true);
    let peer = at.peer_at(played.host());
    assert!(
        peer["following"] == "active" && peer["error"].is_null(),
        "{peer}"
    );
}
