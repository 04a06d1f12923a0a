//! The headers of signed requests: none is let through that was not signed.
#![no_main]

use std::sync::LazyLock;

use federation::protocol::http_signature::{
    Parsed, Request, Stamp, content_digest, sign, verify_content_digest,
};
use federation::protocol::key::{Ed25519, SecretKey, Signer as _};
use libfuzzer_sys::fuzz_target;

static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_seed([7; 32]));

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (first, second, path, nonce) = input;
    let request = Request {
        method: "GET",
        authority: "lotse.example.org",
        path,
        query: Some(second),
        content_digest: None,
    };
    let key = KEY.public();
    let ours = r#"sig1=("@method" "@authority" "@path" "@query");tag="lotse-fed""#;
    let zeros = format!("sig1=:{}==:", "A".repeat(86));
    for (input, signature) in [(first, second), (&format!("{ours}{first}"), &zeros)] {
        if let Ok(parsed) = Parsed::read(input, signature) {
            let now = parsed.created();
            assert!(parsed.verify(&request, &key, &Ed25519, now).is_err());
        }
    }
    let stamp = Stamp {
        created: 1,
        expires: 2,
        key_id: first,
        nonce,
    };
    if let Ok((input, signature)) = sign(&request, &stamp, &*KEY) {
        let parsed = Parsed::read(&input, &signature).expect("what was signed can be read");
        assert_eq!((parsed.key_id(), parsed.nonce()), (first, nonce));
        assert_eq!(parsed.verify(&request, &key, &Ed25519, 1), Ok(()));
    }
    let _ = verify_content_digest(first, second.as_bytes());
    let digest = content_digest(path.as_bytes());
    assert_eq!(verify_content_digest(&digest, path.as_bytes()), Ok(()));
});
