//! Bodies that unfold, lie about their length, drip, or never end: at every operation that there is.

use std::io::Write as _;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use lotse_tests::openapi::{Operation, operations};
use lotse_tests::raw::{Raw, forget_peak_memory, peak_memory};
use lotse_tests::signing::Signatory;
use lotse_tests::{Database, Node, Party, TestNode};
use reqwest::Method;
use serde_json::Value;

/// What a bomb unfolds to.
const UNFOLDED: usize = 10 * 1024 * 1024;
/// By how much memory may grow under all of an attack: less than two bombs unfold to.
const GROWTH: u64 = 20 * 1024 * 1024;

/// Operations that read a body, from the API's own document and from what nodes say to each other.
fn with_a_body() -> Vec<Operation> {
    let document: Value =
        serde_json::from_str(include_str!("../../../openapi/openapi.json")).unwrap();
    let mut found = operations(&document);
    found.retain(|operation| {
        let item = &document["paths"][&operation.path][operation.method.to_lowercase()];
        item.get("requestBody").is_some()
    });
    found.extend(["/fed/v1/hints", "/fed/v1/follows"].map(|path| Operation {
        path: path.to_owned(),
        method: "POST".to_owned(),
    }));
    found
}

/// The path with something in place of each parameter that has its form.
fn filled(path: &str) -> String {
    let id = "019ab3c2-5c00-7a11-8f3e-6b0f2d9c4e10";
    path.split('/')
        .map(|segment| match segment {
            "{host}" => "peer.example.org",
            "{external_id}" => "one",
            "{criterion}" => "1.1",
            "{step}" => "submit",
            other if other.starts_with('{') => id,
            other => other,
        })
        .collect::<Vec<_>>()
        .join("/")
}

fn media_type(path: &str) -> &'static str {
    match path {
        "/api/v1/batch" => "application/x-ndjson",
        "/api/v1/token" => "application/x-www-form-urlencoded",
        path if path.ends_with("/import") => "text/csv",
        _ => "application/json",
    }
}

/// A peer at which nobody listens.
const PEER: &str = "https://localhost:9";

/// Makes [`PEER`] a peer of the node. Of nodes that it knows it reads the most.
fn approve_peer(node: &TestNode) {
    let peer = Signatory::stranger(PEER);
    let _ = peer.follow(node).expect(202);
    let fingerprint = peer.fingerprint();
    let approval = [
        "peer",
        "approve",
        "localhost:9",
        "--fingerprint",
        &fingerprint,
    ];
    let _ = node.ask(&approval);
}

/// The headers of a signature (RFC 9421) in the name of a peer and by nobody in particular, so that a body is read for it.
fn signature(node: &TestNode) -> Vec<(String, String)> {
    let stranger = Signatory::stranger(PEER);
    let message = serde_json::json!({});
    let request = stranger.request(node, Method::POST, "/fed/v1/hints", Some(&message));
    let headers = request.build().unwrap().headers().clone();
    ["signature-input", "signature", "content-digest"]
        .map(|name| (name.to_owned(), headers[name].to_str().unwrap().to_owned()))
        .to_vec()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Each way to fold a body, as the lines of `Content-Encoding` that say so.
fn bombs() -> Vec<(Vec<&'static str>, Vec<u8>)> {
    let zeros = vec![b' '; UNFOLDED];
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::best());
    deflate.write_all(&zeros).unwrap();
    let gzipped = gzip(&zeros);
    vec![
        (vec!["gzip"], gzipped.clone()),
        (vec!["x-gzip"], gzipped.clone()),
        (vec!["GZIP"], gzipped.clone()),
        (vec!["identity, gzip"], gzipped.clone()),
        (vec!["identity", "gzip"], gzipped.clone()),
        (vec!["gzip, gzip"], gzip(&gzipped)),
        (vec!["deflate"], deflate.finish().unwrap()),
        (vec!["br"], brotli(UNFOLDED)),
        (vec!["zstd"], gzipped),
    ]
}

/// So many zeros as Brotli (RFC 7932), at a quality that makes it small.
fn brotli(length: usize) -> Vec<u8> {
    let mut folded = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut folded, 4096, 5, 22);
    encoder.write_all(&vec![b' '; length]).unwrap();
    drop(encoder);
    folded
}

fn node() -> TestNode {
    Node::on(Database::Sqlite)
        .with("BODY_SECONDS", "1")
        .with("HEAD_SECONDS", "1")
        .with("LONG_REQUEST_SECONDS", "3")
        .start()
}

