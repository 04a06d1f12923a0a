//! Tokens that are not ours, not valid or no longer valid open nothing.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lotse_tests::{
    Database, Node, Party, World,
    world::{ClientKey, add_client, token_of},
};
use serde_json::{Value, json};

/// What the node's own key can sign, and another one.
struct Forge {
    own: EncodingKey,
    other: EncodingKey,
    public: Vec<u8>,
    header: Header,
    claims: Value,
}

impl Forge {
    fn new(world: &World, client: &ClientKey) -> Self {
        let token = token_of(&world.node, client);
        let pem = fs::read(world.node.data().join("keys/access-token.pem")).unwrap();
        let other = ed25519_dalek::SigningKey::from_bytes(&rand::random());
        let other = ed25519_dalek::pkcs8::EncodePrivateKey::to_pkcs8_der(&other).unwrap();
        let keys = Party::anonymous()
            .get(&world.node, "/.well-known/jwks.json")
            .expect(200)
            .json();
        Self {
            own: EncodingKey::from_ed_pem(&pem).unwrap(),
            other: EncodingKey::from_ed_der(other.as_bytes()),
            public: URL_SAFE_NO_PAD
                .decode(keys["keys"][0]["x"].as_str().unwrap())
                .unwrap(),
            header: jsonwebtoken::decode_header(&token).unwrap(),
            claims: part(&token, 1),
        }
    }

    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        jsonwebtoken::encode(&self.header, &claims, &self.own).unwrap()
    }

    /// A token with any header, signed with HMAC over the public key: the trick that fools who trusts the header.
    fn confused(&self, algorithm: Algorithm) -> String {
        let header = Header {
            alg: algorithm,
            ..self.header.clone()
        };
        jsonwebtoken::encode(
            &header,
            &self.claims,
            &EncodingKey::from_secret(&self.public),
        )
        .unwrap()
    }

    fn unsigned(&self) -> String {
        let mut header = serde_json::to_value(&self.header).unwrap();
        header["alg"] = json!("none");
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&header), part(&self.claims))
    }
}

fn part(token: &str, index: usize) -> Value {
    let text = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

#[test]
fn only_a_valid_token_of_this_node_opens_anything() {
    let world = World::on(Node::on(Database::Sqlite));
    let client = add_client(&world.node, &world.coordinator, &world.organisation);
    let forge = Forge::new(&world, &client);
    let good = token_of(&world.node, &client);
    let me = |token: &str| Party::with_token(token).get(&world.node, "/api/v1/me");
    let _ = me(&good).expect(200);
    let _ = me(&forge.with("jti", json!("another"))).expect(200);

    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let mut promoted = forge.claims.clone();
    promoted["role"] = json!("node_admin");
    let bad = [
        ("expired", forge.with("exp", json!(now() - 60))),
        ("issued ahead of now", forge.with("iat", json!(now() + 60))),
        (
            "good for a year",
            forge.with("exp", json!(now() + 31_536_000)),
        ),
        (
            "valid from tomorrow on",
            forge.with("nbf", json!(now() + 86_400)),
        ),
        (
            "for another node",
            forge.with("aud", json!("https://other.example/api/v1")),
        ),
        (
            "of another node",
            forge.with("iss", json!("https://other.example")),
        ),
        (
            "of an unknown client",
            forge.with("client_id", json!(uuid::Uuid::now_v7())),
        ),
        (
            "for another organisation",
            forge.with("org", json!(world.other_organisation)),
        ),
        ("unsigned", forge.unsigned()),
        ("signed with HMAC", forge.confused(Algorithm::HS256)),
        (
            "signed by another key",
            jsonwebtoken::encode(&forge.header, &forge.claims, &forge.other).unwrap(),
        ),
        (
            "changed after signing",
            format!(
                "{head}.{}.{signature}",
                URL_SAFE_NO_PAD.encode(promoted.to_string())
            ),
        ),
        ("cut short", good[..good.len() - 10].to_owned()),
        ("no token", "a.b.c".to_owned()),
        ("endless", "x".repeat(7_000)),
    ];
    for (name, token) in bad {
        for path in ["/api/v1/me", "/api/v1/offers"] {
            let answer = Party::with_token(&token).get(&world.node, path);
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (401, "invalid_token"),
                "{name} at {path}"
            );
        }
    }
}

#[test]
fn a_role_in_a_token_counts_for_nothing_beyond_what_the_client_has() {
    let world = World::on(Node::on(Database::Sqlite));
    let client = add_client(&world.node, &world.coordinator, &world.organisation);
    let forge = Forge::new(&world, &client);
    // Even signed with the node's own key: what counts is what the node knows of the client.
    let party = Party::with_token(&forge.with("role", json!("node_admin")));
    let _ = party.get(&world.node, "/api/v1/registrations").expect(403);
}

#[test]
fn a_revoked_client_is_out_at_once_with_the_token_that_it_holds() {
    let world = World::on(Node::on(Database::Sqlite));
    let client = add_client(&world.node, &world.coordinator, &world.organisation);
    let party = Party::with_token(&token_of(&world.node, &client));
    let _ = party.get(&world.node, "/api/v1/me").expect(200);
    let path = format!(
        "/api/v1/organisations/{}/clients/{}",
        world.organisation, client.id
    );
    let _ = world.coordinator.delete(&world.node, &path).expect(204);
    let _ = party.get(&world.node, "/api/v1/me").expect(401);
}

#[test]
fn a_token_of_a_clock_that_was_ahead_opens_nothing_once_it_is_put_back() {
    let mut world = World::on(Node::on(Database::Sqlite));
    let client = add_client(&world.node, &world.coordinator, &world.organisation);
    world.node.stop();
    world.node.set("DAYS_AHEAD", "1");
    world.node.restart();
    let ahead = token_of(&world.node, &client);
    let person = world.coordinator.again(&world.node);
    let me = |party: &Party, node: &lotse_tests::TestNode| party.get(node, "/api/v1/me");
    let _ = me(&Party::with_token(&ahead), &world.node).expect(200);
    let _ = me(&person, &world.node).expect(200);
    world.node.stop();
    world.node.set("DAYS_AHEAD", "0");
    world.node.restart();
    let answer = me(&Party::with_token(&ahead), &world.node).expect(401);
    assert_eq!(answer.problem(), "invalid_token");
    let answer = me(&person, &world.node).expect(401);
    assert_eq!(answer.problem(), "session_ended");
    let now = token_of(&world.node, &client);
    let _ = me(&Party::with_token(&now), &world.node).expect(200);
}
