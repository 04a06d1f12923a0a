//! Assessments as partners, reviewers and coordinators work on them.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Answer, Node, Party, TestNode, World};

/// A node with the shipped standard, and one of its offers in all phases under assessment.
pub struct Assessed {
    /// The node with its parties.
    pub world: World,
    /// The standard.
    pub standard: String,
    /// The offer that is assessed: in all phases.
    pub offer: String,
    /// The assessment.
    pub id: String,
}

/// The shipped standard as the program prints it.
///
/// # Panics
/// When it prints none.
#[must_use]
pub fn shipped(node: &TestNode) -> Value {
    serde_json::from_str(&node.ask(&["standard"])).unwrap()
}

/// Writes the shipped standard, with a merge patch on top, and returns its id.
///
/// # Panics
/// When that is refused.
#[must_use]
pub fn standard(world: &World, patch: &Value) -> String {
    let mut draft = shipped(&world.node);
    draft["owner"] = json!(world.organisation);
    merge(&mut draft, patch);
    let answer = world
        .coordinator
        .post(&world.node, "/api/v1/quality-standards", &draft);
    id_of(&answer.expect(201))
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    match (into, patch) {
        (Value::Object(into), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, patch) => *into = patch.clone(),
    }
}

/// The id in an answer.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// An answer that rates, with a piece of evidence so that the rating counts.
#[must_use]
pub fn rated(rating: i32) -> Value {
    json!({"rating": rating, "comment": "as agreed in the team", "evidence": [
        {"type": "concept", "title": "Concept of counselling", "date": "2026-11-01"}
    ]})
}

impl Assessed {
    /// Starts a node and begins an assessment there.
    ///
    /// # Panics
    /// When anything on the way is refused.
    #[must_use]
    pub fn on(node: Node) -> Self {
        let world = World::on(node);
        let standard = standard(&world, &json!({}));
        let mut draft = world.draft("offer");
        draft["content"].as_object_mut().unwrap().remove("phases");
        draft["external_id"] = Value::Null;
        let offer = id_of(
            &world
                .coordinator
                .post(&world.node, "/api/v1/offers", &draft)
                .expect(201),
        );
        let id = begin(&world, &world.editor, &offer, &standard);
        Self {
            world,
            standard,
            offer,
            id,
        }
    }

    /// A path below the assessment.
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/self-assessments/{}{rest}", self.id)
    }

    /// Reads below the assessment as the owner.
    #[must_use]
    pub fn get(&self, rest: &str) -> Answer {
        self.world.editor.get(&self.world.node, &self.path(rest))
    }

    /// The assessment as its owner sees it.
    #[must_use]
    pub fn content(&self) -> Value {
        self.get("").expect(200).json()["content"].clone()
    }

    /// Makes a step as somebody.
    #[must_use]
    pub fn step(&self, party: &Party, step: &str, body: &Value) -> Answer {
        let path = self.path(&format!("/steps/{step}"));
        party.post(&self.world.node, &path, body)
    }

    /// Makes a step of the owner's, which has to work.
    ///
    /// # Panics
    /// When it is refused.
    pub fn own_step(&self, step: &str, body: &Value) {
        let _ = self.step(&self.world.editor, step, body).expect(200);
    }

    /// Saves one answer as the owner.
    #[must_use]
    pub fn save(&self, criterion: &str, answer: &Value, headers: &[(&str, &str)]) -> Answer {
        let path = self.path(&format!("/answers/{criterion}"));
        let request = self
            .world
            .editor
            .request(&self.world.node, Method::PUT, &path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        Answer::of(request.json(answer))
    }

    /// The criteria that are asked of the subject.
    ///
    /// # Panics
    /// When the preview is refused.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        let preview = self.get("/preview").expect(200).json();
        let asked = preview["criteria_in_scope"].as_array().unwrap();
        asked
            .iter()
            .map(|id| id.as_str().unwrap().to_owned())
            .collect()
    }

    /// Answers everything that is asked with one rating, part by part.
    ///
    /// # Panics
    /// When an answer is refused.
    pub fn answer_all(&self, rating: i32) {
        for criterion in self.asked() {
            let _ = self
                .save(&criterion, &rated(rating), &[("If-Match", "*")])
                .expect(200);
        }
    }

    /// Plans one improvement.
    ///
    /// # Panics
    /// When that is refused.
    pub fn plan(&self) {
        let plan = json!({"content": {"improvement_plan": [{
            "criterion_id": "D1.1", "current": 2, "target": 3, "status": "open",
            "action": {"en": "Write down how referrals are followed up"},
            "responsible_function": "Head of counselling", "due": "2027-06-30"
        }]}});
        let request = self
            .world
            .editor
            .request(&self.world.node, Method::PATCH, &self.path(""));
        let _ = Answer::of(request.json(&plan)).expect(200);
    }

    /// The outcome of each dimension: mean and level.
    ///
    /// # Panics
    /// When the preview is refused.
    #[must_use]
    pub fn means(&self) -> BTreeMap<String, (String, String)> {
        let preview = self.get("/preview").expect(200).json();
        let dimensions = preview["dimensions"].as_array().unwrap().clone();
        dimensions
            .iter()
            .filter(|it| it["outcome"] == "scored")
            .map(|it| {
                let text = |name: &str| it[name].as_str().unwrap().to_owned();
                (text("id"), (text("mean"), text("level")))
            })
            .collect()
    }
}

/// Begins an assessment as somebody.
///
/// # Panics
/// When that is refused.
#[must_use]
pub fn begin(world: &World, party: &Party, subject: &str, standard: &str) -> String {
    let draft = json!({"owner": world.organisation,
        "content": {"subject": subject, "standard": standard, "state": "draft"}});
    let path = "/api/v1/self-assessments";
    id_of(&party.post(&world.node, path, &draft).expect(201))
}

/// With the token of an invitation.
#[must_use]
pub fn invited(answer: &Answer) -> Party {
    let token = answer.json()["invitation"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    Party::with_token(&token)
}
