//! Where attacks meet: what is attacked, how far they may go, and what they were answered.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::wire::{self, Reply};
use crate::signing::Signatory;
use crate::world::ClientKey;

/// The node that is attacked, and what anybody, or a partner, may know of it.
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it is called in `Host`.
    pub host: String,
    /// Operations with a body, and some without: method, path, media type.
    pub operations: Vec<(String, String, String)>,
    /// An account's mailbox.
    pub email: String,
    /// A client of a partner.
    pub client: ClientKey,
    /// A token of that client, for what partners do.
    pub token: String,
    /// The id of an entry.
    pub entry: String,
    /// An offer that the partner may write.
    pub offer: Value,
    /// A node that it has approved.
    pub peer: Signatory,
    /// The address of a proxy whose word it takes about others.
    pub proxy: Ipv4Addr,
}

/// How long an answer is waited for when the attack is over.
const LAST: Duration = Duration::from_millis(500);

/// How far one attack goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// When it ends.
    pub until: Instant,
    /// Requests, in all.
    pub most: u64,
    /// Connections that it holds at once.
    pub connections: usize,
    /// How long it rests between two requests.
    pub pause: Duration,
}

/// What was answered to an attack.
#[derive(Debug, Clone, Default)]
pub struct Counts {
    /// Requests that were sent, or begun.
    pub sent: u64,
    /// Answers by status.
    pub answers: BTreeMap<u16, u64>,
    /// Connections that ended without an answer.
    pub cut: u64,
    /// Connections that were not taken.
    pub refused: u64,
    /// Bytes of all answers.
    pub bytes: u64,
}

/// One attack under way.
pub struct Field<'a> {
    /// What it is made on.
    pub target: &'a Target,
    /// How far it may go.
    pub bounds: Bounds,
    /// The second part of its addresses, 127.x.y.z: each attack has its own.
    pub network: u8,
    sent: AtomicU64,
    over: &'a AtomicBool,
    counts: Mutex<Counts>,
}

impl<'a> Field<'a> {
    /// An attack that is about to begin. It ends early when `over` is set.
    #[must_use]
    pub fn new(target: &'a Target, bounds: Bounds, network: u8, over: &'a AtomicBool) -> Self {
        Self {
            target,
            bounds,
            network,
            sent: AtomicU64::new(0),
            over,
            counts: Mutex::default(),
        }
    }

    /// Takes the number of the next request; none where it has gone far enough.
    pub fn next(&self) -> Option<u64> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        if number >= self.bounds.most || self.is_over() {
            return None;
        }
        if !self.bounds.pause.is_zero() {
            std::thread::sleep(self.bounds.pause);
        }
        Some(number)
    }

    /// Whether it has to end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || Instant::now() >= self.bounds.until
    }

    /// Waits until it has to end.
    pub fn wait(&self) {
        while !self.is_over() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One of its addresses: the same for the same number, 64,000 in all.
    #[must_use]
    pub fn source(&self, number: u64) -> Ipv4Addr {
        let [.., high, low] = (number % 64_000 + 256).to_be_bytes();
        Ipv4Addr::new(127, self.network, high, low.max(1))
    }

    /// A connection, counted where it is not taken.
    pub fn connect(&self, from: Ipv4Addr) -> Option<TcpStream> {
        let stream = wire::connect(from, self.target.address);
        let mut counts = self.counts();
        counts.sent += 1;
        if stream.is_err() {
            counts.refused += 1;
        }
        stream.ok()
    }

    /// Sends a request on a connection of its own and notes the answer.
    pub fn send(&self, from: Ipv4Addr, bytes: &[u8]) {
        let left = self.bounds.until.saturating_duration_since(Instant::now());
        let patience = (left + LAST).min(wire::PATIENCE);
        let reply = wire::exchange(from, self.target.address, bytes, patience);
        self.counts().sent += 1;
        match reply {
            Ok(reply) => self.note(&reply),
            Err(_) => self.counts().refused += 1,
        }
    }

    /// Reads and notes what a connection is answered until it ends, but no longer than `patience`.
    pub fn finish(&self, mut stream: TcpStream, patience: Duration) {
        let reply = wire::read(&mut stream, patience);
        self.note(&reply);
    }

    fn note(&self, reply: &Reply) {
        let mut counts = self.counts();
        counts.bytes += reply.bytes;
        for status in &reply.statuses {
            *counts.answers.entry(*status).or_default() += 1;
        }
        if reply.statuses.is_empty() {
            counts.cut += 1;
        }
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap()
    }

    /// What came of it.
    ///
    /// # Panics
    /// When one of its threads has.
    #[must_use]
    pub fn outcome(self) -> Counts {
        self.counts.into_inner().unwrap()
    }

    /// A request to the target.
    #[must_use]
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Vec<u8> {
        wire::request(method, path, &self.target.host, headers, body)
    }
}