#[test]
fn no_operation_unfolds_a_body() {
    let node = node();
    approve_peer(&node);
    let (anonymous, admin) = (
        Party::anonymous(),
        node.account("admin@example.org", "node_admin"),
    );
    let bombs = bombs();
    forget_peak_memory(&node);
    let before = peak_memory(&node);
    let mut wrong = Vec::new();
    for operation in with_a_body() {
        for (codings, bomb) in &bombs {
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            let path = filled(&operation.path);
            for (who, party) in [("anonymous", &anonymous), ("admin", &admin)] {
                let mut request = party
                    .request(&node, method.clone(), &path)
                    .header("Content-Type", media_type(&operation.path))
                    .body(bomb.clone());
                for coding in codings {
                    request = request.header("Content-Encoding", *coding);
                }
                if path.starts_with("/fed/") {
                    for (name, value) in signature(&node) {
                        request = request.header(name, value);
                    }
                }
                let status = request.send().unwrap().status().as_u16();
                let right = match who {
                    "anonymous" => [415, 401].contains(&status),
                    _ => status == 415,
                };
                // The token endpoint answers as RFC 6749 says (section 5.2).
                let token = operation.path == "/api/v1/token" && status == 400;
                // The tokens of an invitation and of a claim are no account's.
                let other_token = operation.path.contains("review-invitation")
                    || operation.path.ends_with("/claim");
                let invited = other_token && status == 401;
                if !right && !token && !invited {
                    wrong.push(format!(
                        "{} {path} as {who} with {codings:?}: {status}",
                        operation.method
                    ));
                }
            }
        }
    }
    let grown = peak_memory(&node).saturating_sub(before);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(grown < GROWTH, "{grown} bytes for bombs that are refused");
}

fn head(node: &TestNode, method: &str, path: &str, further: &str) -> String {
    let signed: String = signature(node)
        .into_iter()
        .filter(|_| path.starts_with("/fed/"))
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\n{signed}{further}\r\n",
        node.address(),
        media_type(path),
    )
}

#[test]
fn nothing_is_read_of_whom_the_head_alone_refuses() {
    let node = node();
    let document: Value =
        serde_json::from_str(include_str!("../../../openapi/openapi.json")).unwrap();
    let mut refused = 0;
    for operation in with_a_body() {
        let item = &document["paths"][&operation.path][operation.method.to_lowercase()];
        let anonymous = item["security"].as_array().is_none_or(Vec::is_empty);
        let path = filled(&operation.path);
        if anonymous && !path.starts_with("/fed/") {
            continue;
        }
        // The body is announced, and never comes; the limit on its time is longer than what is waited for here.
        let head = head(&node, &operation.method, &path, "Content-Length: 1000\r\n");
        let unsigned: Vec<&str> = head
            .split("\r\n")
            .filter(|line| !line.starts_with("signature") && !line.starts_with("content-digest"))
            .collect();
        let begun = Instant::now();
        let mut raw = Raw::connect(&node);
        assert!(raw.send(unsigned.join("\r\n")));
        let status = raw.status(10);
        assert_eq!(status, Some(401), "{} {path}", operation.method);
        assert!(
            begun.elapsed() < Duration::from_millis(950),
            "{path} waited for the body"
        );
        assert!(raw.is_closed_within(10), "{path}");
        refused += 1;
    }
    assert!(refused > 30, "{refused}");
}

/// What drips in, byte by byte, until the node has had enough.
fn drip(node: &TestNode, head: &str) -> (Option<u16>, bool) {
    let mut raw = Raw::connect(node);
    assert!(raw.send(head));
    for _ in 0..100 {
        if !raw.send(" ") {
            break;
        }
        let received = raw.read(0, |_| false);
        if let Some(status) = received.status() {
            // It need not be taken up to the end: what matters is that it ends.
            let closed = received.closed
                || (0..100).any(|_| {
                    thread::sleep(Duration::from_millis(100));
                    !raw.send("1\r\n \r\n")
                });
            return (Some(status), closed);
        }
        thread::sleep(Duration::from_millis(100));
    }
    (None, false)
}

