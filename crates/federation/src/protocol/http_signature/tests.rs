#![expect(
    clippy::unwrap_used,
    reason = "a test stops where something is not as it must be"
)]

use super::*;
use crate::protocol::key::{Ed25519, SecretKey};
use proptest::prelude::*;

const NOW: i64 = 1_800_000_000;
const DIGEST: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";

/// The key of RFC 9421 appendix B.1.4.
fn secret() -> SecretKey {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----";
    SecretKey::from_pem(pem).unwrap()
}

const GET: Request<'_> = Request {
    method: "GET",
    authority: "lotse.example.org",
    path: "/fed/v1/feeds/network/changes",
    query: Some("since=7&limit=100"),
    content_digest: None,
};

const STAMP: Stamp<'_> = Stamp {
    created: NOW,
    expires: NOW + 60,
    key_id: "did:web:a.example#requests-1",
    nonce: "b3k2pp5k7z-50gnwp.yemd",
};

fn signed(request: &Request<'_>) -> (String, String) {
    sign(request, &STAMP, &secret()).unwrap()
}

fn verify_at(
    request: &Request<'_>,
    headers: &(String, String),
    now: i64,
) -> Result<(), SignatureError> {
    Parsed::read(&headers.0, &headers.1)?.verify(request, &secret().public(), &Ed25519, now)
}

fn verify(request: &Request<'_>, headers: &(String, String)) -> Result<(), SignatureError> {
    verify_at(request, headers, NOW)
}

/// What reading the input says after a change to it.
fn read_with(from: &str, to: &str) -> Result<Parsed, SignatureError> {
    let (input, signature) = signed(&GET);
    assert!(input.contains(from), "{input}");
    Parsed::read(&input.replace(from, to), &signature)
}

/// The request of RFC 9421 appendix B.2, by the components that its Ed25519 example covers.
struct Example;

impl Message for Example {
    fn component(&self, name: &str) -> Option<String> {
        let value = match name {
            "date" => "Tue, 20 Apr 2021 02:07:55 GMT",
            "@method" => "POST",
            "@path" => "/foo",
            "@authority" => "example.com",
            "content-type" => "application/json",
            "content-length" => "18",
            _ => return None,
        };
        Some(value.to_owned())
    }
}

#[test]
fn the_ed25519_example_of_rfc_9421_appendix_b_2_6_comes_out() {
    let inner = r#"("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let inputs = parse(&format!("sig-b26={inner}")).unwrap();
    let ListEntry::InnerList(list) = &inputs["sig-b26"] else {
        unreachable!("an inner list")
    };
    assert_eq!(inner_list(list).unwrap(), inner);
    let base = base(list, inner, &Example).unwrap();
    let expected = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\"@method\": POST\n\"@path\": /foo\n\"@authority\": example.com\n\"content-type\": application/json\n\"content-length\": 18\n\"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\");created=1618884473;keyid=\"test-key-ed25519\"";
    assert_eq!(base, expected);
    let signature = Item::new(secret().sign(base.as_bytes()).to_vec());
    assert_eq!(
        dictionary("sig-b26", ListEntry::Item(signature)).unwrap(),
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"
    );
}

#[test]
fn a_request_is_signed_in_one_form() {
    let (input, signature) = signed(&GET);
    assert_eq!(
        input,
        r#"sig1=("@method" "@authority" "@path" "@query");created=1800000000;expires=1800000060;nonce="b3k2pp5k7z-50gnwp.yemd";alg="ed25519";keyid="did:web:a.example#requests-1";tag="lotse-fed""#
    );
    assert!(signature.starts_with("sig1=:") && signature.ends_with("==:"));
    let parsed = Parsed::read(&input, &signature).unwrap();
    assert_eq!(parsed.key_id(), STAMP.key_id);
    assert_eq!(parsed.nonce(), STAMP.nonce);
    assert_eq!((parsed.created(), parsed.expires()), (NOW, NOW + 60));
    let list = base(&parsed.list, "...", &GET).unwrap();
    assert_eq!(
        list,
        "\"@method\": GET\n\"@authority\": lotse.example.org\n\"@path\": /fed/v1/feeds/network/changes\n\"@query\": ?since=7&limit=100\n\"@signature-params\": ..."
    );
}

#[test]
fn every_part_of_a_request_is_signed() {
    let with_body = Request {
        method: "POST",
        query: None,
        content_digest: Some(DIGEST),
        ..GET
    };
    for request in [GET, with_body] {
        let headers = signed(&request);
        assert_eq!(verify(&request, &headers), Ok(()));
        for other in [
            Request {
                method: "PUT",
                ..request
            },
            Request {
                authority: "b.example",
                ..request
            },
            Request {
                path: "/fed/v1/hints",
                ..request
            },
            Request {
                query: Some("since=8"),
                ..request
            },
        ] {
            assert_eq!(
                verify(&other, &headers),
                Err(SignatureError::Signature),
                "{other:?}"
            );
        }
    }
    let headers = signed(&with_body);
    let other = content_digest(b"other");
    let other = Request {
        content_digest: Some(&other),
        ..with_body
    };
    assert_eq!(verify(&other, &headers), Err(SignatureError::Signature));
    let bodiless = Request {
        content_digest: None,
        ..with_body
    };
    assert_eq!(verify(&bodiless, &headers), Err(SignatureError::Components));
    assert_eq!(
        verify(&with_body, &signed(&bodiless)),
        Err(SignatureError::Components)
    );
}

