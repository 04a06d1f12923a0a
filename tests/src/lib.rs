//! What the tests of the whole product share: [`TestNode`] starts the real binary and speaks only HTTP with it.
//!
//! Run them with `cargo xtask test`, which builds the binary and starts the PostgreSQL that they need. Anything missing
//! is an error, never a test that passes by doing nothing.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "in a test, what should not happen ends the test"
)]

pub mod attack;
pub mod batch;
pub mod blocks;
pub mod database;
pub mod federation;
pub mod node;
pub mod openapi;
pub mod party;
pub mod played;
pub mod proxy;
pub mod quality;
pub mod raw;
pub mod remains;
pub mod signing;
pub mod world;

pub use database::Database;
pub use node::{Node, TestNode};
pub use party::{Answer, Party};
pub use proxy::Proxy;
pub use world::World;

/// Makes a test of a function of a [`Database`] on each database: `on_both!(name_of_the_function);`.
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        $(
            $(#[$attribute])*
            mod $name {
                #[test]
                fn sqlite() {
                    super::$name($crate::Database::Sqlite);
                }

                #[test]
                fn postgres() {
                    super::$name($crate::Database::Postgres);
                }
            }
        )+
    };
}

/// Whether long loops run whole: `cargo xtask test --long`.
#[must_use]
pub fn long() -> bool {
    std::env::var_os("LOTSE_TEST_LONG").is_some()
}

/// `short` in everyday runs, `long` under `--long`.
#[must_use]
pub fn rounds(short: usize, long_run: usize) -> usize {
    if long() { long_run } else { short }
}

/// Calls `check` until it returns something.
///
/// # Panics
/// After `seconds`, saying what was waited for.
pub fn wait_for<T>(what: &str, seconds: u64, mut check: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    while begun.elapsed().as_secs() < seconds {
        if let Some(found) = check() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("waited {seconds} s in vain: {what}")
}
