//! Who may do what about peers.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Expected, Row, row, with_status};

/// Node admins may; nobody else.
const NODE_ADMINS: Expected = [401, 403, 403, 403, 403, 200];

/// Peers: none of those asked for is there, so that whoever may ask hears just that.
pub(super) fn rows() -> Vec<Row> {
    let nobody = "lotse.example.org";
    let node = json!({"base_url": "https://lotse.example.org"});
    let missing = with_status(NODE_ADMINS, 404);
    let asked = |method: &str, path: &str, expected: Expected, body: Value| {
        let (verb, there) = (method.to_owned(), path.replace("{host}", nobody));
        row(method, path, expected, move |world, party| {
            let verb = Method::from_bytes(verb.as_bytes()).unwrap();
            party.send(&world.node, verb, &format!("/api/v1/{there}"), &body)
        })
    };
    let mut rows = vec![
        asked("GET", "node/identity", NODE_ADMINS, Value::Null),
        asked("GET", "peers", NODE_ADMINS, Value::Null),
        // Without a switch for trying out, plain http goes to nobody.
        asked(
            "POST",
            "peers",
            with_status(NODE_ADMINS, 502),
            json!({"base_url": "http://lotse.example.org"}),
        ),
        asked("GET", "peers/{host}", missing, Value::Null),
        asked("PUT", "peers/{host}/policy", missing, json!({})),
        asked("GET", "denials", NODE_ADMINS, Value::Null),
        asked("POST", "denials", NODE_ADMINS, node.clone()),
        asked("DELETE", "denials", NODE_ADMINS, node),
    ];
    rows.extend(
        ["approve", "reject", "pause", "resume", "sync", "verify"].map(|what| {
            asked(
                "POST",
                &format!("peers/{{host}}/{what}"),
                missing,
                json!({}),
            )
        }),
    );
    rows
}