#[test]
fn a_body_that_drips_is_ended_wherever_it_is_read() {
    let node = node();
    approve_peer(&node);
    let answers: Vec<(String, Option<u16>, bool)> = thread::scope(|scope| {
        let drips: Vec<_> = [
            ("POST", "/api/v1/token"),
            ("POST", "/api/v1/sessions"),
            ("POST", "/api/v1/registrations"),
            ("POST", "/api/v1/corrections"),
            ("POST", "/api/v1/password-resets"),
            ("POST", "/fed/v1/hints"),
            ("POST", "/fed/v1/follows"),
        ]
        .map(|(method, path)| {
            let head = head(&node, method, path, "Content-Length: 1000\r\n");
            let node = &node;
            scope.spawn(move || {
                let (status, closed) = drip(node, &head);
                (path.to_owned(), status, closed)
            })
        })
        .into_iter()
        .collect();
        drips.into_iter().map(|drip| drip.join().unwrap()).collect()
    });
    for (path, status, closed) in answers {
        let expected = if path == "/api/v1/token" { 400 } else { 408 };
        assert_eq!(status, Some(expected), "{path}");
        assert!(closed, "{path} stays open");
    }
}

/// Sends pieces of a chunked body until the node closes the connection; how many bytes that were.
fn endless(node: &TestNode, head: &str) -> Option<usize> {
    let mut raw = Raw::connect(node);
    assert!(raw.send(head));
    let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let begun = Instant::now();
    let mut sent = 0;
    while begun.elapsed() < Duration::from_secs(20) {
        if !raw.send(&piece) {
            return Some(sent);
        }
        sent += piece.len();
        let _ = raw.read(0, |_| false);
    }
    None
}

#[test]
fn a_body_without_end_is_ended_whether_or_not_anybody_reads_it() {
    let node = node();
    approve_peer(&node);
    let admin = node.account("admin@example.org", "node_admin");
    let cookie = admin.request(&node, Method::GET, "/").build().unwrap();
    let signed_in = format!(
        "Cookie: {}\r\nOrigin: {}\r\n",
        cookie.headers()["cookie"].to_str().unwrap(),
        node.base_url()
    );
    let chunked = "Transfer-Encoding: chunked\r\n";
    forget_peak_memory(&node);
    let before = peak_memory(&node);
    for (method, path, further) in [
        ("GET", "/api/v1/offers", ""),
        ("GET", "/nothing/here", ""),
        ("POST", "/api/v1/offers/here", ""),
        ("POST", "/api/v1/offers", ""),
        ("POST", "/api/v1/offers", &signed_in),
        ("POST", "/api/v1/batch", &signed_in),
        ("POST", "/api/v1/token", ""),
        ("POST", "/api/v1/corrections", ""),
        ("POST", "/fed/v1/follows", ""),
        (
            "OPTIONS",
            "/api/v1/offers",
            "Access-Control-Request-Method: GET\r\n",
        ),
    ] {
        let head = head(&node, method, path, &format!("{further}{chunked}"));
        let sent = endless(&node, &head);
        assert!(sent.is_some(), "{method} {path} reads on and on");
        let well = node.get("/health/live").send().unwrap();
        assert!(well.status().is_success());
    }
    let grown = peak_memory(&node).saturating_sub(before);
    assert!(grown < GROWTH, "{grown}");
}

#[test]
fn what_drips_after_an_answer_does_not_keep_a_connection() {
    let node = node();
    // The head of the next request, begun with the last and never ended; and one that begins later.
    for (name, rest) in [("at once", "GET /he"), ("later", "")] {
        let mut raw = Raw::connect(&node);
        let ask = format!(
            "GET /health/live HTTP/1.1\r\nHost: {}\r\n\r\n{rest}",
            node.address()
        );
        assert!(raw.send(ask));
        assert_eq!(raw.status(10), Some(200));
        if name == "later" {
            assert!(raw.send("GET /he"));
        }
        let ended = (0..150).any(|_| {
            thread::sleep(Duration::from_millis(100));
            !raw.send("a")
        });
        assert!(ended, "{name}");
    }
}

#[test]
fn a_length_that_lies_gains_nothing() {
    let node = node();
    let too_long = head(
        &node,
        "POST",
        "/api/v1/corrections",
        "Content-Length: 99999999999\r\n",
    );
    let mut raw = Raw::connect(&node);
    assert!(raw.send(too_long));
    assert_eq!(raw.status(10), Some(413));
    // What follows a body that is shorter than the rest is the next request, and none.
    let too_short = head(
        &node,
        "POST",
        "/api/v1/corrections",
        "Content-Length: 2\r\n",
    );
    let mut raw = Raw::connect(&node);
    assert!(raw.send(format!("{too_short}{{}}{{\"more\": 1}}\r\n\r\n")));
    let received = raw.read(10, |_| false);
    assert_eq!(received.status(), Some(400));
    assert!(received.closed);
    for further in [
        "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
    ] {
        let mut raw = Raw::connect(&node);
        assert!(raw.send(head(&node, "POST", "/api/v1/corrections", further) + "{}"));
        let status = raw.status(10);
        assert!(
            status.is_none_or(|status| (400..=501).contains(&status)),
            "{further}: {status:?}"
        );
    }
}

