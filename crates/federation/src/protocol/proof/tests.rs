#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use super::*;
use crate::protocol::key::{Ed25519, SecretKey};
use proptest::prelude::*;
use serde_json::json;

/// vc-di-eddsa appendix B, `keyPair.json`; FEP-8b32 uses the same key.
const PUBLIC: &str = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2";
const SECRET: &str = "3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";
const CREATED: &str = "2023-02-24T23:36:38Z";

fn secret() -> SecretKey {
    // Multicodec ed25519-priv, then the seed.
    let bytes = bs58::decode(SECRET).into_vec().unwrap();
    SecretKey::from_seed(bytes[2..].try_into().unwrap())
}

fn public() -> PublicKey {
    PublicKey::from_multikey(PUBLIC).unwrap()
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// vc-di-eddsa section B.3, "Representation: eddsa-jcs-2022".
fn credential() -> Map<String, Value> {
    object(json!({
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://www.w3.org/ns/credentials/examples/v2"
        ],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "AlumniCredential"],
        "name": "Alumni Credential",
        "description": "A minimum viable example of an Alumni Credential.",
        "issuer": "https://vc.example/issuers/5678",
        "validFrom": "2023-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"}
    }))
}

fn signed() -> Map<String, Value> {
    let mut document = credential();
    sign(
        &mut document,
        "did:web:a.example#statements-1",
        CREATED.parse().unwrap(),
        &secret(),
    )
    .unwrap();
    document
}

fn with_option(name: &str, value: Value) -> Result<Signed, ProofError> {
    let mut document = signed();
    document["proof"][name] = value;
    open(document)
}

#[test]
fn the_vector_of_vc_di_eddsa_comes_out_byte_for_byte() {
    let method = format!("did:key:{PUBLIC}#{PUBLIC}");
    let mut document = credential();
    sign(&mut document, &method, CREATED.parse().unwrap(), &secret()).unwrap();
    assert_eq!(
        document["proof"]["proofValue"],
        "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"
    );
    assert_eq!(document["proof"]["@context"], document["@context"]);
    let opened = open(document).unwrap();
    let hashes: String = opened
        .message()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hashes,
        "66ab154f5c2890a140cb8388a22a160454f80575f6eae09e5a097cabe539a1db59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19"
    );
    assert_eq!(
        (opened.method(), opened.created()),
        (method.as_str(), CREATED.parse().unwrap())
    );
    assert_eq!(opened.verify(&public(), &Ed25519), Ok(()));
    assert_eq!(opened.into_document(), credential());
}

#[test]
fn the_activity_of_fep_8b32_is_signed_as_it_says() {
    let mut document = object(json!({
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            "https://w3id.org/security/data-integrity/v2"
        ],
        "id": "https://server.example/activities/1",
        "type": "Create",
        "actor": "https://server.example/users/alice",
        "object": {
            "id": "https://server.example/objects/1",
            "type": "Note",
            "attributedTo": "https://server.example/users/alice",
            "content": "Hello world",
            "location": {"type": "Place", "longitude": -71.184902, "latitude": 25.273962}
        }
    }));
    let method = "https://server.example/users/alice#ed25519-key";
    sign(&mut document, method, CREATED.parse().unwrap(), &secret()).unwrap();
    assert_eq!(
        document["proof"]["proofValue"],
        "z42ffGu6AUKPCFcFPiabmUvnGLPJzC7e4DGWC52NUasSSH37UMa9c58tdgVszUcZfytxa4fQ5TYHaJENCxUDe9SdL"
    );
    assert_eq!(open(document).unwrap().verify(&public(), &Ed25519), Ok(()));
}

#[test]
fn options_that_are_not_known_are_refused() {
    for name in [
        "expires",
        "domain",
        "challenge",
        "nonce",
        "previousProof",
        "id",
        "x",
    ] {
        assert_eq!(
            with_option(name, json!("2030-01-01T00:00:00Z")),
            Err(ProofError::UnknownOption(name.to_owned()))
        );
    }
    let Err(ProofError::UnknownOption(shown)) = with_option(&"ü".repeat(999), json!(1)) else {
        unreachable!("an unknown option")
    };
    assert_eq!(shown.chars().count(), SHOWN_CHARS);
}

#[test]
fn other_types_suites_and_purposes_are_refused() {
    for (name, value) in [
        ("type", "Ed25519Signature2020"),
        ("cryptosuite", "eddsa-rdfc-2022"),
        ("proofPurpose", "authentication"),
    ] {
        assert_eq!(
            with_option(name, json!(value)),
            Err(ProofError::Unsupported(name))
        );
        assert_eq!(
            with_option(name, json!([value])),
            Err(ProofError::Option(name))
        );
    }
    for value in [json!(null), json!(""), json!("x".repeat(METHOD_BYTES + 1))] {
        let error = ProofError::Option("verificationMethod");
        assert_eq!(with_option("verificationMethod", value), Err(error));
    }
    let context = with_option("@context", json!(["https://www.w3.org/ns/credentials/v2"]));
    assert_eq!(context, Err(ProofError::Context));
    for created in [
        "2023-02-24 23:36:38Z",
        "2023-02-24T23:36:38z",
        "2023-02-24T23:36:38",
        "2023-02-30T00:00:00Z",
        "",
    ] {
        assert_eq!(
            with_option("created", json!(created)),
            Err(ProofError::Created),
            "{created}"
        );
    }
}

