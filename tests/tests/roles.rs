//! Who may do what: every operation of the API document, for every role.
//!
//! The table below is the whole truth. An operation that stands in the document but not in the table fails the test, and
//! so does a line without an operation: whoever adds an operation says who may use it.

mod federation;
mod quality;

use std::collections::BTreeMap;

use lotse_tests::{
    Answer, Database, Node, Party,
    openapi::{Operation, operations},
    world::{ClientKey, KINDS, PASSWORD, World, add_client, collection, member_of},
};
use reqwest::Method;
use serde_json::{Value, json};

/// The statuses for: anonymous, a program of another organisation, one of the owner, an admin of the owner, a
/// coordinator, a node admin.
type Expected = [u16; 6];

/// How an operation is tried as somebody. Makes what it needs, so that one try does not disturb the next.
type Try = Box<dyn Fn(&World, &Party) -> Answer>;

struct Row {
    operation: Operation,
    expected: Expected,
    attempt: Try,
}

fn row(
    method: &str,
    path: &str,
    expected: Expected,
    attempt: impl Fn(&World, &Party) -> Answer + 'static,
) -> Row {
    let operation = Operation {
        method: method.to_owned(),
        path: format!("/api/v1/{path}"),
    };
    Row {
        operation,
        expected,
        attempt: Box::new(attempt),
    }
}

/// Everybody may.
const ALL: Expected = [200; 6];
/// Coordinators and node admins may; others who are signed in may not.
const COORDINATORS: Expected = [401, 403, 403, 403, 200, 200];

fn with_status(expected: Expected, status: u16) -> Expected {
    expected.map(|code| if code == 200 { status } else { code })
}

