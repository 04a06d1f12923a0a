//! Those for whom a node is there, while it is attacked: a reader, a partner's program, a peer. Each asks at an even pace
//! from an address of its own, and may expect an answer each time.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, RequestBuilder};

use super::Target;
use super::federation::now;
use super::ground::CHANGES;
use crate::signing::Signed;

/// How often somebody honest has come so far: each time from another address, so that attacks that follow each other do
/// not add up to more than one address may ask.
static CAME: AtomicU8 = AtomicU8::new(0);

/// Between two questions of the reader: half of what one address may ask.
const READS: Duration = Duration::from_millis(100);
/// Between two sign-ins of the partner: less than one address may try in a minute.
const SIGN_INS: Duration = Duration::from_millis(6_500);
/// Between two questions of the peer.
const PULLS: Duration = Duration::from_millis(500);
/// How long anybody waits for an answer before it counts as none.
const PATIENCE: Duration = Duration::from_secs(10);

/// What somebody honest was answered.
#[derive(Debug, Clone, Default)]
pub struct Served {
    /// How long each answer took that was one.
    pub took: Vec<Duration>,
    /// What went wrong instead, each time.
    pub failed: Vec<String>,
}

impl Served {
    /// The time that so many hundredths of all answers stayed below.
    #[must_use]
    pub fn percentile(&self, hundredths: usize) -> Duration {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
        sorted.get(at).copied().unwrap_or(PATIENCE)
    }

    fn ask(&mut self, what: &str, request: RequestBuilder, expected: &[u16]) {
        let begun = Instant::now();
        let answer = request
            .send()
            .and_then(|answer| Ok((answer.status().as_u16(), answer.bytes()?)));
        match answer {
            Ok((status, _)) if expected.contains(&status) => self.took.push(begun.elapsed()),
            Ok((status, body)) => {
                let body = String::from_utf8_lossy(&body);
                let body: String = body.chars().take(300).collect();
                self.failed.push(format!("{what}: {status} {body}"));
            }
            Err(error) => self.failed.push(format!("{what}: {error:?}")),
        }
    }
}

/// What all of them were answered.
#[derive(Debug, Clone, Default)]
pub struct Honest {
    /// The reader.
    pub reader: Served,
    /// The partner's program.
    pub partner: Served,
    /// The peer.
    pub peer: Served,
}

fn client() -> Client {
    let address = Ipv4Addr::new(127, 250, 0, CAME.fetch_add(1, Ordering::Relaxed));
    Client::builder()
        .no_proxy()
        .timeout(PATIENCE)
        .local_address(IpAddr::V4(address))
        .build()
        .unwrap()
}

/// Asks at an even pace until it is over, at least once.
fn paced(over: &AtomicBool, pace: Duration, mut ask: impl FnMut(u64)) {
    let begun = Instant::now();
    let mut number = 0_u32;
    loop {
        ask(u64::from(number));
        number += 1;
        while begun.elapsed() < pace * number {
            if over.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Asks for all three until it is over.
///
/// # Panics
/// When one of the threads has.
#[must_use]
pub fn ask(target: &Target, over: &AtomicBool) -> Honest {
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| reader(target, over));
        let partner = scope.spawn(|| partner(target, over));
        let peer = scope.spawn(|| peer(target, over));
        Honest {
            reader: reader.join().unwrap(),
            partner: partner.join().unwrap(),
            peer: peer.join().unwrap(),
        }
    })
}

fn reader(target: &Target, over: &AtomicBool) -> Served {
    let client = client();
    let paths = [
        "/api/v1/offers?limit=20".to_owned(),
        format!("/api/v1/entries/{}", target.entry),
        "/api/v1/offers?q=Beratung&limit=20".to_owned(),
        "/api/v1/offers?country=DE&facets=topic&limit=20".to_owned(),
        "/".to_owned(),
        "/api/v1/vocabularies/topic".to_owned(),
    ];
    let mut served = Served::default();
    paced(over, READS, |number| {
        let path = &paths[number as usize % paths.len()];
        let request = client.get(format!("http://{}{path}", target.address));
        served.ask(path, request, &[200]);
    });
    served
}

fn partner(target: &Target, over: &AtomicBool) -> Served {
    let client = client();
    let mut served = Served::default();
    paced(over, SIGN_INS, |_| {
        let request = client
            .post(format!("http://{}/api/v1/token", target.address))
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &target.client.id),
                ("client_secret", &target.client.secret),
            ]);
        served.ask("a token for the right secret", request, &[200]);
    });
    served
}

fn peer(target: &Target, over: &AtomicBool) -> Served {
    let client = client();
    let mut served = Served::default();
    paced(over, PULLS, |number| {
        let is_hint = number % 4 == 3;
        let (method, path, body): (_, _, Option<&[u8]>) = if is_hint {
            ("POST", "/fed/v1/hints", Some(br#"{"type":"lotse:Hint"}"#))
        } else {
            ("GET", CHANGES, None)
        };
        let created = now();
        let headers = target.peer.sign(&Signed {
            method,
            host: &target.host,
            path,
            body,
            created,
            expires: created + 60,
        });
        let url = format!("http://{}{path}", target.address);
        let mut request = match body {
            Some(body) => client
                .post(url)
                .header("Content-Type", "application/json")
                .body(body),
            None => client.get(url),
        };
        request = request.header("Host", &target.host);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        served.ask(path, request, &[200, 202, 204]);
    });
    served
}