#[test]
fn spellings_that_mean_the_same_request_are_the_same() {
    let plain = Request {
        path: "/",
        query: None,
        ..GET
    };
    let headers = signed(&plain);
    for same in [
        Request { path: "", ..plain },
        Request {
            query: Some(""),
            ..plain
        },
        Request {
            authority: "Lotse.Example.ORG",
            ..plain
        },
    ] {
        assert_eq!(verify(&same, &headers), Ok(()), "{same:?}");
    }
}

#[test]
fn a_signature_is_good_for_a_short_time_only() {
    let headers = signed(&GET);
    for (now, outcome) in [
        (NOW - MAX_AHEAD, Ok(())),
        (NOW - MAX_AHEAD - 1, Err(SignatureError::Future)),
        (NOW + 60, Ok(())),
        (NOW + 61, Err(SignatureError::Expired)),
        (i64::MIN, Err(SignatureError::Future)),
        (i64::MAX, Err(SignatureError::Expired)),
    ] {
        assert_eq!(verify_at(&GET, &headers, now), outcome, "{now}");
    }
    let longest = Stamp {
        expires: NOW + MAX_AGE,
        ..STAMP
    };
    let headers = sign(&GET, &longest, &secret()).unwrap();
    assert_eq!(verify_at(&GET, &headers, NOW + MAX_AGE), Ok(()));
    assert_eq!(
        verify_at(&GET, &headers, NOW + MAX_AGE + 1),
        Err(SignatureError::Expired)
    );
}

#[test]
fn nobody_says_for_how_long_its_signature_is_good_but_up_to_our_own_maximum() {
    for expires in [MAX_AGE + 1, 86_400, i64::from(i32::MAX)] {
        let later = format!(";expires={}", NOW + expires);
        let refused = read_with(";expires=1800000060", &later);
        assert_eq!(
            refused,
            Err(SignatureError::Parameter("expires")),
            "{later}"
        );
    }
    let unsaid = read_with(";expires=1800000060", "").unwrap();
    assert_eq!(unsaid.expires(), NOW + MAX_AGE);
    assert_eq!(unsaid.check_moment(NOW + MAX_AGE), Ok(()));
    assert_eq!(
        unsaid.check_moment(NOW + MAX_AGE + 1),
        Err(SignatureError::Expired)
    );
}

