//! The canonical form of any document.
#![no_main]

use federation::protocol::canonical::{CanonicalError, canonical};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(form) = canonical(data) else { return };
    match canonical(&form) {
        Ok(again) => assert_eq!(again, form),
        // A large double without an exponent is written as a whole number; escapes may make a form longer.
        Err(CanonicalError::Integer | CanonicalError::TooLarge) => {}
        Err(error) => panic!("{error}"),
    }
});
