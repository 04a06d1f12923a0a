//! Whatever is sent: a clear problem document, and nothing lost or half done.

use lotse_tests::{Answer, Database, Node, Party, World};
use reqwest::Method;
use serde_json::{Value, json};

/// What is sent, and what must be answered.
struct Case {
    name: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    code: &'static str,
}

impl Case {
    fn post(
        name: &'static str,
        path: &str,
        body: impl Into<Vec<u8>>,
        status: u16,
        code: &'static str,
    ) -> Self {
        Self {
            name,
            method: Method::POST,
            path: path.to_owned(),
            headers: Vec::new(),
            body: body.into(),
            status,
            code,
        }
    }

    fn get(name: &'static str, path: &str, status: u16, code: &'static str) -> Self {
        Self {
            method: Method::GET,
            ..Self::post(name, path, "", status, code)
        }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn to(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    fn check(&self, world: &World, party: &Party) {
        let mut request = party.request(&world.node, self.method.clone(), &self.path);
        if self.method != Method::GET {
            request = request.body(self.body.clone());
        }
        let says_what = self.headers.iter().any(|(name, _)| *name == "Content-Type");
        if self.method != Method::GET && !says_what {
            request = request.header("Content-Type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = Answer::of(request);
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (self.status, self.code),
            "{}: {}",
            self.name,
            answer.text
        );
    }
}

/// The draft of an offer with one field of its content changed.
fn offer_with(world: &World, field: &str, value: Value) -> String {
    let mut draft = world.draft("offer");
    draft["content"][field] = value;
    draft.to_string()
}

fn bodies(world: &World) -> Vec<Case> {
    let offers = "/api/v1/offers";
    let good = world.draft("offer").to_string();
    let refused = |name, body: String, status, code| Case::post(name, offers, body, status, code);
    let invalid = |name, field: &str, value: Value| {
        refused(name, offer_with(world, field, value), 422, "invalid")
    };
    let shape = |name, field: &str, value: Value| {
        refused(name, offer_with(world, field, value), 400, "malformed")
    };
    let unknown_envelope = good.replacen('{', "{\"colour\":\"blue\",", 1);
    let twice = good.replacen("\"title\"", "\"title\":{\"en\":\"first\"},\"title\"", 1);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let place = |lat: f64, precision: &str| json!([{"country": "XK", "lat": lat, "lon": 21.0, "precision": precision}]);
    vec![
        refused(
            "half a document",
            good[..good.len() / 2].to_owned(),
            400,
            "malformed",
        ),
        refused(
            "no JSON at all",
            "title=Advice".to_owned(),
            400,
            "malformed",
        ),
        refused("nothing", String::new(), 400, "malformed"),
        refused("two documents", format!("{good}{good}"), 400, "malformed"),
        refused("an array", "[]".to_owned(), 400, "malformed"),
        refused("deep nesting", deep.clone(), 400, "malformed"),
        refused(
            "nesting of 200",
            deep[99_800..100_200].to_owned(),
            400,
            "malformed",
        ),
        refused(
            "an unknown field of the envelope",
            unknown_envelope,
            400,
            "malformed",
        ),
        refused("a field twice", twice, 400, "malformed"),
        shape("an unknown field of the content", "colour", json!("blue")),
        shape("a number for a text", "title", json!(7)),
        shape("a text for a list", "topics", json!("language")),
        shape("an object for a number", "waiting_days", json!({"days": 3})),
        shape("a number that does not fit", "waiting_days", json!(70_000)),
        shape("NUL in a text", "title", json!({"en": "Ad\u{0}vice"})),
        shape(
            "another control character",
            "title",
            json!({"en": "Ad\u{1b}[31mvice"}),
        ),
        invalid("an empty text", "title", json!({})),
        invalid(
            "an over-long title",
            "title",
            json!({"en": "x".repeat(400)}),
        ),
        invalid(
            "an over-long summary",
            "summary",
            json!({"en": "x".repeat(3_000)}),
        ),
        invalid("no language", "title", json!({"qq-xx": "Advice"})),
        invalid("no country", "area_served", json!(["ZZ"])),
        invalid("no topic", "topics", json!(["cooking"])),
        invalid("a topic twice", "topics", json!(["language", "language"])),
        invalid(
            "too many topics",
            "topics",
            Value::from(vec!["language"; 100]),
        ),
        invalid("a latitude beyond the pole", "places", place(91.0, "exact")),
        invalid(
            "coordinates of a hidden place",
            "places",
            place(42.0, "hidden"),
        ),
        invalid(
            "an address that is none",
            "website",
            json!("javascript:alert(1)"),
        ),
        invalid("a mailbox that is none", "role_mailbox", json!("nobody")),
        invalid(
            "an organisation that does not exist",
            "organisation",
            json!(uuid::Uuid::now_v7()),
        ),
        invalid(
            "an offer for an organisation",
            "organisation",
            json!(world.create("offer")),
        ),
        refused(
            "another kind",
            good.replacen('{', "{\"kind\":\"event\",", 1),
            400,
            "malformed",
        ),
        refused(
            "an end before the beginning",
            good.replacen(
                '{',
                "{\"available_from\":\"2026-05-02\",\"available_until\":\"2026-05-01\",",
                1,
            ),
            422,
            "invalid",
        ),
        refused(
            "a body of 10 MB",
            format!("{{\"content\":\"{}\"}}", "x".repeat(10_000_000)),
            413,
            "body_too_large",
        ),
        refused("bytes that are not UTF-8", String::new(), 400, "malformed")
            .with_bytes(b"{\"content\":\"\xff\xfe\"}"),
        Case::post(
            "a form",
            offers,
            good.clone(),
            415,
            "unsupported_media_type",
        )
        .without_json(),
    ]
}

impl Case {
    fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.body = bytes.to_vec();
        self
    }

    fn without_json(mut self) -> Self {
        self.headers.push((
            "Content-Type",
            "application/x-www-form-urlencoded".to_owned(),
        ));
        self
    }
}

fn paths(world: &World) -> Vec<Case> {
    let id = uuid::Uuid::now_v7();
    let offer = world.create("offer");
    let get = Case::get;
    let draft = world.draft("offer").to_string();
    let stale = Case::post(
        "a stale entity tag",
        &format!("/api/v1/offers/{offer}"),
        draft.clone(),
        412,
        "precondition_failed",
    );
    let absent = Case::post(
        "no entity tag",
        &format!("/api/v1/offers/{offer}"),
        draft.clone(),
        428,
        "precondition_required",
    );
    let foreign = Case::post(
        "an entry of another node",
        &format!("/api/v1/offers/{id}@other.example"),
        draft.clone(),
        403,
        "foreign_entry",
    );
    let missing = Case::post(
        "an entry that does not exist",
        &format!("/api/v1/offers/{id}"),
        draft,
        404,
        "not_found",
    );
    vec![
        stale
            .to(Method::PUT)
            .with("If-Match", "\"1-0000000000000000\""),
        absent.to(Method::PUT),
        foreign.to(Method::PUT).with("If-Match", "*"),
        missing.to(Method::PUT).with("If-Match", "*"),
        get(
            "an id of the wrong kind",
            &format!("/api/v1/events/{offer}"),
            404,
            "not_found",
        ),
        get(
            "an unknown id",
            &format!("/api/v1/offers/{id}"),
            404,
            "not_found",
        ),
        get("an unknown collection", "/api/v1/recipes", 404, "not_found"),
        get("an unknown path", "/api/v2/offers", 404, "not_found"),
        get(
            "an unknown parameter",
            "/api/v1/offers?colour=blue",
            400,
            "unknown_parameter",
        ),
        get(
            "a parameter twice",
            "/api/v1/offers?country=DE&country=XK",
            400,
            "invalid_parameter",
        ),
        get(
            "an unknown country",
            "/api/v1/offers?country=ZZ",
            400,
            "invalid_parameter",
        ),
        get(
            "an unknown topic",
            "/api/v1/offers?topic=cooking",
            400,
            "invalid_parameter",
        ),
        get(
            "no date",
            "/api/v1/offers?verified_since=yesterday",
            400,
            "invalid_parameter",
        ),
        get(
            "no point",
            "/api/v1/offers?near=here",
            400,
            "invalid_parameter",
        ),
        get(
            "a point beyond the pole",
            "/api/v1/offers?near=91,0",
            400,
            "invalid_parameter",
        ),
        get(
            "an endless radius",
            "/api/v1/offers?near=50,10&radius=1e9",
            400,
            "invalid_parameter",
        ),
        get(
            "a limit beyond the maximum",
            "/api/v1/offers?limit=100000",
            400,
            "invalid_parameter",
        ),
        get(
            "a limit below nothing",
            "/api/v1/offers?limit=-1",
            400,
            "invalid_parameter",
        ),
        get(
            "a cursor that is none",
            "/api/v1/offers?cursor=abc",
            400,
            "invalid_parameter",
        ),
        get(
            "an unknown order",
            "/api/v1/offers?sort=colour",
            400,
            "invalid_parameter",
        ),
        get(
            "distance without a point",
            "/api/v1/offers?sort=distance",
            400,
            "invalid_parameter",
        ),
        get(
            "an unknown facet",
            "/api/v1/coverage?rows=colour&cols=topic",
            400,
            "invalid_parameter",
        ),
        get(
            "an over-long address",
            &format!("/api/v1/offers?q={}", "x".repeat(20_000)),
            414,
            "uri_too_long",
        ),
        get(
            "NUL in a question",
            "/api/v1/offers?q=%00",
            400,
            "invalid_parameter",
        ),
    ]
}

#[test]
fn what_cannot_be_taken_is_refused_with_its_code_and_changes_nothing() {
    let world = World::on(Node::on(Database::Sqlite));
    let cases: Vec<_> = bodies(&world).into_iter().chain(paths(&world)).collect();
    let before = everything(&world);
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| failure_of(|| case.check(&world, &world.editor)))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    assert_eq!(everything(&world), before);
}

/// All failures at once say more than the first.
fn failure_of(check: impl Fn()) -> Option<String> {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).err()?;
    Some(
        caught
            .downcast_ref::<String>()
            .cloned()
            .unwrap_or_else(|| "a check failed".to_owned()),
    )
}

