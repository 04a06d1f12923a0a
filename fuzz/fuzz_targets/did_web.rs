//! Identifiers of nodes, from any text.
#![no_main]

use domain::Origin;
use federation::protocol::did::DidWeb;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(did) = text.parse::<DidWeb>() {
        assert_eq!(did.as_str(), text);
        let origin = did.origin().expect("it was read, so it names an origin");
        assert_eq!(DidWeb::of(&origin).as_ref(), Ok(&did));
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert_eq!(
            origin.as_str().parse().as_ref(),
            Ok(&origin),
            "an origin has one spelling"
        );
        if let Ok(did) = DidWeb::of(&origin) {
            let _ = did.origin();
        }
    }
});
