//! How much of this process is in use at once, and by whom: bytes of bodies that arrive, bytes of answers that leave,
//! connections, requests in flight, answers that are made while they are sent.
//!
//! A rate limit says how often somebody may ask; this says how much of what they asked for may be held for them at the
//! same time. Nobody's share of the whole is so large that others find nothing left.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::consts;
use crate::problem::{Code, Problem};
use crate::rate::Client;

/// An amount that all share, of which each client may hold a part. A third of it is kept for clients that hold little, an
/// eighth of their part at most, or one where that is less: a few that take all they can leave room for everybody else.
///
/// Many that hold little each could still fill it, and keep everybody away for as long as they may be slow. So where there
/// is no room, what waits for its client the longest yields ([`Share::wait`]): whoever takes and sends without delay finds
/// room.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    each: usize,
    /// How long a share waits for its client before it yields to others; never where there is none.
    patience: Option<Duration>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    clients: HashMap<Client, usize>,
    /// Shares that wait for their clients, the longest first.
    waiting: BTreeMap<u64, Waiting>,
    next: u64,
}

/// A share that waits for its client.
#[derive(Debug)]
struct Waiting {
    client: Client,
    amount: usize,
    since: Instant,
    waker: Waker,
}

impl Shares {
    /// At most `most` of something at once, and at most `each` of it for one client: one IPv4 address or one IPv6 network.
    #[must_use]
    pub fn new(most: usize, each: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            each,
            patience: None,
            held: Mutex::default(),
        })
    }

    /// The same, where what waits for its client for longer than `patience` yields to others when there is no room.
    #[must_use]
    pub fn yielding(most: usize, each: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            most,
            each,
            patience: Some(patience),
            held: Mutex::default(),
        })
    }

    /// A share of a client that holds nothing yet.
    #[must_use]
    pub fn none_for(self: &Arc<Self>, client: IpAddr) -> Share {
        self.none(Client::of(client))
    }

    /// So much for somebody who has proved who it is, from whatever addresses it comes, or nothing where that is more than
    /// is left for it. `name` is the same for nobody else.
    #[must_use]
    pub fn take_named(self: &Arc<Self>, name: u64, amount: usize) -> Option<Share> {
        let mut share = self.none(Client::Name(name));
        share.grow(amount).then_some(share)
    }

    fn none(self: &Arc<Self>, client: Client) -> Share {
        Share {
            of: Arc::clone(self),
            client,
            held: 0,
            waits: None,
            is_lost: false,
        }
    }

    /// So much for a client, or nothing where that is more than is left for it.
    #[must_use]
    pub fn take(self: &Arc<Self>, client: IpAddr, amount: usize) -> Option<Share> {
        let mut share = self.none_for(client);
        share.grow(amount).then_some(share)
    }

    /// What is in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.held.lock().all
    }

    /// Adds to what a client holds, in the share that waits under `waits`, if any.
    fn add(&self, client: Client, amount: usize, waits: Option<u64>) -> bool {
        let mut held = self.held.lock();
        if waits.is_some_and(|waits| !held.waiting.contains_key(&waits)) {
            return false;
        }
        let of_client = held.clients.get(&client).copied().unwrap_or(0);
        let (Some(sum), Some(all)) = (of_client.checked_add(amount), held.all.checked_add(amount))
        else {
            return false;
        };
        let most = if sum <= (self.each / 8).max(1) {
            self.most
        } else {
            self.most - self.most / 3
        };
        if sum > self.each {
            return false;
        }
        let lost = if all <= most {
            Vec::new()
        } else {
            match self.make_room(&mut held, all - most, waits) {
                Some(lost) => lost,
                None => return false,
            }
        };
        held.all += amount;
        *held.clients.entry(client).or_default() += amount;
        if let Some(waiting) = waits.and_then(|waits| held.waiting.get_mut(&waits)) {
            waiting.amount += amount;
        }
        drop(held);
        lost.into_iter().for_each(Waker::wake);
        true
    }

    /// Takes away what waits the longest until so much is free, and says who has to hear of it; nothing where that would
    /// not do.
    fn make_room(&self, held: &mut Held, needed: usize, but: Option<u64>) -> Option<Vec<Waker>> {
        let patience = self.patience?;
        let now = Instant::now();
        let mut free = 0;
        let mut chosen = Vec::new();
        for (number, waiting) in &held.waiting {
            if free >= needed || now.duration_since(waiting.since) < patience {
                break;
            }
            if but != Some(*number) {
                free += waiting.amount;
                chosen.push(*number);
            }
        }
        if free < needed {
            return None;
        }
        let lost = chosen.into_iter().filter_map(|number| {
            let waiting = held.waiting.remove(&number)?;
            held.remove(waiting.client, waiting.amount);
            Some(waiting.waker)
        });
        Some(lost.collect())
    }
}