#[test]
fn other_components_are_refused() {
    for (from, to) in [
        (r#" "@query""#, ""),
        (r#" "@query""#, r#" "@query" "date""#),
        (r#" "@query""#, r#" "@query" "content-digest" "date""#),
        (r#" "@query""#, r#" "@query";req"#),
        (r#""@method" "@authority""#, r#""@authority" "@method""#),
        (r#""@method""#, r#""@method" "@method""#),
        (r#""@method""#, "method"),
        (r#"("@method" "@authority" "@path" "@query")"#, "()"),
    ] {
        assert_eq!(read_with(from, to), Err(SignatureError::Components), "{to}");
    }
}

#[test]
fn parameters_are_all_there_and_no_others() {
    for (from, to, name) in [
        (";created=1800000000", "", "created"),
        (";created=1800000000", ";created=\"1800000000\"", "created"),
        (";expires=1800000060", ";expires=\"1800000060\"", "expires"),
        (";expires=1800000060", ";expires=1800000000", "expires"),
        (";alg=\"ed25519\"", "", "alg"),
        ("ed25519", "hmac-sha256", "alg"),
        ("did:web:a.example#requests-1", "", "keyid"),
        ("b3k2pp5k7z-50gnwp.yemd", "", "nonce"),
        (";tag", ";x;tag", "which is unknown"),
    ] {
        assert_eq!(
            read_with(from, to),
            Err(SignatureError::Parameter(name)),
            "{to}"
        );
    }
    let long = "n".repeat(MAX_NONCE_BYTES + 1);
    assert_eq!(read_with(STAMP.nonce, &long), Err(SignatureError::TooLarge));
    // A parameter that comes twice counts as it comes last (RFC 9651 section 3.1.2), and is signed so.
    let twice = read_with(";created=1800000000", ";created=5;created=1800000000").unwrap();
    assert_eq!(twice.created(), NOW);
}

#[test]
fn exactly_one_signature_is_ours() {
    for to in ["other", "lotse-fe", ""] {
        assert_eq!(read_with("lotse-fed", to), Err(SignatureError::Tag));
    }
    let (input, signature) = signed(&GET);
    let others = format!(
        "{}, b=(\"date\");created=1, c",
        input.replace("sig1", "ours")
    );
    let theirs = format!("b=:AAAA:, {}", signature.replace("sig1", "ours"));
    assert_eq!(verify(&GET, &(others, theirs)), Ok(()));
    let two = format!("{input}, {}", input.replace("sig1", "sig2"));
    assert_eq!(Parsed::read(&two, &signature), Err(SignatureError::Tag));
    let many: Vec<_> = (0..=MAX_SIGNATURES).map(|n| format!("a{n}=1")).collect();
    assert_eq!(
        Parsed::read(&many.join(","), &signature),
        Err(SignatureError::TooLarge)
    );
    let large = " ".repeat(MAX_HEADER_BYTES + 1);
    assert_eq!(
        Parsed::read(&large, &signature),
        Err(SignatureError::TooLarge)
    );
    assert_eq!(Parsed::read(&input, &large), Err(SignatureError::TooLarge));
}

#[test]
fn a_signature_is_64_bytes_with_the_label_of_its_input() {
    let (input, signature) = signed(&GET);
    for bad in [
        "",
        "sig1",
        "sig1=:AAAA:",
        "sig1=(:AAAA:)",
        "sig1=\"x\"",
        &signature.replace("sig1", "sig2"),
        &signature.replace("==:", ":"),
    ] {
        assert_eq!(
            Parsed::read(&input, bad),
            Err(SignatureError::Malformed),
            "{bad}"
        );
    }
}

#[test]
fn what_cannot_stand_in_a_header_is_not_signed() {
    for bad in [
        Request { method: "", ..GET },
        Request {
            path: "/x\n\"@method\": PUT",
            ..GET
        },
        Request {
            path: "/x y",
            ..GET
        },
        Request {
            authority: "bücher.example",
            ..GET
        },
        Request {
            query: Some("a\r\n"),
            ..GET
        },
        Request {
            content_digest: Some("x\ny"),
            ..GET
        },
    ] {
        assert_eq!(
            sign(&bad, &STAMP, &secret()),
            Err(SignatureError::Request),
            "{bad:?}"
        );
    }
    for (bad, name) in [
        (Stamp { nonce: "", ..STAMP }, "nonce"),
        (
            Stamp {
                nonce: "ü",
                ..STAMP
            },
            "nonce",
        ),
        (
            Stamp {
                key_id: "a\nb",
                ..STAMP
            },
            "keyid",
        ),
        (
            Stamp {
                expires: NOW,
                ..STAMP
            },
            "expires",
        ),
        (
            Stamp {
                created: i64::MAX,
                ..STAMP
            },
            "created",
        ),
    ] {
        assert_eq!(
            sign(&GET, &bad, &secret()),
            Err(SignatureError::Parameter(name))
        );
    }
}

#[test]
fn a_digest_fits_its_body_only() {
    // RFC 9530 appendix B.1: the body is {"hello": "world"} with a line feed.
    let rfc = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    let body = b"{\"hello\": \"world\"}\n";
    assert_eq!(content_digest(body), rfc);
    assert_eq!(verify_content_digest(rfc, body), Ok(()));
    assert_eq!(
        verify_content_digest(&format!("sha-512=:AAAA:, {rfc}"), body),
        Ok(())
    );
    for (header, body, error) in [
        (rfc, &b"{\"hello\": \"world\"}"[..], SignatureError::Digest),
        ("sha-512=:AAAA:", body, SignatureError::Digest),
        ("sha-256=\"RK\"", body, SignatureError::Digest),
        ("sha-256=:RK/0:", body, SignatureError::Digest),
        ("", body, SignatureError::Digest),
        ("sha-256=:", body, SignatureError::Malformed),
        (
            &" ".repeat(DIGEST_HEADER_BYTES + 1),
            body,
            SignatureError::TooLarge,
        ),
    ] {
        assert_eq!(verify_content_digest(header, body), Err(error), "{header}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_signed_verifies_and_with_any_byte_changed_does_not(
        path in "/[a-z0-9/%._~-]{0,20}", query in prop::option::of("[a-z0-9=&%]{0,20}"),
        nonce in "[ -~]{1,40}", body: bool, in_input: bool, at: prop::sample::Index, to in 32_u8..127,
    ) {
        let request = Request {
            path: &path,
            query: query.as_deref(),
            content_digest: body.then_some(DIGEST),
            ..GET
        };
        let stamp = Stamp { nonce: &nonce, ..STAMP };
        let mut headers = sign(&request, &stamp, &secret()).unwrap();
        prop_assert_eq!(verify(&request, &headers), Ok(()));
        let header = if in_input { &mut headers.0 } else { &mut headers.1 };
        let mut bytes = header.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        *header = String::from_utf8(bytes).unwrap();
        prop_assert!(verify(&request, &headers).is_err(), "{:?}", headers);
    }

    #[test]
    fn any_headers_are_read_or_refused(input in ".{0,120}", signature in ".{0,120}", body: Vec<u8>) {
        let _ = Parsed::read(&input, &signature);
        let (_, ours) = signed(&GET);
        let _ = Parsed::read(&format!("sig1=({input});tag=\"lotse-fed\""), &ours);
        let _ = verify_content_digest(&input, &body);
        prop_assert_eq!(verify_content_digest(&content_digest(&body), &body), Ok(()));
    }
}
