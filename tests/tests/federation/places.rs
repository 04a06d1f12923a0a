//! Who reads feeds has a part of the room for that: however much somebody takes of it, some is left for others.

use std::{net::IpAddr, thread, time::Duration};

use lotse_tests::{
    Answer, Database, TestNode, World,
    database::{feed_of, tamper},
    federation::federated,
    on_both,
    signing::Signatory,
    wait_for,
};
use reqwest::{
    Method,
    blocking::{Client, RequestBuilder},
};

on_both!(
    a_full_room_of_feed_readers_is_said_and_one_place_is_left_for_each_other_address,
    a_peer_that_takes_all_it_can_from_many_addresses_leaves_a_page_for_an_honest_one,
);

/// A node of whose first page one row is gone: whoever asks for that page waits for a while, and keeps a place meanwhile.
fn with_a_page_that_waits(database: Database) -> World {
    let mut a = World::on(federated(database));
    let id = a.create("offer");
    wait_for("it is told", 20, || {
        let page = Answer::of(a.node.get("/fed/v1/feeds/public/changes"));
        page.text.contains(&id).then_some(())
    });
    a.node.stop();
    let base_url = a.node.base_url();
    for feed in ["public", "network"] {
        let feed = feed_of(&base_url, feed);
        let gone =
            format!("update statement set body = null where entry = '{id}' and feed = {feed}");
        assert_eq!(tamper(&a.node, &gone), 1);
    }
    a.node.restart();
    a
}

/// Sends a request from an address of this machine.
fn send_from(address: [u8; 4], request: RequestBuilder) -> Answer {
    let client = Client::builder()
        .local_address(IpAddr::from(address))
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .unwrap();
    let request = request.build().unwrap();
    Answer::of(RequestBuilder::from_parts(client, request))
}

/// The codes with which many requests for the page that waits end, each from its address, and what `meanwhile` says while they wait.
fn many<T: Send>(
    addresses: &[[u8; 4]],
    request: impl Fn() -> RequestBuilder,
    meanwhile: impl FnOnce() -> T,
) -> (Vec<String>, T) {
    thread::scope(|scope| {
        let asked: Vec<_> = addresses
            .iter()
            .map(|address| {
                let (address, request) = (*address, request());
                scope.spawn(move || send_from(address, request).expect(503))
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        let said = meanwhile();
        let ended = asked.into_iter().map(|asked| asked.join().unwrap());
        let mut codes: Vec<String> = ended
            .map(|answer| {
                assert!(!answer.header("retry-after").is_empty());
                answer.problem()
            })
            .collect();
        codes.sort_unstable();
        (codes, said)
    })
}

/// A page of the last number, which holds no row.
fn last_page(node: &TestNode, feed: &str) -> String {
    format!("/fed/v1/feeds/{feed}/changes?since={}", seq(node))
}

fn seq(node: &TestNode) -> u64 {
    let head = Answer::of(node.get("/fed/v1/feeds/public/head")).expect(200);
    head.json()["seq"].as_u64().unwrap()
}

fn a_full_room_of_feed_readers_is_said_and_one_place_is_left_for_each_other_address(
    database: Database,
) {
    let a = with_a_page_that_waits(database);
    let page = || a.node.get("/fed/v1/feeds/public/changes");
    // Three for one address, and a third of the six for those who hold none.
    let greedy = [[[127, 0, 0, 2]; 4], [[127, 0, 0, 3]; 4]].concat();
    let last = last_page(&a.node, "public");
    let (codes, honest) = many(&greedy, page, || {
        send_from([127, 0, 0, 4], a.node.get(&last))
    });
    assert!(honest.expect(200).text.contains("lotse:Page"));
    let busy = codes.iter().filter(|code| *code == "busy").count();
    assert_eq!((busy, codes.len()), (4, 8), "{codes:?}");
    // All six: whoever comes next is told when to come again.
    let all: Vec<[u8; 4]> = (2..8).map(|last| [127, 0, 0, last]).collect();
    let (codes, late) = many(&all, page, || send_from([127, 0, 0, 9], a.node.get(&last)));
    let late = late.expect(503);
    assert_eq!(late.problem(), "busy");
    assert!(!late.header("retry-after").is_empty());
    assert!(codes.iter().all(|code| code == "unavailable"), "{codes:?}");
    // Afterwards everything is as ever.
    let _ = Answer::of(a.node.get(&last)).expect(200);
}

fn a_peer_that_takes_all_it_can_from_many_addresses_leaves_a_page_for_an_honest_one(
    database: Database,
) {
    let a = with_a_page_that_waits(database);
    let approved = |port: u16| {
        let peer = Signatory::stranger(&format!("http://localhost:{port}"));
        let _ = peer.follow(&a.node).expect(202);
        let (host, fingerprint) = (format!("localhost:{port}"), peer.fingerprint());
        let _ = a
            .node
            .ask(&["peer", "approve", &host, "--fingerprint", &fingerprint]);
        peer
    };
    let (greedy, honest) = (approved(9), approved(7));
    let page = "/fed/v1/feeds/network/changes";
    let last = last_page(&a.node, "network");
    let addresses: Vec<[u8; 4]> = (2..14).map(|last| [127, 0, 0, last]).collect();
    let (codes, answer) = many(
        &addresses,
        || greedy.request(&a.node, Method::GET, page, None),
        // From where the other one asks, too.
        || {
            send_from(
                [127, 0, 0, 2],
                honest.request(&a.node, Method::GET, &last, None),
            )
        },
    );
    assert!(answer.expect(200).text.contains("lotse:Page"));
    let busy = codes.iter().filter(|code| *code == "busy").count();
    assert_eq!((busy, codes.len()), (9, 12), "{codes:?}");
}