impl Held {
    fn remove(&mut self, client: Client, amount: usize) {
        self.all = self.all.saturating_sub(amount);
        if let Some(of_client) = self.clients.get_mut(&client) {
            *of_client = of_client.saturating_sub(amount);
            if *of_client == 0 {
                self.clients.remove(&client);
            }
        }
    }
}

/// What one client holds of [`Shares`] for one purpose. Given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<Shares>,
    client: Client,
    held: usize,
    /// Under which number it waits for its client.
    waits: Option<u64>,
    /// Whether it was taken away while it waited.
    is_lost: bool,
}

impl Share {
    /// Holds so much more; false, and nothing more is held, where that is more than is left.
    pub fn grow(&mut self, amount: usize) -> bool {
        let fits = amount == 0 || (!self.is_lost && self.of.add(self.client, amount, self.waits));
        if fits {
            self.held += amount;
        }
        fits
    }

    /// Whether it holds anything.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held > 0
    }

    /// Waits for its client from now on, or still does, and yields to others when it has done so for the longest: then
    /// the task of `context` is woken, and this says false from then on.
    pub fn wait(&mut self, context: &Context<'_>) -> bool {
        let Some(_) = self.of.patience.filter(|_| self.held > 0) else {
            return !self.is_lost;
        };
        let mut held = self.of.held.lock();
        let Some(number) = self.waits else {
            let number = held.next;
            held.next += 1;
            held.waiting.insert(
                number,
                Waiting {
                    client: self.client,
                    amount: self.held,
                    since: Instant::now(),
                    waker: context.waker().clone(),
                },
            );
            self.waits = Some(number);
            return true;
        };
        if let Some(waiting) = held.waiting.get_mut(&number) {
            waiting.waker.clone_from(context.waker());
            return true;
        }
        drop(held);
        self.lose()
    }

    /// Waits no longer; false where it was taken away meanwhile.
    pub fn go_on(&mut self) -> bool {
        if let Some(number) = self.waits.take()
            && self.of.held.lock().waiting.remove(&number).is_none()
        {
            return self.lose();
        }
        !self.is_lost
    }

    fn lose(&mut self) -> bool {
        self.held = 0;
        self.waits = None;
        self.is_lost = true;
        false
    }

    /// Holds nothing any more, and may hold something again.
    pub fn give_back(&mut self) {
        if self.go_on() && self.held > 0 {
            let amount = std::mem::take(&mut self.held);
            self.of.held.lock().remove(self.client, amount);
        }
        self.is_lost = false;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// What is refused while there is no room: 503 `busy`.
pub(crate) fn busy() -> Problem {
    Problem::new(
        Code::Busy,
        "there is no room for this at the moment: try again when Retry-After says",
    )
    .with_retry_after(consts::BUSY_SECONDS)
}

/// All that is shared by the requests of a process.
#[derive(Debug, Clone)]
pub struct Load {
    /// Bytes of bodies that are being read or worked on.
    pub arriving: Arc<Shares>,
    /// Bytes that are kept of bodies that stream.
    pub streaming_in: Arc<Shares>,
    /// Bytes of answers that are on their way.
    pub leaving: Arc<Shares>,
    /// Answers that are made while they are sent.
    pub exports: Arc<Shares>,
    /// Requests in flight that came through proxies.
    pub in_flight: Arc<Shares>,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            arriving: Shares::yielding(
                consts::ARRIVING_BYTES,
                consts::ARRIVING_BYTES_EACH,
                consts::ARRIVING_PATIENCE,
            ),
            streaming_in: Shares::new(consts::STREAM_BYTES, consts::STREAM_BYTES),
            leaving: Shares::yielding(
                consts::LEAVING_BYTES,
                consts::LEAVING_BYTES_EACH,
                consts::LEAVING_PATIENCE,
            ),
            exports: Shares::yielding(
                consts::EXPORTS,
                consts::EXPORTS_EACH,
                consts::EXPORTS_PATIENCE,
            ),
            in_flight: Shares::new(usize::MAX, consts::REQUESTS_EACH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn nobody_holds_more_than_its_part_and_all_together_no_more_than_the_whole() {
        let shares = Shares::new(150, 80);
        let (one, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut first = shares.take(one, 50).expect("room");
        assert!(!first.grow(31), "more than its part");
        assert!(first.grow(30) && shares.take(one, 1).is_none());
        assert!(shares.take(other, 21).is_none(), "more than is left");
        let second = shares.take(other, 20).expect("room");
        assert_eq!(shares.used(), 100);
        let little: Vec<Share> = (3..=7)
            .map(|n| shares.take(IpAddr::from([192, 0, 2, n]), 10))
            .collect::<Option<_>>()
            .expect("room is kept for those who hold little");
        assert!(shares.take(address("192.0.2.8"), 1).is_none());
        drop((first, second, little));
        assert_eq!(shares.used(), 0);
        assert!(
            shares.held.lock().clients.is_empty(),
            "nobody is remembered who holds nothing"
        );
    }

    #[test]
    fn however_few_there_are_one_is_left_for_who_holds_none() {
        let shares = Shares::new(6, 3);
        let client = |n: u8| IpAddr::from([192, 0, 2, n]);
        let take = |n| shares.take(client(n), 1);
        let held: Vec<Share> = [1, 1, 1, 2].into_iter().filter_map(take).collect();
        assert_eq!(held.len(), 4);
        assert!(take(1).is_none() && take(2).is_none(), "a third is kept");
        let others = (take(3), shares.take_named(1, 1));
        assert!(others.0.is_some() && others.1.is_some());
        assert!(take(4).is_none(), "and no more than there are");
    }

    fn context() -> Context<'static> {
        Context::from_waker(Waker::noop())
    }

    #[test]
    fn what_waits_the_longest_yields_where_there_is_no_room() {
        let shares = Shares::yielding(100, 800, Duration::ZERO);
        let client = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut held: Vec<Share> = (0..4)
            .map(|n| shares.take(client(n), 25).expect("room"))
            .collect();
        assert!(shares.take(client(9), 1).is_none(), "nobody waits");
        // The second, then the first; the second moves and waits anew.
        for n in [1, 0] {
            assert!(held[n].wait(&context()));
        }
        assert!(held[1].go_on() && held[1].wait(&context()));
        assert!(
            shares.take(client(9), 51).is_none() && held[0].wait(&context()),
            "more than both together: neither goes for nothing"
        );
        let new = shares.take(client(9), 25).expect("the first yields");
        assert!(!held[0].wait(&context()) && !held[0].go_on() && !held[0].grow(1));
        assert!(held[1].wait(&context()));
        assert_eq!(shares.used(), 100);
        drop((held, new));
        assert_eq!(
            shares.used(),
            0,
            "what was taken away is not given back twice"
        );
        assert!(shares.held.lock().clients.is_empty() && shares.held.lock().waiting.is_empty());
    }

    #[test]
    fn a_share_grows_where_it_waits_and_yields_nothing_to_itself_nor_before_its_time() {
        let shares = Shares::yielding(100, 800, Duration::from_secs(3_600));
        let client = |n: u8| IpAddr::from([192, 0, 2, n]);
        let mut one = shares.take(client(1), 60).expect("room");
        assert!(one.wait(&context()) && one.grow(40));
        assert!(!one.grow(1) && one.wait(&context()));
        assert!(
            shares.take(client(2), 1).is_none(),
            "it has not waited for long"
        );
        one.give_back();
        assert_eq!(shares.used(), 0);
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let shares = Shares::new(10, 1);
        let _held = shares.take(address("2001:db8:1:1::1"), 1).expect("room");
        assert!(shares.take(address("2001:db8:1:1:ffff::2"), 1).is_none());
        assert!(shares.take(address("2001:db8:1:2::1"), 1).is_some());
    }
}