#[test]
fn every_option_is_signed() {
    for (name, value) in [
        ("created", json!("2023-02-24T23:36:39Z")),
        // The same moment in other words.
        ("created", json!("2023-02-24T23:36:38+00:00")),
        (
            "verificationMethod",
            json!("did:web:a.example#statements-2"),
        ),
    ] {
        let opened = with_option(name, value).unwrap();
        assert_eq!(
            opened.verify(&public(), &Ed25519),
            Err(ProofError::Signature),
            "{name}"
        );
    }
    let mut document = signed();
    document["proof"]
        .as_object_mut()
        .unwrap()
        .remove("@context");
    let opened = open(document).unwrap();
    assert_eq!(
        opened.verify(&public(), &Ed25519),
        Err(ProofError::Signature)
    );
}

#[test]
fn a_signature_has_one_spelling() {
    let value = signed()["proof"]["proofValue"].as_str().unwrap().to_owned();
    let longer = bs58::encode([1; 65]).into_string();
    let shorter = bs58::encode([1; 63]).into_string();
    for bad in [
        value[1..].to_owned(),
        format!("u{}", &value[1..]),
        format!("z1{}", &value[1..]),
        format!("{value} "),
        value.replace(&value[10..11], "0"),
        format!("z{longer}"),
        format!("z{shorter}"),
        format!("z{}", "1".repeat(100_000)),
        "z".to_owned(),
    ] {
        assert_eq!(
            with_option("proofValue", json!(bad)),
            Err(ProofError::Value)
        );
    }
    let zeros = format!("z{}", bs58::encode([0; 64]).into_string());
    assert!(with_option("proofValue", json!(zeros)).is_ok());
    assert_eq!(with_option("proofValue", json!(7)), Err(ProofError::Value));
}

#[test]
fn one_document_has_one_proof_unless_a_set_is_asked_for() {
    let mut document = signed();
    let now = CREATED.parse().unwrap();
    assert_eq!(
        sign(&mut document, "m", now, &secret()),
        Err(ProofError::Present)
    );
    assert_eq!(open(credential()), Err(ProofError::Missing));
    assert_eq!(open_set(credential()), Err(ProofError::Missing));
    assert_eq!(open_set(document.clone()).unwrap().proofs().len(), 1);
    for count in 2..=MAX_PROOFS {
        let signer = SecretKey::from_seed([count.try_into().unwrap(); 32]);
        add_proof(&mut document, &format!("#{count}"), now, &signer).unwrap();
        let set = open_set(document.clone()).unwrap();
        assert_eq!(set.proofs().len(), count);
        assert_eq!(set.proofs()[0].verify(&public(), &Ed25519), Ok(()));
        let last = set.proofs().last().unwrap();
        assert_eq!(last.verify(&signer.public(), &Ed25519), Ok(()));
        assert_eq!(set.document(), &credential());
    }
    let full = document.clone();
    assert_eq!(
        add_proof(&mut document, "m", now, &secret()),
        Err(ProofError::TooMany)
    );
    assert_eq!(document, full);
    assert_eq!(open(document.clone()), Err(ProofError::TooMany));
    document["proof"].as_array_mut().unwrap().push(json!({}));
    assert_eq!(open_set(document.clone()), Err(ProofError::TooMany));
    document["proof"] = json!([]);
    assert_eq!(open_set(document.clone()), Err(ProofError::Missing));
    document["proof"] = json!("x");
    assert_eq!(open_set(document), Err(ProofError::Option("proof")));
}

#[test]
fn a_bad_proof_in_a_set_spoils_it() {
    let mut document = signed();
    add_proof(&mut document, "#2", CREATED.parse().unwrap(), &secret()).unwrap();
    document["proof"][1]["expires"] = json!("2030-01-01T00:00:00Z");
    assert!(matches!(
        open_set(document),
        Err(ProofError::UnknownOption(_))
    ));
}

/// Whether these bytes are a document with a proof of the key that holds.
fn holds(bytes: &[u8]) -> bool {
    let Ok(Value::Object(document)) = canonical::read(bytes) else {
        return false;
    };
    open(document).is_ok_and(|signed| signed.verify(&public(), &Ed25519).is_ok())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=(1 << 53)).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_signed_verifies_and_with_any_byte_changed_does_not(
        value in json_value(), at: prop::sample::Index, change in 1_u8..,
    ) {
        let mut document = object(json!({"@context": ["https://a.example"], "value": value}));
        sign(&mut document, "#1", CREATED.parse().unwrap(), &secret()).unwrap();
        let mut bytes = canonical::write_object(&document).unwrap();
        prop_assert!(holds(&bytes));
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        prop_assert!(!holds(&bytes));
    }

    #[test]
    fn any_document_is_read_or_refused(value in json_value(), options in json_value(), name in "(@context|type|created|proofValue|verificationMethod)") {
        let mut document = Map::new();
        document.insert("proof".to_owned(), options.clone());
        document.insert("x".to_owned(), value.clone());
        let _ = open_set(document.clone());
        let _ = open(document);
        let _ = with_option(&name, value);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(!holds(&bytes));
    }
}
