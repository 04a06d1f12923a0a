//! A node with one party of each role, made over its own API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Node, Party, TestNode};

/// The password of every member of an organisation in a test.
pub const PASSWORD: &str = "a long password for tests";

/// A node, two organisations, somebody in each role, and a few entries to refer to.
pub struct World {
    /// The node.
    pub node: TestNode,
    /// The organisation of the editor and the org admin.
    pub organisation: String,
    /// Another organisation.
    pub other_organisation: String,
    /// Nobody in particular.
    pub anonymous: Party,
    /// A program of the other organisation.
    pub stranger: Party,
    /// A program of the organisation.
    pub editor: Party,
    /// A person who administers the organisation.
    pub org_admin: Party,
    /// A person who looks after all entries.
    pub coordinator: Party,
    /// A person who may do everything.
    pub node_admin: Party,
    offers: [String; 2],
    standard: String,
    assessment: String,
}

/// What a client is signed in with.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// The client's id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl World {
    /// Starts a node and fills it.
    ///
    /// # Panics
    /// When anything on the way is refused.
    #[must_use]
    pub fn on(node: Node) -> Self {
        let node = node.start();
        let node_admin = node.account("admin@example.org", "node_admin");
        let coordinator = node.account("coordination@example.org", "coordinator");
        let organisation = add_organisation(&node, &coordinator, "one");
        let other_organisation = add_organisation(&node, &coordinator, "two");
        let editor = client_of(&node, &coordinator, &organisation);
        let stranger = client_of(&node, &coordinator, &other_organisation);
        let org_admin = member_of(
            &node,
            &coordinator,
            &organisation,
            "office@example.org",
            "org_admin",
        );
        let mut world = Self {
            node,
            organisation,
            other_organisation,
            anonymous: Party::anonymous(),
            stranger,
            editor,
            org_admin,
            coordinator,
            node_admin,
            offers: Default::default(),
            standard: String::new(),
            assessment: String::new(),
        };
        world.offers = [world.create("offer"), world.create("offer")];
        world.standard = world.create("quality-standard");
        world.assessment = world.create("self-assessment");
        world
    }

    /// A good draft of a kind, for the organisation: the shipped example's content, referring to what this world has
    /// where the example refers to the demo directory. Without the example's own key, which is there once only.
    ///
    /// # Panics
    /// When there is no example of this kind.
    #[must_use]
    pub fn draft(&self, kind: &str) -> Value {
        let path = format!(
            "{}/../crates/domain/examples/{kind}.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let mut text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        for (of_demo, own) in [
            ("01a2008d-7400-70cc-a2a5-37d326bfbe03", &self.organisation),
            ("01a2008d-7400-7fbf-932d-7ca33da03200", &self.offers[0]),
            ("01a2008d-7400-74db-bc1b-d2cddb42f45d", &self.offers[1]),
            ("01a2008d-7400-769e-97de-22d17401899c", &self.standard),
            ("01a2008d-7400-744e-8745-4e44876b5913", &self.assessment),
        ] {
            text = text.replace(of_demo, own);
        }
        let mut example: Value = serde_json::from_str(&text).unwrap();
        let content = example["content"].take();
        let owner = (kind != "organisation").then_some(&self.organisation);
        owner.map_or_else(
            || json!({"content": content}),
            |owner| json!({"owner": owner, "content": content}),
        )
    }

    /// Writes a new entry of a kind as the coordinator and returns its id. It belongs to the organisation.
    ///
    /// # Panics
    /// When that is refused.
    #[must_use]
    pub fn create(&self, kind: &str) -> String {
        let path = format!("/api/v1/{}", collection(kind));
        let answer = self
            .coordinator
            .post(&self.node, &path, &self.draft(kind))
            .expect(201);
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        if kind == "organisation" {
            let path = format!("{path}/{id}/owner");
            let owner = json!({"owner": self.organisation});
            let _ = self
                .coordinator
                .send(&self.node, Method::PUT, &path, &owner)
                .expect(200);
        }
        id
    }

    /// The entity tag of an entry, as its owner reads it.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn etag(&self, path: &str) -> String {
        self.coordinator
            .get(&self.node, path)
            .expect(200)
            .header("etag")
            .to_owned()
    }
}

/// The collection of a kind: `pathways` of `pathway`.
#[must_use]
pub fn collection(kind: &str) -> String {
    format!("{kind}s")
}

/// All kinds, by what they are called in JSON.
pub const KINDS: [&str; 10] = [
    "organisation",
    "offer",
    "contact-point",
    "pathway",
    "quality-standard",
    "self-assessment",
    "assessment-review",
    "event",
    "publication",
    "need",
];

fn add_organisation(node: &TestNode, coordinator: &Party, name: &str) -> String {
    let draft = json!({"content": {"name": {"en": format!("Organisation {name}")}, "type": "ngo", "seat_country": "DE"}});
    let answer = coordinator
        .post(node, "/api/v1/organisations", &draft)
        .expect(201);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// Makes a client of an organisation.
///
/// # Panics
/// When that is refused.
#[must_use]
pub fn add_client(node: &TestNode, admin: &Party, organisation: &str) -> ClientKey {
    let path = format!("/api/v1/organisations/{organisation}/clients");
    let made = admin
        .post(node, &path, &json!({"label": "Test", "role": "editor"}))
        .expect(201)
        .json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    ClientKey {
        id: text("id"),
        secret: text("secret"),
    }
}

/// Asks for an access token.
///
/// # Panics
/// When that is refused.
#[must_use]
pub fn token_of(node: &TestNode, key: &ClientKey) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &key.id),
        ("client_secret", &key.secret),
    ];
    let answer = Answer::of(node.request(Method::POST, "/api/v1/token").form(&form)).expect(200);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn client_of(node: &TestNode, admin: &Party, organisation: &str) -> Party {
    Party::with_token(&token_of(node, &add_client(node, admin, organisation)))
}

/// Adds a member to an organisation and signs it in.
///
/// # Panics
/// When that is refused.
#[must_use]
pub fn member_of(
    node: &TestNode,
    admin: &Party,
    organisation: &str,
    email: &str,
    role: &str,
) -> Party {
    let path = format!("/api/v1/organisations/{organisation}/members");
    let member = json!({"email": email, "display": "Office", "role": role});
    let added = admin.post(node, &path, &member).expect(201).json();
    let token = added["password_reset"]["token"].as_str().unwrap();
    let reset = json!({"token": token, "password": PASSWORD});
    let _ = Party::anonymous()
        .post(node, "/api/v1/password-resets", &reset)
        .expect(204);
    Party::sign_in(node, email, PASSWORD)
}
