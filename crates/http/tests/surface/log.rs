//! What the log says of a request, and what it never says.

use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::node::Node;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn the_log_names_routes_and_never_what_was_sent() {
    let lines = Lines::default();
    tracing_subscriber::fmt()
        .json()
        .with_writer(lines.clone())
        .with_max_level(tracing::Level::INFO)
        .init();
    let node = Node::start();
    // All of these leave a line: refused, failed, or written.
    let entry = "11111111-2222-3333-4444-55555555555z";
    let requests = [
        node.get("/hello?limit=secretsearch"),
        node.get(&format!("/entries/{entry}")),
        node.get("/secretpath/token123"),
        node.get("/signed-in").bearer_auth("secrettoken"),
        node.get("/reader")
            .header("Cookie", "lotse-session=secretcookie"),
        node.post("/notes").json(&json!({"text": "secretbody"})),
        node.get("/broken"),
    ];
    let mut ids = Vec::new();
    for request in requests {
        let answer = request.send().await.unwrap();
        ids.push(
            answer.headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned(),
        );
    }
    // An ordinary read is counted and not recorded.
    let quiet = node.get("/hello").send().await.unwrap();
    let quiet = quiet.headers()["x-request-id"].to_str().unwrap();

    // The server's own lines name its address when it starts; what counts is what a request leaves behind.
    let log = String::from_utf8(lines.0.lock().clone()).unwrap();
    let of_request = |line: &&str| !line.contains(r#""target":"actix_server"#);
    let log = log
        .lines()
        .filter(of_request)
        .collect::<Vec<_>>()
        .join("\n");
    for id in &ids {
        assert!(log.contains(id.as_str()), "{id} is missing in\n{log}");
    }
    assert!(!log.contains(quiet), "{log}");
    for secret in ["secret", entry, "token123", "127.0.0.1"] {
        assert!(!log.contains(secret), "{secret} stands in\n{log}");
    }
    for said in [
        r#""route":"/entries/{id}""#,
        r#""route":"-""#,
        r#""status":404"#,
        "the inside story",
    ] {
        assert!(log.contains(said), "{said} is missing in\n{log}");
    }
    let written = log.lines().find(|line| line.contains(ids[5].as_str()));
    let written = written.unwrap();
    for said in [r#""route":"/notes""#, r#""status":201"#, r#""bytes":21"#] {
        assert!(written.contains(said), "{said} is missing in {written}");
    }
}
