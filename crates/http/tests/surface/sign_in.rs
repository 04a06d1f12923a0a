//! Tokens, sessions and what they open.

use base64::Engine as _;
use chrono::Duration;
use domain::Role;
use serde_json::Value;
use storage::Membership;

use crate::node::{Node, organisation, problem};

const SECRET: &str = "lotse_secret_of_the_importer";

async fn token(node: &Node, fields: &[(&str, &str)]) -> (u16, Value) {
    let answer = node.post("/token").form(fields).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[actix_web::test]
async fn a_client_gets_a_token_and_acts_with_it_until_it_is_revoked() {
    let node = Node::start();
    let id = node.add_client(SECRET, false).to_string();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("client_secret", SECRET),
    ];
    let (status, answer) = token(&node, &form).await;
    assert_eq!(
        (status, &answer["token_type"], &answer["expires_in"]),
        (200, &"Bearer".into(), &600.into())
    );
    let bearer = answer["access_token"].as_str().unwrap();
    let who = node
        .get("/signed-in")
        .bearer_auth(bearer)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(who, format!("client:{id}"));

    let answer = node
        .post("/token")
        .basic_auth(&id, Some(SECRET))
        .form(&[("grant_type", "client_credentials")]);
    assert_eq!(answer.send().await.unwrap().status().as_u16(), 200);

    let (status, code, _) = problem(node.get("/coordinator").bearer_auth(bearer)).await;
    assert_eq!((status, code.as_str()), (403, "role_required"));

    node.add_client(SECRET, true);
    let (status, code, _) = problem(node.get("/signed-in").bearer_auth(bearer)).await;
    assert_eq!((status, code.as_str()), (401, "invalid_token"));
    let (status, answer) = token(&node, &form).await;
    assert_eq!((status, &answer["error"]), (401, &"invalid_client".into()));
}

#[actix_web::test]
async fn the_token_endpoint_refuses_as_the_standard_says() {
    let node = Node::start();
    let id = node.add_client(SECRET, false).to_string();
    let grant = ("grant_type", "client_credentials");
    for (fields, status, error) in [
        (
            &[
                grant,
                ("client_id", id.as_str()),
                ("client_secret", "wrong"),
            ][..],
            401,
            "invalid_client",
        ),
        (
            &[
                grant,
                ("client_id", "00000000-0000-0000-0000-000000000000"),
                ("client_secret", SECRET),
            ],
            401,
            "invalid_client",
        ),
        (
            &[grant, ("client_id", "nobody"), ("client_secret", SECRET)],
            401,
            "invalid_client",
        ),
        (&[grant], 401, "invalid_client"),
        (
            &[
                ("grant_type", "password"),
                ("client_id", &id),
                ("client_secret", SECRET),
            ],
            400,
            "unsupported_grant_type",
        ),
        (
            &[("client_id", &id), ("client_secret", SECRET)],
            400,
            "invalid_request",
        ),
        (
            &[grant, grant, ("client_id", &id), ("client_secret", SECRET)],
            400,
            "invalid_request",
        ),
        (&[grant, ("client_secret", SECRET)], 400, "invalid_request"),
    ] {
        let (got, answer) = token(&node, fields).await;
        assert_eq!(
            (got, answer["error"].as_str()),
            (status, Some(error)),
            "{fields:?}"
        );
    }
    let both = node
        .post("/token")
        .basic_auth(&id, Some(SECRET))
        .form(&[grant, ("client_secret", SECRET)]);
    assert_eq!(both.send().await.unwrap().status().as_u16(), 400);
    let json = node
        .post("/token")
        .json(&serde_json::json!({"grant_type": "client_credentials"}));
    assert_eq!(json.send().await.unwrap().status().as_u16(), 400);
    let wrong = node
        .post("/token")
        .basic_auth(&id, Some("wrong"))
        .form(&[grant])
        .send()
        .await
        .unwrap();
    assert!(
        wrong.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic")
    );
}

