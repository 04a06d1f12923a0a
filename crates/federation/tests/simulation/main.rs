//! Nodes that follow one another, in one thread and with a made-up clock: whatever crashes, lies, gets lost or is put
//! back, in the end every follower holds what its origins say, or has proof that an origin broke its word.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where something is not as it must be"
)]

mod check;
mod entries;
mod keys;
mod memory;
mod node;
mod random;
mod traffic;
mod world;

use keys::Signatures;
use world::{Counts, World};

/// Steps of most runs.
const SHORT: usize = 300;
/// Steps of one run in ten.
const LONG: usize = 3_000;

/// Says how to repeat a run that did not end well.
struct Replay(u64);

impl Drop for Replay {
    #[expect(
        clippy::print_stderr,
        reason = "whoever reads the test's output needs the seed"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "to repeat it: LOTSE_SEED={} cargo test -p lotse-federation --test simulation",
                self.0
            );
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a test looks for what is wrong is not configuration of a node"
)]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn run(seed: u64, signatures: Signatures) -> Counts {
    let _replay = Replay(seed);
    let steps = if seed.is_multiple_of(10) { LONG } else { SHORT };
    let mut world = World::new(seed, signatures);
    for _ in 0..steps {
        world.step();
    }
    check::come_to_rest(&mut world);
    check::everybody_agrees(&world);
    world.counts
}

fn run_all(first: u64, count: u64, signatures: Signatures) {
    if let Some(seed) = setting("LOTSE_SEED") {
        run(seed.parse().unwrap(), signatures);
        return;
    }
    let times = if setting("LOTSE_TEST_LONG").is_some() {
        20
    } else {
        1
    };
    let all = std::sync::Mutex::new(Counts::default());
    let next = std::sync::atomic::AtomicU64::new(first);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= first + count * times {
                        return;
                    }
                    let counts = run(seed, signatures);
                    all.lock().unwrap().add(counts);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    all.show();
    if signatures == Signatures::Stubbed {
        all.something_of_everything_happened();
    }
}

#[test]
fn followers_agree_with_their_origins_or_prove_that_one_broke_its_word() {
    run_all(0, 1_000, Signatures::Stubbed);
}

#[test]
fn they_do_with_real_signatures() {
    run_all(5_000_000, 20, Signatures::Real);
}