/// All that the coordinator sees, with versions.
fn everything(world: &World) -> Value {
    world
        .coordinator
        .get(&world.node, "/api/v1/entries?limit=100&sort=name")
        .expect(200)
        .json()
}

#[test]
fn an_idempotency_key_is_good_for_one_request_only() {
    let world = World::on(Node::on(Database::Sqlite));
    let create = |party: &Party, body: &Value| {
        let request = party.request(&world.node, Method::POST, "/api/v1/offers");
        Answer::of(request.header("Idempotency-Key", "one").json(body))
    };
    let draft = world.draft("offer");
    let first = create(&world.editor, &draft).expect(201);
    let again = create(&world.editor, &draft).expect(201);
    assert_eq!(first.json()["id"], again.json()["id"]);

    let mut other = draft.clone();
    other["content"]["title"]["en"] = json!("Something else");
    let refused = create(&world.editor, &other).expect(422);
    assert_eq!(refused.problem(), "idempotency_key_reused");

    // Somebody else's key is another key.
    let stranger = create(&world.org_admin, &other).expect(201);
    assert_ne!(stranger.json()["id"], first.json()["id"]);
}

#[test]
fn a_line_of_a_batch_that_cannot_be_taken_is_answered_in_its_place() {
    let world = World::on(Node::on(Database::Sqlite));
    let good = |key: &str| {
        let mut entry = world.draft("offer");
        entry["external_id"] = json!(key);
        json!({"kind": "offer", "entry": entry}).to_string()
    };
    let lines = [
        good("one"),
        "no JSON".to_owned(),
        format!(
            "{{\"kind\":\"offer\",\"entry\":\"{}\"}}",
            "x".repeat(10_000_000)
        ),
        json!({"kind": "recipe", "entry": {}}).to_string(),
        json!({"kind": "offer", "entry": {"content": {}}}).to_string(),
        good("two"),
    ];
    let statuses = |query: &str| -> Vec<Value> {
        let request =
            world
                .editor
                .request(&world.node, Method::POST, &format!("/api/v1/batch{query}"));
        let answer = Answer::of(
            request
                .header("Content-Type", "application/x-ndjson")
                .body(lines.join("\n")),
        )
        .expect(200);
        answer
            .text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
            .collect()
    };
    assert_eq!(statuses("?dry_run=true"), [201, 400, 413, 400, 400, 201]);
    assert_eq!(
        statuses("?mode=all_or_nothing"),
        [424, 400, 413, 400, 400, 424]
    );
    let offers = || {
        world
            .editor
            .get(&world.node, "/api/v1/offers")
            .expect(200)
            .json()["total"]
            .clone()
    };
    let before = offers();
    assert_eq!(statuses(""), [201, 400, 413, 400, 400, 201]);
    assert_eq!(offers(), before.as_u64().unwrap() + 2);
    assert_eq!(statuses(""), [200, 400, 413, 400, 400, 200]);
}

#[test]
fn a_batch_that_is_applied_as_a_whole_is_refused_for_its_size_and_never_told_to_wait_for_room() {
    let world = World::on(Node::on(Database::Sqlite));
    let line = "x".repeat(60_000);
    let statuses = |lines: usize| -> Vec<Value> {
        let path = "/api/v1/batch?mode=all_or_nothing";
        let request = world.editor.request(&world.node, Method::POST, path);
        let body = vec![line.as_str(); lines].join("\n");
        let answer = Answer::of(
            request
                .header("Content-Type", "application/x-ndjson")
                .body(body),
        );
        let answer = answer.expect(200);
        let lines = answer.text.lines();
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["status"].clone())
            .collect()
    };
    // 16.2 MB of lines, each of which can be read by itself.
    assert_eq!(statuses(270), vec![json!(400); 270]);
    // 18 MB.
    assert_eq!(statuses(300), [413]);
}