#[test]
fn every_operation_answers_every_role_as_the_table_says() {
    let world = World::on(Node::on(Database::Sqlite));
    let document = world
        .anonymous
        .get(&world.node, "/openapi.json")
        .expect(200)
        .json();
    let mut listed: Vec<_> = operations(&document);
    let mut table: Vec<Row> = KINDS.iter().flat_map(|kind| rows_of_kind(kind)).collect();
    table.extend(rows_of_partners());
    table.extend(rows_of_the_rest());
    table.extend(federation::rows());
    table.extend(quality::rows());

    let mut known: Vec<_> = table.iter().map(|row| row.operation.clone()).collect();
    known.sort();
    listed.sort();
    let missing: Vec<_> = listed
        .iter()
        .filter(|operation| !known.contains(operation))
        .collect();
    let obsolete: Vec<_> = known
        .iter()
        .filter(|operation| !listed.contains(operation))
        .collect();
    assert!(
        missing.is_empty() && obsolete.is_empty(),
        "without a line: {missing:#?}\nwithout an operation: {obsolete:#?}"
    );

    let parties = [
        "anonymous",
        "stranger",
        "editor",
        "org_admin",
        "coordinator",
        "node_admin",
    ];
    let mut wrong = BTreeMap::new();
    for row in &table {
        for (index, name) in parties.iter().enumerate() {
            let answer = (row.attempt)(&world, party(&world, index));
            if answer.status != row.expected[index] {
                let place = format!("{} {} as {name}", row.operation.method, row.operation.path);
                wrong.insert(
                    place,
                    format!(
                        "expected {}, got {} {}",
                        row.expected[index], answer.status, answer.text
                    ),
                );
            } else if answer.status >= 400 && !row.operation.path.ends_with("/token") {
                let _ = answer.problem();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn party(world: &World, index: usize) -> &Party {
    match index {
        0 => &world.anonymous,
        1 => &world.stranger,
        2 => &world.editor,
        3 => &world.org_admin,
        4 => &world.coordinator,
        _ => &world.node_admin,
    }
}

/// The operations that all kinds share, with what differs between kinds.
fn rows_of_kind(kind: &'static str) -> Vec<Row> {
    let base = collection(kind);
    let internal = kind == "self-assessment" || kind == "assessment-review";
    let standard = kind == "quality-standard";
    let organisation = kind == "organisation";
    // What a stranger may not even know of is not there for them.
    let stranger = if internal { 404 } else { 403 };
    let own: Expected = [401, stranger, 200, 200, 200, 200];
    let write = if standard { COORDINATORS } else { own };
    let create = if standard || organisation {
        COORDINATORS
    } else {
        [401, 403, 200, 200, 200, 200]
    };
    let delete = if organisation { COORDINATORS } else { own };
    let purge = if organisation {
        COORDINATORS
    } else {
        [401, stranger, 403, 200, 200, 200]
    };
    let read = if internal {
        [404, 404, 200, 200, 200, 200]
    } else {
        ALL
    };
    let hand_over = [401, stranger, 403, 403, 200, 200];
    let path = move |world: &World| format!("/api/v1/{}/{}", collection(kind), world.create(kind));

    vec![
        row("GET", &base, ALL, move |world, party| {
            party.get(&world.node, &format!("/api/v1/{}", collection(kind)))
        }),
        row(
            "POST",
            &base,
            with_status(create, 201),
            move |world, party| {
                party.post(
                    &world.node,
                    &format!("/api/v1/{}", collection(kind)),
                    &world.draft(kind),
                )
            },
        ),
        row(
            "GET",
            &format!("{base}/{{id}}"),
            read,
            move |world, party| party.get(&world.node, &path(world)),
        ),
        row(
            "PUT",
            &format!("{base}/{{id}}"),
            write,
            move |world, party| {
                let path = path(world);
                let etag = world.etag(&path);
                let mut draft = world.draft(kind);
                draft["owner"] = json!(world.organisation);
                Answer::of(
                    party
                        .request(&world.node, Method::PUT, &path)
                        .header("If-Match", etag)
                        .json(&draft),
                )
            },
        ),
        row(
            "PATCH",
            &format!("{base}/{{id}}"),
            write,
            move |world, party| {
                party.send(
                    &world.node,
                    Method::PATCH,
                    &path(world),
                    &json!({"status": "paused"}),
                )
            },
        ),
        row(
            "DELETE",
            &format!("{base}/{{id}}"),
            with_status(delete, 204),
            move |world, party| party.delete(&world.node, &path(world)),
        ),
        row(
            "GET",
            &format!("{base}/{{id}}/history"),
            own,
            move |world, party| party.get(&world.node, &format!("{}/history", path(world))),
        ),
        row(
            "POST",
            &format!("{base}/{{id}}/purge"),
            with_status(purge, 204),
            move |world, party| {
                Answer::of(party.request(
                    &world.node,
                    Method::POST,
                    &format!("{}/purge", path(world)),
                ))
            },
        ),
        row(
            "PUT",
            &format!("{base}/{{id}}/owner"),
            hand_over,
            move |world, party| {
                let owner = json!({"owner": world.other_organisation});
                party.send(
                    &world.node,
                    Method::PUT,
                    &format!("{}/owner", path(world)),
                    &owner,
                )
            },
        ),
        row(
            "PUT",
            &format!("{base}/by-external-id/{{external_id}}"),
            with_status(create, if kind == "organisation" { 200 } else { 201 }),
            move |world, party| {
                let key = uuid::Uuid::new_v4();
                let path = format!("/api/v1/{}/by-external-id/{key}", collection(kind));
                let mut draft = world.draft(kind);
                // An organisation owns itself: by its key only one that is there can be written, naming its id.
                if kind == "organisation" {
                    draft["external_id"] = json!(key);
                    let written =
                        world
                            .coordinator
                            .post(&world.node, "/api/v1/organisations", &draft);
                    draft["owner"] = written.expect(201).json()["id"].clone();
                    draft["status"] = json!("paused");
                }
                party.send(&world.node, Method::PUT, &path, &draft)
            },
        ),
    ]
}

/// Registration, members, clients, passwords, sessions.
fn rows_of_partners() -> Vec<Row> {
    let admins: Expected = [401, 403, 403, 200, 200, 200];
    let members = |world: &World| format!("/api/v1/organisations/{}/members", world.organisation);
    let clients = |world: &World| format!("/api/v1/organisations/{}/clients", world.organisation);
    vec![
        row("POST", "registrations", [201; 6], |world, party| {
            party.post(&world.node, "/api/v1/registrations", &registration())
        }),
        row("GET", "registrations", COORDINATORS, |world, party| {
            party.get(&world.node, "/api/v1/registrations")
        }),
        // The claim token opens it too, but that belongs to no role.
        row(
            "GET",
            "registrations/{id}",
            [401, 403, 403, 403, 200, 200],
            |world, party| party.get(&world.node, &registered(world).0),
        ),
        row(
            "POST",
            "registrations/{id}/approve",
            COORDINATORS,
            |world, party| {
                Answer::of(party.request(
                    &world.node,
                    Method::POST,
                    &format!("{}/approve", registered(world).0),
                ))
            },
        ),
        row(
            "POST",
            "registrations/{id}/refuse",
            with_status(COORDINATORS, 204),
            |world, party| {
                party.post(
                    &world.node,
                    &format!("{}/refuse", registered(world).0),
                    &json!({"reason": "A test."}),
                )
            },
        ),
        row(
            "POST",
            "registrations/refusals",
            COORDINATORS,
            |world, party| {
                let waiting = registered(world).0;
                let id = waiting.rsplit('/').next().unwrap();
                party.post(
                    &world.node,
                    "/api/v1/registrations/refusals",
                    &json!({"ids": [id], "reason": "A test."}),
                )
            },
        ),
        row(
            "POST",
            "registrations/{id}/claim",
            [401; 6],
            |world, party| {
                party.post(
                    &world.node,
                    &format!("{}/claim", registered(world).0),
                    &claim(),
                )
            },
        ),
        row(
            "GET",
            "organisations/{organisation}/usage",
            admins,
            |world, party| {
                let path = format!("/api/v1/organisations/{}/usage", world.organisation);
                party.get(&world.node, &path)
            },
        ),
        row(
            "GET",
            "organisations/{organisation}/members",
            admins,
            move |world, party| party.get(&world.node, &members(world)),
        ),
        row(
            "POST",
            "organisations/{organisation}/members",
            with_status(admins, 201),
            move |world, party| {
                let member = json!({"email": mailbox(), "display": "Desk", "role": "editor"});
                party.post(&world.node, &members(world), &member)
            },
        ),
        row(
            "DELETE",
            "organisations/{organisation}/members/{account}",
            with_status(admins, 204),
            move |world, party| {
                party.delete(
                    &world.node,
                    &format!("{}/{}", members(world), account(world)),
                )
            },
        ),
        row(
            "POST",
            "accounts/{account}/password-resets",
            with_status(admins, 201),
            |world, party| {
                let path = format!("/api/v1/accounts/{}/password-resets", account(world));
                Answer::of(party.request(&world.node, Method::POST, &path))
            },
        ),
        row("POST", "password-resets", [204; 6], |world, party| {
            let path = format!("/api/v1/accounts/{}/password-resets", account(world));
            let made = Answer::of(world.coordinator.request(&world.node, Method::POST, &path))
                .expect(201)
                .json();
            let reset = json!({"token": made["token"], "password": PASSWORD});
            party.post(&world.node, "/api/v1/password-resets", &reset)
        }),
        row(
            "GET",
            "organisations/{organisation}/clients",
            admins,
            move |world, party| party.get(&world.node, &clients(world)),
        ),
        row(
            "POST",
            "organisations/{organisation}/clients",
            with_status(admins, 201),
            move |world, party| {
                party.post(&world.node, &clients(world), &json!({"label": "Import"}))
            },
        ),
        row(
            "DELETE",
            "organisations/{organisation}/clients/{client}",
            with_status(admins, 204),
            move |world, party| {
                party.delete(
                    &world.node,
                    &format!("{}/{}", clients(world), client(world).id),
                )
            },
        ),
        row("POST", "token", ALL, |world, party| {
            let key = client(world);
            let form = [
                ("grant_type", "client_credentials"),
                ("client_id", &key.id),
                ("client_secret", &key.secret),
            ];
            // Credentials belong into the form or into the header, not into both.
            let _ = party;
            Answer::of(
                world
                    .anonymous
                    .request(&world.node, Method::POST, "/api/v1/token")
                    .form(&form),
            )
        }),
        row("POST", "sessions", [201; 6], |world, party| {
            let credentials = json!({"email": "office@example.org", "password": PASSWORD});
            party.post(&world.node, "/api/v1/sessions", &credentials)
        }),
        // A program has no session to end. People end one of their own that nothing else uses.
        row(
            "DELETE",
            "sessions/current",
            [401, 400, 400, 204, 204, 204],
            |world, party| {
                let again = party.again(&world.node);
                again.delete(&world.node, "/api/v1/sessions/current")
            },
        ),
        row(
            "GET",
            "me",
            [401, 200, 200, 200, 200, 200],
            |world, party| party.get(&world.node, "/api/v1/me"),
        ),
        // A program has no password. People change theirs to what it is, which ends the sessions that they do not use.
        row(
            "PUT",
            "me/password",
            [401, 400, 400, 204, 204, 204],
            |world, party| {
                let password = party.password().unwrap_or(PASSWORD);
                let change = json!({"current": password, "password": password});
                party.send(&world.node, Method::PUT, "/api/v1/me/password", &change)
            },
        ),
        // Each sees what waits in its own organisation.
        row(
            "GET",
            "tasks",
            [401, 200, 200, 200, 200, 200],
            |world, party| party.get(&world.node, "/api/v1/tasks"),
        ),
        row(
            "GET",
            "tasks/reviews",
            [401, 200, 200, 200, 200, 200],
            |world, party| party.get(&world.node, "/api/v1/tasks/reviews"),
        ),
    ]
}

/// What concerns all kinds at once.
fn rows_of_the_rest() -> Vec<Row> {
    vec![
        row("GET", "entries", ALL, |world, party| {
            party.get(&world.node, "/api/v1/entries")
        }),
        row("GET", "entries/{id}", ALL, |world, party| {
            party.get(
                &world.node,
                &format!("/api/v1/entries/{}", world.create("offer")),
            )
        }),
        row("GET", "coverage", ALL, |world, party| {
            party.get(&world.node, "/api/v1/coverage?rows=country&cols=topic")
        }),
        row("GET", "vocabularies", ALL, |world, party| {
            party.get(&world.node, "/api/v1/vocabularies")
        }),
        row("GET", "vocabularies/{scheme}", ALL, |world, party| {
            party.get(&world.node, "/api/v1/vocabularies/topic")
        }),
        row("GET", "regions", ALL, |world, party| {
            party.get(&world.node, "/api/v1/regions")
        }),
        row("POST", "corrections", [201; 6], |world, party| {
            party.post(&world.node, "/api/v1/corrections", &correction(world))
        }),
        // Each sees those of its own entries.
        row(
            "GET",
            "corrections",
            [401, 200, 200, 200, 200, 200],
            |world, party| party.get(&world.node, "/api/v1/corrections"),
        ),
        row(
            "PUT",
            "corrections/{id}/state",
            [401, 404, 200, 200, 200, 200],
            |world, party| {
                let taken = world
                    .anonymous
                    .post(&world.node, "/api/v1/corrections", &correction(world))
                    .expect(201)
                    .json();
                let path = format!(
                    "/api/v1/corrections/{}/state",
                    taken["id"].as_str().unwrap()
                );
                party.send(&world.node, Method::PUT, &path, &json!({"state": "done"}))
            },
        ),
        // Each id is answered for itself: of others' entries nothing is found.
        row(
            "POST",
            "corrections/closings",
            [401, 200, 200, 200, 200, 200],
            |world, party| {
                let ids = json!({"ids": [uuid::Uuid::now_v7()], "state": "done"});
                party.post(&world.node, "/api/v1/corrections/closings", &ids)
            },
        ),
        // A batch is answered line by line.
        row(
            "POST",
            "batch",
            [401, 200, 200, 200, 200, 200],
            |world, party| {
                let line = json!({"op": "create", "kind": "offer", "entry": world.draft("offer")})
                    .to_string();
                let request = party.request(&world.node, Method::POST, "/api/v1/batch");
                Answer::of(
                    request
                        .header("Content-Type", "application/x-ndjson")
                        .body(line),
                )
            },
        ),
    ]
}

/// In a batch, too, nobody writes for somebody else.
#[test]
fn each_line_of_a_batch_is_held_against_the_role() {
    let world = World::on(Node::on(Database::Sqlite));
    for (index, expected) in [(1, 403), (2, 201), (3, 201), (4, 201), (5, 201)] {
        let line =
            json!({"op": "create", "kind": "offer", "entry": world.draft("offer")}).to_string();
        let request = party(&world, index).request(&world.node, Method::POST, "/api/v1/batch");
        let answer = Answer::of(
            request
                .header("Content-Type", "application/x-ndjson")
                .body(line),
        )
        .expect(200);
        assert_eq!(answer.json()["status"], expected, "{}", answer.text);
    }
}

fn correction(world: &World) -> Value {
    json!({"entry": world.create("offer"), "message": "The telephone number is no longer in use."})
}

fn registration() -> Value {
    json!({
        "organisation": {"content": {"name": {"en": "New office"}, "type": "ngo", "seat_country": "XK"}},
        "contact": "office@example.org",
        "license": "CC-BY-4.0",
    })
}

fn claim() -> Value {
    json!({"email": mailbox(), "display": "Office", "password": PASSWORD, "client_label": "Import"})
}

/// A registration that waits: its path and its claim token.
fn registered(world: &World) -> (String, String) {
    let taken = world
        .anonymous
        .post(&world.node, "/api/v1/registrations", &registration())
        .expect(201)
        .json();
    let text = |name: &str| taken[name].as_str().unwrap().to_owned();
    (
        format!("/api/v1/registrations/{}", text("id")),
        text("claim_token"),
    )
}

fn mailbox() -> String {
    format!("{}@example.org", uuid::Uuid::new_v4().simple())
}

/// An editor's account of the organisation.
fn account(world: &World) -> String {
    let path = format!("/api/v1/organisations/{}/members", world.organisation);
    let email = mailbox();
    let _ = member_of(
        &world.node,
        &world.coordinator,
        &world.organisation,
        &email,
        "editor",
    );
    let members = world.coordinator.get(&world.node, &path).expect(200).json();
    let member = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["email"] == email.as_str());
    member.unwrap()["account"].as_str().unwrap().to_owned()
}

fn client(world: &World) -> ClientKey {
    add_client(&world.node, &world.coordinator, &world.organisation)
}
