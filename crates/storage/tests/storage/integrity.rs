//! What a check finds.

use domain::Kind;
use lotse_storage::NewAccount;
use uuid::Uuid;

use crate::support::{
    TestDatabase, apply, at, coordinator, create, delete, new_id, offer_draft, on_both,
    organisation, pathway_draft, upsert,
};

on_both!(each_contradiction_is_found);

/// What somebody does behind storage's back, and the code under which it is found.
const HARM: [(&str, &str); 13] = [
    (
        "UPDATE entry SET body = replace(body, 'From', 'Form') WHERE kind = 'offer' AND external_id = 'k'",
        "wrong_hash",
    ),
    (
        "UPDATE entry SET owner = id WHERE external_id = 'k'",
        "body_mismatch",
    ),
    (
        "UPDATE entry SET body = NULL WHERE external_id = 'k'",
        "missing_body",
    ),
    // An offer to which nothing refers, its history with it: nothing else would miss it.
    (
        "DELETE FROM entry WHERE external_id = 'lonely'",
        "missing_entry",
    ),
    (
        "DELETE FROM revision WHERE entry IN (SELECT id FROM entry WHERE external_id = 'lonely');
         DELETE FROM entry WHERE external_id = 'lonely'",
        "missing_entry",
    ),
    ("DELETE FROM account", "missing_account"),
    (
        "UPDATE entry SET review = NULL WHERE external_id = 'k'",
        "wrong_review",
    ),
    (
        "UPDATE entry SET version = 7 WHERE external_id = 'k'",
        "missing_revision",
    ),
    ("DELETE FROM revision WHERE arrival = 2", "missing_revision"),
    ("DELETE FROM audit WHERE arrival = 3", "arrival_gap"),
    ("UPDATE counter SET value = 40", "arrival_gap"),
    ("UPDATE counter SET value = 2", "arrival_beyond"),
    (
        "INSERT INTO entry_reference (source, target) SELECT id, 'nothing' FROM entry WHERE external_id = 'k'",
        "dangling_reference",
    ),
];

async fn each_contradiction_is_found(first: TestDatabase) {
    for (harm, code) in HARM {
        let database = first.sibling();
        let storage = database.fresh().await;
        let owner = organisation(&storage, "Office").await;
        let from = apply(&storage, upsert(offer_draft(owner, "From", Some("k"))))
            .await
            .key
            .id;
        let to = apply(&storage, create(new_id(), offer_draft(owner, "To", None)))
            .await
            .key
            .id;
        let pathway = apply(&storage, create(new_id(), pathway_draft(owner, from, to)))
            .await
            .key
            .id;
        apply(&storage, delete(Kind::Pathway, pathway)).await;
        let lonely = offer_draft(owner, "Lonely", Some("lonely"));
        let lonely = apply(&storage, upsert(lonely)).await.key.id;
        apply(&storage, delete(Kind::Offer, lonely)).await;
        let account = NewAccount {
            id: Uuid::now_v7(),
            email: "a@example.org".to_owned(),
            display: "Office".to_owned(),
            password: None,
            memberships: Vec::new(),
        };
        storage
            .accounts
            .create(&coordinator(), account, at(2))
            .await
            .unwrap();
        let sound = storage.check_integrity().await.unwrap();
        assert!(sound.is_sound() && sound.entries == 5, "{sound:?}");
        database.execute(harm);
        let found = storage.check_integrity().await.unwrap();
        assert!(
            found.findings.iter().any(|finding| finding.code == code),
            "{harm}: {found:?}"
        );
    }
}
