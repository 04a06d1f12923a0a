//! Who is refused again and again does not fill the log.

use std::thread;
use std::time::Duration;

use lotse_tests::raw::Raw;
use lotse_tests::{Database, Node, Party, wait_for};

/// Requests that are refused.
const REFUSED: usize = 20_000;
/// By how many bytes the log may grow for all of them.
const GROWTH: usize = 64 * 1024;

#[test]
fn refusals_are_counted_and_told_in_a_summary() {
    let node = Node::on(Database::Sqlite)
        .with("LOG_SUMMARY_SECONDS", "5")
        .with("METRICS_TOKEN", "a-token-for-tests")
        .start();
    let before = node.log().len();
    let asked = [
        "GET /nothing/here HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /api/v1/offers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
        "GET /api/v1/offers?limt=1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n",
        "POST /fed/v1/hints HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    ];
    thread::scope(|scope| {
        for ask in asked {
            let node = &node;
            scope.spawn(move || {
                // Sixteen at a time on one connection: the head of the answer says how many there were.
                let mut raw = Raw::connect(node);
                for _ in 0..REFUSED / asked.len() / 10 {
                    assert!(raw.send(ask.repeat(10)));
                    let answers = |bytes: &[u8]| {
                        String::from_utf8_lossy(bytes).matches("HTTP/1.1 4").count() >= 10
                    };
                    let received = raw.read(30, answers);
                    assert!(answers(&received.bytes), "{}", received.text());
                }
            });
        }
    });
    // What is no request at all is the framework's to complain about.
    for _ in 0..500 {
        let mut raw = Raw::connect(&node);
        let _ = raw.send("\0\0\0 nonsense\r\n\r\n");
        let _ = raw.read(5, |_| false);
    }
    wait_for("a summary", 20, || {
        node.log().contains("refused, counted").then_some(())
    });
    thread::sleep(Duration::from_secs(6));
    let log = node.log();
    let grown = log.len() - before;
    assert!(
        grown < GROWTH,
        "{grown} bytes of log for {REFUSED} refusals"
    );
    let counted: usize = log
        .lines()
        .filter(|line| line.contains("refused, counted") && line.contains("not_found"))
        .filter_map(|line| {
            line.split("count=")
                .nth(1)?
                .split_whitespace()
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    assert_eq!(counted, REFUSED / asked.len(), "{log}");
    let metrics = Party::with_token("a-token-for-tests")
        .get(&node, "/metrics")
        .expect(200);
    let line = format!(
        "lotse_http_refused_total{{code=\"not_found\"}} {}",
        REFUSED / asked.len()
    );
    assert!(metrics.text.contains(&line), "{}", metrics.text);
}
