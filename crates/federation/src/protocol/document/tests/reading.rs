//! What one document says.

use super::*;

#[test]
fn the_first_document_says_what_a_did_document_says() {
    let document = first();
    let value = canonical::read(document.to_json()).unwrap();
    let method = |name: &str, n: u8| {
        json!({
            "id": format!("{DID}#{name}"), "type": "Multikey", "controller": DID,
            "publicKeyMultibase": key(n).public().to_multikey(),
        })
    };
    let expected = json!({
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/multikey/v1",
            "https://w3id.org/security/data-integrity/v2"
        ],
        "id": DID,
        "alsoKnownAs": ["https://a.example"],
        "verificationMethod": [method("statements-1", 1), method("requests-1", 2), method("recovery-1", 3)],
        "assertionMethod": ["did:web:a.example#statements-1"],
        "authentication": ["did:web:a.example#requests-1"],
        "service": [{
            "id": "did:web:a.example#feeds", "type": "LotseFeeds",
            "serviceEndpoint": "https://a.example/fed/v1"
        }],
        "lotse": {
            "sequence": 1, "epoch": 1, "name": "Caritas",
            "statements": [{"key": "#statements-1", "from": {"public": 1, "network": 1}}]
        },
        "proof": value["proof"],
    });
    assert_eq!(value, expected);
    assert_eq!(document.verify_self(&Ed25519), Ok(()));
    assert_eq!(document.fingerprint(), key(1).public().fingerprint());
    assert_eq!(
        document.request_key("did:web:a.example#requests-1"),
        Some(&key(2).public())
    );
    assert_eq!(document.request_key("did:web:a.example#requests-2"), None);
    assert_eq!(document.request_key("did:web:a.example#statements-1"), None);
    assert_eq!(document.recovery_key(), Some(&key(3).public()));
    assert_eq!(
        (document.sequence(), document.epoch(), document.name()),
        (1, 1, Some("Caritas"))
    );
    assert_eq!(NodeDocument::parse(document.to_json()), Ok(document));
}

#[test]
fn old_statements_stay_valid_by_their_number() {
    let second = rotated(&first(), 1, 4, start(10, 20));
    let third = rotated(&second, 4, 5, start(10, 30));
    for (feed, seq, name) in [
        (FeedName::Public, 0, None),
        (FeedName::Public, 1, Some(("statements-1", 1))),
        (FeedName::Public, 9, Some(("statements-1", 1))),
        // The second key signed nothing in this feed.
        (FeedName::Public, 10, Some(("statements-3", 5))),
        (FeedName::Network, 19, Some(("statements-1", 1))),
        (FeedName::Network, 29, Some(("statements-2", 4))),
        (FeedName::Network, u64::MAX, Some(("statements-3", 5))),
    ] {
        let expected = name.map(|(name, n)| (format!("{DID}#{name}"), key(n).public()));
        let found = third.statement_key(feed, seq);
        assert_eq!(
            found.map(|(name, key)| (name.to_owned(), *key)),
            expected,
            "{feed:?} {seq}"
        );
    }
    assert_eq!(third.verify_self(&Ed25519), Ok(()));
}

