//! Making attacks: one after the other, or all together.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::field::{Bounds, Field};
use super::ground::Ground;
use super::honest;
use super::report::Row;
use super::{ALL, Attack};

/// How far attacks go.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// For how long.
    pub time: Duration,
    /// How many requests each.
    pub most: u64,
    /// How many connections each.
    pub connections: usize,
    /// How long each thread rests between two requests: what attacks must come to on a machine that they share with
    /// what they attack.
    pub pause: Duration,
}

/// Peak and present of a node's memory, in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// `VmHWM`.
    pub peak: u64,
    /// `VmRSS`.
    pub now: u64,
}

/// How nice attackers are to those who share the machine with them (nice(2)).
const NICE: i32 = 10;

/// Makes these attacks at once, with honest ones beside them, and says what came of it.
///
/// # Panics
/// When the node has gone, or a thread has panicked.
#[must_use]
pub fn make(ground: &mut Ground, name: &str, attacks: &[&Attack], extent: &Extent) -> Row {
    ground.renew_token();
    forget_peak(ground);
    let before = memory(ground);
    let log = ground.node.log_bytes();
    let over = AtomicBool::new(false);
    let bounds = Bounds {
        until: Instant::now() + extent.time,
        most: extent.most,
        connections: extent.connections,
        pause: extent.pause,
    };
    let target = &ground.target;
    let begun = Instant::now();
    let (honest, counts) = std::thread::scope(|scope| {
        let asking = scope.spawn(|| honest::ask(target, &over));
        let attacking: Vec<_> = attacks
            .iter()
            .map(|attack| {
                let network = network(attack);
                let over = &over;
                scope.spawn(move || attacked(attack, Field::new(target, bounds, network, over)))
            })
            .collect();
        let ended: Vec<_> = attacking.into_iter().map(|one| one.join()).collect();
        // Before anything is made of them: where one has panicked, the honest ones would ask for ever.
        over.store(true, Ordering::Relaxed);
        let counts: Vec<_> = ended.into_iter().map(|one| one.unwrap()).collect();
        (asking.join().unwrap(), counts)
    });
    let took = begun.elapsed();
    Row {
        name: name.to_owned(),
        never: attacks.iter().map(|attack| attack.never).collect(),
        names: attacks.iter().map(|attack| attack.name).collect(),
        took,
        counts,
        honest,
        before,
        after: memory(ground),
        log: ground.node.log_bytes() - log,
    }
}

/// The second part of the addresses of an attack: 127.x.
fn network(attack: &Attack) -> u8 {
    let at = ALL.iter().position(|one| one.name == attack.name);
    10 + u8::try_from(at.unwrap_or_default()).unwrap_or_default()
}

fn attacked(attack: &Attack, field: Field<'_>) -> super::Counts {
    std::thread::scope(|scope| {
        for _ in 0..attack.threads {
            scope.spawn(|| {
                // They would bring machines of their own. Where that is refused they are less nice.
                let _ = rustix::process::setpriority_process(None, NICE);
                (attack.make)(&field);
            });
        }
    });
    field.outcome()
}

/// Lets the peak begin anew (proc(5): `clear_refs`).
fn forget_peak(ground: &Ground) {
    let process = ground.node.process().unwrap().as_raw_pid();
    let _ = fs::write(format!("/proc/{process}/clear_refs"), "5");
}

/// What the node holds, and has held.
///
/// # Panics
/// When it does not run.
#[must_use]
pub fn memory(ground: &Ground) -> Memory {
    let process = ground.node.process().unwrap().as_raw_pid();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kibibytes.unwrap() * 1024
    };
    Memory {
        peak: bytes("VmHWM:"),
        now: bytes("VmRSS:"),
    }
}
