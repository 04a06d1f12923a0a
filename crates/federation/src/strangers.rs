//! Nodes that came by themselves and wait for an admin: who of them finds room.

use std::net::Ipv4Addr;

use chrono::{DateTime, TimeDelta, Utc};
use domain::Origin;
use storage::feeds::Peer;

use crate::limits::{STRANGER_DAYS, STRANGERS, STRANGERS_PER_SITE};

/// Labels below a country's own that belong to no one either, and have more than three letters.
const SHARED: [&str; 6] = ["asso", "conf", "firm", "info", "name", "priv"];

/// Whom a host belongs to, as far as its name tells: the last two labels, or three where the last two are a country's
/// `co.uk`, `gv.at` and the like. An address belongs to itself, and ports do not count.
///
/// The Public Suffix List would tell more exactly, and be out of date by the next year. With its private part, whoever has a
/// name of a provider that gives them away for nothing would have as many sites as it likes; without it, little would
/// differ. Where this is wrong, nodes of different owners share [`STRANGERS_PER_SITE`] places, or one owner has them twice;
/// `peer add` needs no place at all.
pub(crate) fn site(origin: &Origin) -> &str {
    let host = origin.host();
    if host.starts_with('[') {
        return host.split_once(']').map_or(host, |(address, _)| address);
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    if name.parse::<Ipv4Addr>().is_ok() {
        return name;
    }
    let mut labels = name.rsplit('.');
    let (Some(last), Some(second)) = (labels.next(), labels.next()) else {
        return name;
    };
    let shared = last.len() == 2 && (second.len() <= 3 || SHARED.contains(&second));
    let mut length = last.len() + 1 + second.len();
    if let Some(third) = labels.next().filter(|_| shared) {
        length += 1 + third.len();
    }
    name.get(name.len() - length..).unwrap_or(name)
}

/// Whether there is room for one more, and who makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is, once these are forgotten.
    After(Vec<i64>),
    /// As many of its site wait as may.
    SiteIsFull,
}

/// Finds room for a newcomer among those who wait. Who has waited for too long goes; then, where it is full, the oldest that
/// no admin has seen, and only where all were seen the oldest of them.
pub(crate) fn room(waiting: &[Peer], newcomer: &Origin, now: DateTime<Utc>) -> Room {
    let since = now - TimeDelta::days(STRANGER_DAYS);
    let (mut waiting, gone): (Vec<&Peer>, Vec<&Peer>) =
        waiting.iter().partition(|peer| peer.asked >= since);
    let mut forgotten: Vec<i64> = gone.iter().map(|peer| peer.id).collect();
    let of_site = |peer: &&&Peer| site(&peer.base_url) == site(newcomer);
    if waiting.iter().filter(of_site).count() >= STRANGERS_PER_SITE {
        return Room::SiteIsFull;
    }
    waiting.sort_by_key(|peer| (peer.seen.is_some(), peer.asked, peer.id));
    let too_many = (waiting.len() + 1).saturating_sub(STRANGERS);
    forgotten.extend(waiting.iter().take(too_many).map(|peer| peer.id));
    Room::After(forgotten)
}

#[cfg(test)]
mod tests {
    use domain::feed::FeedName;
    use storage::feeds::Follower;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap_or_default()
    }

    fn stranger(id: i64, base_url: &str, asked: i64) -> Peer {
        let origin: Origin = base_url.parse().expect(base_url);
        let did = format!("did:web:{}", origin.host());
        let mut peer = Peer::new(origin, did, FeedName::Network, String::new(), at(asked));
        peer.id = id;
        peer.follower = Follower::Pending;
        peer
    }

    fn origin(text: &str) -> Origin {
        text.parse().expect(text)
    }

    #[test]
    fn a_site_is_what_somebody_owns_and_has_no_port() {
        for (base_url, expected) in [
            ("https://a.example", "a.example"),
            ("https://x.y.a.example:8443/sub", "a.example"),
            ("http://localhost:9", "localhost"),
            ("https://127.0.0.1:8080", "127.0.0.1"),
            ("https://[::1]:8080", "[::1"),
            ("https://one.co.uk", "one.co.uk"),
            ("https://www.one.co.uk", "one.co.uk"),
            ("https://stadt.gv.at", "stadt.gv.at"),
            ("https://co.uk", "co.uk"),
            ("https://a.b.example.de", "example.de"),
        ] {
            assert_eq!(site(&origin(base_url)), expected, "{base_url}");
        }
    }

    #[test]
    fn ports_and_names_below_a_site_do_not_get_around_its_places() {
        let waiting = [
            stranger(1, "https://a.example", 1),
            stranger(2, "https://a.example:8443", 2),
            stranger(3, "https://x.a.example", 3),
        ];
        let next = origin("https://y.a.example:1");
        assert_eq!(room(&waiting, &next, at(9)), Room::SiteIsFull);
        assert_eq!(
            room(&waiting, &origin("https://b.example"), at(9)),
            Room::After(vec![])
        );
        // Whoever has waited for too long holds no place.
        let later = at(1) + TimeDelta::days(STRANGER_DAYS) + TimeDelta::milliseconds(500);
        assert_eq!(room(&waiting, &next, later), Room::After(vec![1]));
    }

    #[test]
    fn where_it_is_full_the_oldest_that_nobody_has_seen_goes() {
        let mut waiting: Vec<Peer> = (0..STRANGERS as i64)
            .map(|id| stranger(id, &format!("https://s{id}.example"), id))
            .collect();
        let next = origin("https://late.example");
        assert_eq!(room(&waiting, &next, at(1_000)), Room::After(vec![0]));
        for seen in waiting.iter_mut().take(50) {
            seen.seen = Some(at(500));
        }
        assert_eq!(room(&waiting, &next, at(1_000)), Room::After(vec![50]));
        for seen in &mut waiting {
            seen.seen = Some(at(500));
        }
        assert_eq!(room(&waiting, &next, at(1_000)), Room::After(vec![0]));
    }
}