#[test]
fn members_are_as_they_must_be() {
    let text = |text: &str| json!(text);
    for (pointer, value, error) in [
        (
            "/@context/0",
            text("https://w3id.org/security/multikey/v1"),
            DocumentError::Member("@context"),
        ),
        ("/id", text("did:web:b.example"), DocumentError::Origin),
        (
            "/id",
            text("did:key:x"),
            DocumentError::Did(crate::protocol::did::DidError::Method),
        ),
        (
            "/alsoKnownAs/0",
            text("https://a.example/"),
            DocumentError::Member("alsoKnownAs"),
        ),
        (
            "/alsoKnownAs/0",
            text("https://b.example"),
            DocumentError::Origin,
        ),
        (
            "/alsoKnownAs",
            json!([]),
            DocumentError::Member("alsoKnownAs"),
        ),
        (
            "/verificationMethod/0/type",
            text("JsonWebKey"),
            DocumentError::Member("verificationMethod"),
        ),
        (
            "/verificationMethod/0/controller",
            text("did:web:b.example"),
            DocumentError::Member("verificationMethod"),
        ),
        (
            "/verificationMethod/0/id",
            text("did:web:a.example#statements-01"),
            DocumentError::Member("verificationMethod"),
        ),
        (
            "/verificationMethod/0/id",
            text("did:web:a.example#statements-0"),
            DocumentError::Member("verificationMethod"),
        ),
        (
            "/verificationMethod/0/id",
            text("did:web:a.example#statements-2"),
            DocumentError::Member("assertionMethod"),
        ),
        (
            "/verificationMethod/0/publicKeyMultibase",
            text("z6Mk"),
            DocumentError::Key(KeyError::Kind),
        ),
        (
            "/verificationMethod/0",
            json!(1),
            DocumentError::Member("verificationMethod"),
        ),
        (
            "/verificationMethod/2/id",
            text("did:web:a.example#other"),
            DocumentError::Member("verificationMethod"),
        ),
        (
            "/verificationMethod",
            json!(vec![json!({"id": "x"}); MAX_METHODS + 1]),
            DocumentError::TooLarge,
        ),
        (
            "/assertionMethod",
            json!([]),
            DocumentError::Member("assertionMethod"),
        ),
        (
            "/assertionMethod/0",
            text("did:web:a.example#requests-1"),
            DocumentError::Member("assertionMethod"),
        ),
        (
            "/authentication/0",
            text("did:web:a.example#statements-1"),
            DocumentError::Member("authentication"),
        ),
        (
            "/service/0/serviceEndpoint",
            text("https://b.example/fed/v1"),
            DocumentError::Member("service"),
        ),
        ("/lotse", json!(1), DocumentError::Member("lotse")),
        (
            "/lotse/sequence",
            json!(0),
            DocumentError::Member("sequence"),
        ),
        ("/lotse/epoch", json!("1"), DocumentError::Member("epoch")),
        (
            "/lotse/name",
            json!(""),
            DocumentError::Member("lotse.name"),
        ),
        (
            "/lotse/name",
            json!("a\nb"),
            DocumentError::Member("lotse.name"),
        ),
        (
            "/lotse/name",
            json!("x".repeat(MAX_NAME + 1)),
            DocumentError::Member("lotse.name"),
        ),
        (
            "/lotse/statements",
            json!([]),
            DocumentError::Member("lotse.statements"),
        ),
        (
            "/lotse/statements/0/key",
            text("#statements-2"),
            DocumentError::Member("lotse.statements"),
        ),
        (
            "/lotse/statements/0/from/network",
            json!(0),
            DocumentError::Member("lotse.statements"),
        ),
        (
            "/lotse/statements/0/from",
            json!([1]),
            DocumentError::Member("lotse.statements"),
        ),
    ] {
        let change = |document: &mut Value| *document.pointer_mut(pointer).unwrap() = value.clone();
        let outcome = forged(&first(), change, &[("statements-1", 1)]);
        assert_eq!(outcome, Err(error), "{pointer} {value}");
    }
    assert_eq!(
        forged(&first(), |_| {}, &[]),
        Err(DocumentError::Proof(ProofError::Missing))
    );
    assert_eq!(
        NodeDocument::parse(&vec![b' '; MAX_BYTES + 1]),
        Err(DocumentError::TooLarge)
    );
    assert_eq!(
        NodeDocument::parse(b"[]"),
        Err(DocumentError::Member("the document"))
    );
}

#[test]
fn what_newer_nodes_add_is_kept_under_the_signature() {
    let change = |document: &mut Value| {
        document["x"] = json!({"y": 1});
        document["lotse"]["x"] = json!(1);
        document["@context"]
            .as_array_mut()
            .unwrap()
            .push(json!({"x": "https://x.example"}));
        document["alsoKnownAs"]
            .as_array_mut()
            .unwrap()
            .push(json!("https://c.example/actor"));
        document["service"]
            .as_array_mut()
            .unwrap()
            .insert(0, json!({"id": "x"}));
        document["verificationMethod"]
            .as_array_mut()
            .unwrap()
            .push(json!({"id": "did:web:a.example#future-1"}));
        document["assertionMethod"]
            .as_array_mut()
            .unwrap()
            .push(json!("did:web:a.example#future-1"));
        document["authentication"]
            .as_array_mut()
            .unwrap()
            .push(json!({"id": "x"}));
    };
    let document = forged(&first(), change, &[("statements-1", 1)]).unwrap();
    assert_eq!(document.verify_self(&Ed25519), Ok(()));
    assert!(
        document
            .to_json()
            .windows(11)
            .any(|bytes| bytes == br#""x":{"y":1}"#)
    );
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u32>().prop_map(Value::from),
        "[a-z#:0-9.-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("(id|type|key|from|public)", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn with_any_byte_changed_no_document_is_taken(at: prop::sample::Index, change in 1_u8..) {
        let pinned = first();
        let next = rotated(&pinned, 1, 4, start(3, 4));
        let mut bytes = next.to_json().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        if let Ok(changed) = NodeDocument::parse(&bytes) {
            prop_assert!(changed.verify_self(&Ed25519).is_err());
            prop_assert!(check(&pinned, &changed).is_err());
        }
    }

    #[test]
    fn any_member_is_read_or_refused(
        value in value(),
        pointer in "/(@context|alsoKnownAs|verificationMethod|assertionMethod|authentication|service|lotse|proof)(/[0-2](/(id|type|controller))?)?",
    ) {
        let mut document = canonical::read(first().to_json()).unwrap();
        if let Some(place) = document.pointer_mut(&pointer) {
            *place = value;
        }
        let _ = NodeDocument::parse(&canonical::write(&document).unwrap());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(NodeDocument::parse(&bytes).is_err());
    }
}
