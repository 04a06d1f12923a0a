//! The attacks of `cargo xtask attack` in short: no bomb goes off, nothing comes through, the log stays short, and whoever
//! is honest is answered each time. How fast, only the release build says.

use std::io::Read;
use std::time::Duration;

use lotse_tests::attack::bodies::{MADE, UNFOLDED};
use lotse_tests::attack::ground::Ground;
use lotse_tests::attack::report::{Bounds, table};
use lotse_tests::attack::run::{Extent, make};
use lotse_tests::attack::{ALL, Attack};

/// A small node of the tests' build, with everything that an attack may make it hold.
const BOUNDS: Bounds = Bounds {
    peak: 400_000_000,
    median: None,
    log: 256_000,
};

fn extent(millis: u64) -> Extent {
    Extent {
        time: Duration::from_millis(millis),
        most: 2_000,
        connections: 100,
        pause: Duration::from_millis(1),
    }
}

#[test]
fn under_each_attack_and_all_together_honest_ones_are_answered_and_nothing_comes_through() {
    let mut ground = Ground::prepare(None, 500);
    let mut rows: Vec<_> = ALL
        .iter()
        .map(|attack| make(&mut ground, attack.name, &[attack], &extent(1_500)))
        .collect();
    let all: Vec<&Attack> = ALL.iter().collect();
    let together = Extent {
        pause: Duration::from_millis(20),
        ..extent(5_000)
    };
    rows.push(make(&mut ground, "together", &all, &together));
    let table = table(&rows, &BOUNDS);
    let failed = rows.iter().any(|row| !row.failures(&BOUNDS).is_empty());
    assert!(!failed, "{table}");
    // In good order afterwards, too.
    ground.node.stop();
}

#[test]
fn the_bombs_of_these_tests_would_go_off() {
    for (coding, bomb) in MADE.iter() {
        assert!(
            bomb.len() < UNFOLDED / 500,
            "{coding}: {} bytes",
            bomb.len()
        );
        let mut unfolding: Box<dyn Read> = match *coding {
            "br" => Box::new(brotli::Decompressor::new(bomb.as_slice(), 4096)),
            "deflate" => Box::new(flate2::read::ZlibDecoder::new(bomb.as_slice())),
            "gzip" => Box::new(flate2::read::GzDecoder::new(bomb.as_slice())),
            _ => continue,
        };
        let mut piece = vec![1; 5 * 1024 * 1024];
        unfolding.read_exact(&mut piece).unwrap();
        assert!(piece.iter().all(|byte| *byte == 0), "{coding}");
    }
}
