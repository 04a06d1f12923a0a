//! The allocator of the node, and the one setting of it that the node changes.

use libmimalloc_sys::{mi_option_set_default, mi_option_t};

/// The allocator.
pub use mimalloc::MiMalloc;

/// Milliseconds after which memory that nothing uses goes back to the system. The library waits for a second: what one
/// page of a peer, one segment of the index and one commit take, one after the other, then adds up to 100 MB that are
/// used no more, and answers that many ask for at once to as much again. At 1 ms lists are answered as fast as at 100 ms;
/// at once (0) those of 200 entries take two and a half times as long.
const PURGE_MILLIS: std::ffi::c_long = 1;
/// `mi_option_purge_delay` in the library's `mimalloc.h`; a test holds that it is this number.
const PURGE_DELAY: mi_option_t = 15;

/// Gives memory back soon, unless `MIMALLOC_PURGE_DELAY` says otherwise. To be called once, first of all.
pub fn give_back_soon() {
    // SAFETY: takes two numbers and writes one in a table of the library; the option exists, see the test.
    unsafe { mi_option_set_default(PURGE_DELAY, PURGE_MILLIS) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmimalloc_sys::mi_option_get;

    #[test]
    fn the_option_is_the_delay_and_has_changed() {
        // SAFETY: reads a number from a table of the library.
        let read = || unsafe { mi_option_get(PURGE_DELAY) };
        // No other option near it is a thousand.
        assert_eq!(read(), 1_000, "the library's own delay");
        give_back_soon();
        assert_eq!(read(), PURGE_MILLIS);
    }
}
