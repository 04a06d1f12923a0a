//! One line of a batch.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(line) = api::BatchLine::parse(data) {
        let _ = line.command(|| {
            "01a2008d-7400-7000-8000-00000000000a"
                .parse()
                .expect("a constant")
        });
    }
});