#[test]
fn bodies_share_bounded_memory() {
    let node = Node::on(Database::Sqlite).with("BODY_SECONDS", "6").start();
    approve_peer(&node);
    let admin = node.account("admin@example.org", "node_admin");
    forget_peak_memory(&node);
    let before = peak_memory(&node);
    let size = 1000 * 1000;
    // Each as large as it may be, all but the last bytes at once.
    let mut senders: Vec<Raw> = Vec::new();
    for _ in 0..60 {
        let mut raw = Raw::connect(&node);
        let head = head(
            &node,
            "POST",
            "/fed/v1/follows",
            &format!("Content-Length: {size}\r\n"),
        );
        assert!(raw.send(head));
        let _ = raw.send(" ".repeat(size - 10));
        senders.push(raw);
    }
    let statuses: Vec<Option<u16>> = senders.iter_mut().map(|raw| raw.status(1)).collect();
    assert!(statuses.contains(&Some(503)), "{statuses:?}");
    let listed = admin.get(&node, "/api/v1/offers").expect(200);
    assert!(listed.json()["items"].is_array());
    let grown = peak_memory(&node).saturating_sub(before);
    assert!(
        grown < 64 * 1024 * 1024,
        "{grown} bytes for 60 bodies of one client"
    );
    drop(senders);
}

#[test]
fn a_batch_that_drips_or_pauses_is_ended() {
    let node = node();
    let admin = node.account("admin@example.org", "node_admin");
    let cookie = admin.request(&node, Method::GET, "/").build().unwrap();
    let further = format!(
        "Cookie: {}\r\nOrigin: {}\r\nTransfer-Encoding: chunked\r\n",
        cookie.headers()["cookie"].to_str().unwrap(),
        node.base_url()
    );
    let head = head(&node, "POST", "/api/v1/batch", &further);
    // Silent after a line; and one blank every now and then, which is never a pause but never ends.
    for pause in [Duration::from_secs(30), Duration::from_millis(300)] {
        let mut raw = Raw::connect(&node);
        assert!(raw.send(format!("{head}3\r\n{{}}\n\r\n")));
        let begun = Instant::now();
        let mut said = String::new();
        while begun.elapsed() < Duration::from_secs(20) && !said.contains("body_too_slow") {
            let received = raw.read(pause.as_secs().min(1), |bytes| !bytes.is_empty());
            said += &received.text();
            if pause < Duration::from_secs(1) {
                thread::sleep(pause);
                let _ = raw.send("1\r\n\n\r\n");
            }
        }
        assert!(said.contains("body_too_slow"), "{pause:?}: {said}");
        let ended = (0..100).any(|_| {
            thread::sleep(Duration::from_millis(100));
            !raw.send("1\r\n\n\r\n")
        });
        assert!(ended, "{pause:?}");
    }
}

#[test]
fn large_heads_share_bounded_memory() {
    let node = Node::on(Database::Sqlite).with("HEAD_SECONDS", "5").start();
    forget_peak_memory(&node);
    let before = peak_memory(&node);
    let head = format!(
        "GET /health/live HTTP/1.1\r\nHost: {}\r\n{}",
        node.address(),
        format!("X-Filler: {}\r\n", "a".repeat(1_000)).repeat(60)
    );
    // Sixty kilobytes each, without an end.
    let mut senders: Vec<Raw> = (0..250).map(|_| Raw::connect(&node)).collect();
    let kept = senders.iter_mut().filter_map(|raw| {
        let _ = raw.send(&head);
        (!raw.read(0, |_| false).closed).then_some(())
    });
    let kept = kept.count();
    assert!((20..150).contains(&kept), "{kept} heads are kept");
    let mut other = Raw::from(&node, Ipv4Addr::new(127, 0, 0, 9));
    let ask = head.replace(
        "GET /health/live HTTP/1.1\r\n",
        "GET /health/live HTTP/1.1\r\nA: b\r\n",
    );
    assert!(other.send(format!("{ask}\r\n")));
    assert_eq!(other.status(10), Some(200), "another client has room");
    let grown = peak_memory(&node).saturating_sub(before);
    assert!(grown < GROWTH, "{grown}");
    drop(senders);
}
