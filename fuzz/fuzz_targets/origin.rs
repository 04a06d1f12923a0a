//! Base URLs of nodes: every spelling comes to one form, and one node has one DID.
#![no_main]

use domain::Origin;
use federation::protocol::did::DidWeb;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(origin) = text.parse::<Origin>() else {
        return;
    };
    let normal = origin.as_str();
    assert_eq!(normal.parse().as_ref(), Ok(&origin), "the normal form is its own");
    for other in spellings(normal) {
        if let Ok(other) = other.parse::<Origin>() {
            assert!(other.is_same_node(&origin), "{other} is {normal}");
        }
    }
    let Ok(did) = DidWeb::of(&origin) else {
        return;
    };
    for same in origin.of_same_node() {
        // With one letter more it may be too long.
        if let Ok(same) = same.parse::<Origin>() {
            assert!(same.is_same_node(&origin));
            assert_eq!(DidWeb::of(&same).as_ref(), Ok(&did), "the scheme makes no other node");
        }
    }
});

/// Other ways to write the same: capitals in scheme and host, a slash more, a segment that is left again.
fn spellings(normal: &str) -> [String; 4] {
    let (scheme, rest) = normal.split_once("://").expect("it has a scheme");
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    [
        format!("{}://{}{path}", scheme.to_uppercase(), host.to_uppercase()),
        format!("{normal}/"),
        format!("{scheme}://{host}//{path}"),
        format!("{normal}/x/.."),
    ]
}