#[actix_web::test]
async fn bad_tokens_are_refused_and_never_taken_for_anonymous() {
    let node = Node::start();
    let id = node.add_client(SECRET, false);
    let issue = |ago: i64| {
        let then = chrono::Utc::now() - Duration::seconds(ago);
        node.keys
            .issue(id, organisation(), Role::Editor, then)
            .unwrap()
    };
    let part =
        |json: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string());
    let good = issue(0);
    let payload = good.split('.').nth(1).unwrap();
    let kid = jsonwebtoken::decode_header(&good).unwrap().kid.unwrap();
    let unsigned = format!(
        "{}.{payload}.",
        part(serde_json::json!({"alg": "none", "typ": "at+jwt", "kid": kid}))
    );
    let other_organisation = node.keys.issue(
        id,
        domain::EntryId(uuid::Uuid::from_u128(9)),
        Role::NodeAdmin,
        chrono::Utc::now(),
    );
    for (name, token) in [
        ("expired", issue(700)),
        ("unsigned", unsigned),
        ("of another organisation", other_organisation.unwrap()),
        ("nonsense", "nonsense".to_owned()),
        ("too long", "a".repeat(5_000)),
    ] {
        for path in ["/signed-in", "/reader", "/visitor"] {
            let answer = node.get(path).bearer_auth(&token).send().await.unwrap();
            let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
            assert!(
                challenge.contains("error=\"invalid_token\""),
                "{name} {challenge}"
            );
            let (status, code, _) = problem(node.get(path).bearer_auth(&token)).await;
            assert_eq!(
                (status, code.as_str()),
                (401, "invalid_token"),
                "{name} at {path}"
            );
        }
    }
    let (status, code, _) =
        problem(node.get("/reader").header("Authorization", "Basic eDp5")).await;
    assert_eq!((status, code.as_str()), (401, "invalid_token"));
    assert_eq!(
        node.get("/reader")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "anonymous"
    );
    let (status, code, _) = problem(node.get("/signed-in")).await;
    assert_eq!((status, code.as_str()), (401, "sign_in_required"));
}

#[actix_web::test]
async fn a_session_works_from_this_site_until_it_ends() {
    let node = Node::start();
    let memberships = vec![
        Membership {
            organisation: None,
            role: Role::Coordinator,
        },
        Membership {
            organisation: Some(organisation()),
            role: Role::Editor,
        },
    ];
    let id = node.add_session("session-token", memberships);
    let cookie = "lotse-session=session-token";
    let read = |path: &str| node.get(path).header("Cookie", cookie);
    assert_eq!(
        read("/coordinator")
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap(),
        "coordinator"
    );
    assert_eq!(
        read("/reader").send().await.unwrap().text().await.unwrap(),
        format!("account:{id} coordinator")
    );

    let write = |site: &str| {
        node.post("/coordinator")
            .header("Cookie", cookie)
            .header("Sec-Fetch-Site", site.to_owned())
    };
    assert_eq!(
        write("same-origin").send().await.unwrap().status().as_u16(),
        200
    );
    let (status, code, _) = problem(write("cross-site")).await;
    assert_eq!((status, code.as_str()), (403, "cross_site"));
    let (status, code, _) = problem(node.post("/coordinator").header("Cookie", cookie)).await;
    assert_eq!((status, code.as_str()), (403, "cross_site"));
    let (status, code, _) = problem(read("/reader").header("Lotse-Organisation", "x")).await;
    assert_eq!((status, code.as_str()), (400, "invalid_header"));

    *node.time.lock() += Duration::hours(13);
    let answer = read("/reader").send().await.unwrap();
    assert!(
        answer.headers()["set-cookie"]
            .to_str()
            .unwrap()
            .contains("Max-Age=0"),
        "the browser forgets it"
    );
    let (status, code, _) = problem(read("/reader")).await;
    assert_eq!((status, code.as_str()), (401, "session_ended"));
    assert_eq!(
        read("/visitor").send().await.unwrap().text().await.unwrap(),
        "anonymous"
    );
    let (status, code, _) =
        problem(node.get("/reader").header("Cookie", "lotse-session=guess")).await;
    assert_eq!((status, code.as_str()), (401, "session_ended"));
    let other = node
        .get("/reader")
        .header("Cookie", "theme=dark")
        .send()
        .await
        .unwrap();
    assert_eq!(other.text().await.unwrap(), "anonymous");
}

#[actix_web::test]
async fn the_public_keys_are_published() {
    let node = Node::start();
    let keys: Value = node
        .get("/.well-known/jwks.json")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let key = &keys["keys"][0];
    assert_eq!(
        (
            key["kty"].as_str(),
            key["crv"].as_str(),
            key["alg"].as_str()
        ),
        (Some("OKP"), Some("Ed25519"), Some("EdDSA"))
    );
    assert!(key.get("d").is_none());
}
