//! What is asked, and heads that are broken, endless or point elsewhere.

use std::time::Duration;

use lotse_federation::outbound::{Limits, OutboundError};
use reqwest::header::{ACCEPT, HOST, HeaderValue, USER_AGENT};

use crate::server::{LIMITS, Peer, QUICK, answer, lax};

/// More than any buffer of the system and the client holds together, and far less than an endless answer.
const BUFFERS: usize = 16 * 1024 * 1024;

#[tokio::test]
async fn an_answer_comes_with_status_fields_and_body() {
    let peer = Peer::saying(answer("200 OK", "Lotse-Test: yes\r\n", b"hello"));
    let answer = peer.get().await.unwrap();
    assert_eq!((answer.status, answer.is_success()), (200, true));
    assert_eq!(answer.headers["lotse-test"], "yes");
    assert_eq!(answer.body.as_ref(), b"hello");
}

#[tokio::test]
async fn a_request_says_who_asks_and_nothing_more() {
    let peer = Peer::saying(answer("200 OK", "Set-Cookie: a=b\r\n", b""));
    let client = lax();
    for _ in 0..2 {
        let fields = [(ACCEPT, HeaderValue::from_static("application/json"))];
        client
            .get(&peer.base, "/a?b=c", &fields, &LIMITS)
            .await
            .unwrap();
    }
    let requests = peer.requests.lock().unwrap().join("").to_lowercase();
    let mut lines: Vec<&str> = requests.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.dedup();
    let agent = concat!("user-agent: lotse/", env!("CARGO_PKG_VERSION"));
    let host = format!("host: {}", peer.base.host());
    let mut expected = [
        "accept-encoding: gzip",
        "accept: application/json",
        "get /a?b=c http/1.1",
        &host,
        agent,
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_post_carries_its_body_and_length() {
    let peer = Peer::saying(answer("202 Accepted", "", b""));
    let sent = lax()
        .post(&peer.base, "/hints", &[], b"{}".to_vec(), &LIMITS)
        .await;
    assert_eq!(sent.unwrap().status, 202);
    let request = peer.requests.lock().unwrap().join("").to_lowercase();
    assert!(
        request.starts_with("post /hints http/1.1\r\n") && request.ends_with("\r\n\r\n{}"),
        "{request}"
    );
    assert!(request.contains("content-length: 2\r\n"), "{request}");
}

#[tokio::test]
async fn fields_about_the_message_itself_are_not_the_callers_to_set() {
    let peer = Peer::saying(answer("200 OK", "", b""));
    for name in [HOST, USER_AGENT] {
        let fields = [(name.clone(), HeaderValue::from_static("other"))];
        let error = lax()
            .get(&peer.base, "/", &fields, &LIMITS)
            .await
            .unwrap_err();
        assert_eq!(
            error,
            OutboundError::UnusableHeader {
                name: name.to_string()
            }
        );
    }
    assert!(peer.requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn no_redirect_is_followed_wherever_it_leads() {
    for to in [
        "/x",
        "http://169.254.169.254/latest/meta-data/",
        "//[::1]/",
        "https://a.example/",
        "\u{7f}",
    ] {
        for status in [
            "301 Moved",
            "302 Found",
            "303 See Other",
            "307 Temporary",
            "308 Permanent",
        ] {
            let peer = Peer::saying(answer(status, &format!("Location: {to}\r\n"), b""));
            assert!(
                matches!(peer.code().await, "redirect" | "protocol"),
                "{status} {to}"
            );
            assert_eq!(peer.requests.lock().unwrap().len(), 1);
        }
    }
    for status in ["300 Choices", "304 Not Modified", "399 What"] {
        assert_eq!(
            Peer::saying(answer(status, "", b"")).code().await,
            "redirect"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_told_with_its_status_and_the_beginning_of_its_goal() {
    let far = "a".repeat(10_000);
    let peer = Peer::saying(answer(
        "302 Found",
        &format!("Location: http://b.example/\u{e4}{far}\r\n"),
        b"",
    ));
    let error = peer.get().await.unwrap_err();
    assert!(
        matches!(&error, OutboundError::Redirect { status: 302, to } if to.len() == 200),
        "{error}"
    );
    assert!(!error.public().contains("b.example") && !error.is_temporary());
}

#[tokio::test]
async fn an_endless_head_is_ended() {
    for line in [
        "X-A: b\r\n".to_owned(),
        "a".repeat(1024),
        format!("X-A: {}\r\n", "b".repeat(60_000)),
    ] {
        let peer = Peer::new(move |it| {
            it.send("HTTP/1.1 200 OK\r\n");
            it.forever(&line, Duration::ZERO);
        });
        assert_eq!(peer.code().await, "protocol");
        assert!(peer.sent() < BUFFERS, "{}", peer.sent());
    }
}

#[tokio::test]
async fn a_head_that_drips_is_ended() {
    let peer = Peer::new(|it| {
        it.send("HTTP/1.1 200 OK\r\nX-A: ");
        it.forever("b", Duration::from_millis(10));
    });
    assert_eq!(peer.quick_code().await, "timed_out");
}

#[tokio::test]
async fn endless_interim_answers_are_ended() {
    let peer =
        Peer::new(|it| it.forever("HTTP/1.1 100 Continue\r\n\r\n", Duration::from_millis(1)));
    assert_eq!(peer.quick_code().await, "timed_out");
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_or_within_the_head_is_told_as_closed() {
    assert_eq!(Peer::saying("").code().await, "closed");
    assert_eq!(
        Peer::saying("HTTP/1.1 200 OK\r\nContent-Le").code().await,
        "closed"
    );
}

#[tokio::test]
async fn what_is_not_http_is_told_as_such() {
    for bytes in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
    ] {
        assert_eq!(Peer::saying(bytes).code().await, "protocol", "{bytes}");
    }
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n";
    assert_eq!(Peer::saying(switch).code().await, "protocol");
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_given_up() {
    let peer = Peer::new(|it| it.hold());
    let error = peer.get_within(&QUICK).await.unwrap_err();
    assert_eq!(error, OutboundError::TimedOut(QUICK.total));
    assert!(error.is_temporary());
}

#[tokio::test]
async fn other_statuses_are_answers_whose_bodies_are_cut() {
    let page = vec![b'x'; 300_000];
    for status in ["404 Not Found", "503 Unavailable"] {
        let cut = Peer::saying(answer(status, "", &page)).get().await.unwrap();
        assert_eq!(
            (cut.is_success(), cut.body.len()),
            (false, 16 * 1024),
            "{status}"
        );
        let whole = Peer::saying(answer(status, "", b"{}")).get().await.unwrap();
        assert_eq!(whole.body.as_ref(), b"{}");
    }
    let tight = Limits {
        decoded: 10,
        ..LIMITS
    };
    let cut = Peer::saying(answer("404 Not Found", "", &page))
        .get_within(&tight)
        .await
        .unwrap();
    assert_eq!(cut.body.len(), 10);
}

#[tokio::test]
async fn an_endless_refusal_is_cut_as_well() {
    let peer = Peer::new(|it| {
        it.send("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n");
        it.forever(format!("1000\r\n{}\r\n", "x".repeat(4096)), Duration::ZERO);
    });
    assert_eq!(peer.get().await.unwrap().body.len(), 16 * 1024);
    assert!(peer.sent() < BUFFERS, "{}", peer.sent());
}
