//! Places that are taken until a person has looked at what takes them: registrations and corrections. There are so many, and
//! what waits is never thrown away, so nobody may take them all. As a room fills, a site and a large network may take fewer
//! of what is left, a full day long: whoever wants to fill the last part needs a new network for each place, and whoever holds
//! none always gets one.

use std::net::IpAddr;
use std::time::Duration;

use crate::consts;
use crate::gcra::Gcra;
use crate::problem::Problem;
use crate::rate::{Rate, network, site, too_many};

/// How full the room of what waits is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Places that are taken.
    pub taken: u32,
    /// Places that there are.
    pub places: u32,
}

impl Room {
    /// A room of so many places, of which some are taken.
    #[must_use]
    pub fn of(places: i64, taken: i64) -> Self {
        let whole = |number: i64| u32::try_from(number.max(0)).unwrap_or(u32::MAX);
        Self {
            taken: whole(taken),
            places: whole(places),
        }
    }

    /// How many places of this room somebody may hold who may hold `day` of an empty one: by the square of the part that is
    /// free, and always one.
    fn share(self, day: u32) -> u32 {
        let free = u128::from(self.places.saturating_sub(self.taken));
        let places = u128::from(self.places.max(1));
        let share = u128::from(day) * free * free / (places * places);
        u32::try_from(share).unwrap_or(u32::MAX).max(1)
    }

    /// What one place costs whoever has `day` to spend in a day: all of it where it may hold one.
    fn price(self, day: u32) -> u32 {
        day.div_ceil(self.share(day))
    }
}

/// What has been spent on places of one kind, in memory and bounded like every count of addresses.
#[derive(Debug)]
pub(crate) struct Places {
    /// What one address (IPv4) or site (IPv6, /48) may spend in a day.
    day: u32,
    sites: Gcra,
    networks: Gcra,
}

impl Places {
    /// So many bursts of a rate in a day for one site. None where the rate is switched off.
    pub(crate) fn new(rate: Rate, bursts: u32) -> Option<Self> {
        rate.step()?;
        let day = rate.burst.saturating_mul(bursts).max(1);
        let cells = |day: u32| Gcra::new(day, Duration::from_secs(24 * 3_600) / day.max(1));
        Some(Self {
            day,
            sites: cells(day),
            networks: cells(Self::of_network(day)),
        })
    }

    fn of_network(day: u32) -> u32 {
        day.saturating_mul(consts::PLACES_NETWORK_SHARE)
    }

    /// Takes a place.
    pub(crate) fn take(&self, address: IpAddr, room: Room) -> Result<(), Problem> {
        let price = room.price(self.day);
        self.sites
            .charge_by(site(address), price)
            .map_err(too_many)?;
        let network_price = room.price(Self::of_network(self.day));
        self.networks
            .charge_by(network(address), network_price)
            .map_err(|wait| {
                self.sites.refund_by(site(address), price);
                too_many(wait)
            })
    }

    /// Gives a place back that was not needed after all, with the room as it was when it was taken.
    pub(crate) fn give_back(&self, address: IpAddr, room: Room) {
        self.sites.refund_by(site(address), room.price(self.day));
        let price = room.price(Self::of_network(self.day));
        self.networks.refund_by(network(address), price);
    }

    pub(crate) fn forget(&self) {
        self.sites.forget();
        self.networks.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rates;

    /// Fills a room from addresses in order, each as often as it may, and says how many of them it took and how many places
    /// were taken before the first of `until` was.
    fn fill(
        places: &Places,
        all: u32,
        addresses: impl Iterator<Item = IpAddr>,
    ) -> (u32, Option<usize>) {
        let mut taken = 0;
        for (n, address) in addresses.enumerate() {
            while taken < all && places.take(address, Room { taken, places: all }).is_ok() {
                taken += 1;
            }
            if taken == all {
                return (taken, Some(n + 1));
            }
        }
        (taken, None)
    }

    fn address(network: u32, host: u32) -> IpAddr {
        IpAddr::from((network << 16 | host).to_be_bytes())
    }

    fn registrations() -> (Places, u32) {
        let rate = Rates::default().registration;
        let places = Places::new(rate, consts::REGISTRATIONS_A_DAY).expect("a limit");
        let most = u32::try_from(storage::limits::PENDING_REGISTRATIONS).expect("a number");
        (places, most)
    }

    fn corrections() -> (Places, u32) {
        let rate = Rates::default().correction;
        let places = Places::new(rate, consts::CORRECTIONS_A_DAY).expect("a limit");
        let most = u32::try_from(storage::limits::OPEN_CORRECTIONS).expect("a number");
        (places, most)
    }

    #[test]
    fn a_share_falls_as_a_room_fills_and_is_never_nothing() {
        for day in [1, 2, 20, 40, 100, 2_000_000, u32::MAX] {
            let shares: Vec<u32> = (0..=500)
                .map(|taken| Room { taken, places: 500 }.share(day))
                .collect();
            assert_eq!(shares.first(), Some(&day));
            assert!(shares.is_sorted_by(|a, b| a >= b), "{day}");
            assert!(shares.iter().all(|share| *share >= 1), "{day}");
            let last = Room {
                taken: 500,
                places: 500,
            };
            assert_eq!(last.price(day), day, "the last place costs the whole day");
        }
    }

    #[test]
    fn filling_a_room_takes_more_than_a_hundred_networks_in_a_day() {
        // From one network, however many addresses it has: a small part.
        let (places, most) = registrations();
        let (taken, _) = fill(&places, most, (0..60_000).map(|host| address(7, host)));
        assert!(taken <= most / 10, "{taken} of {most}");
        let (places, most) = corrections();
        let (taken, _) = fill(&places, most, (0..60_000).map(|host| address(7, host)));
        assert!(taken <= most / 20, "{taken} of {most}");

        // From as many networks as it takes, with three addresses in each.
        let many = || (0..60_000).map(|n| address(n / 3, n % 3));
        let (places, most) = registrations();
        let (_, needed) = fill(&places, most, many());
        let needed = needed.expect("they fill it in the end") / 3;
        assert!(needed > 100, "{needed} networks");
        let (places, most) = corrections();
        let (_, needed) = fill(&places, most, many());
        let needed = needed.expect("they fill it in the end") / 3;
        assert!(needed > 1_000, "{needed} networks");
    }

    #[test]
    fn whoever_holds_none_gets_a_place_as_long_as_there_is_one() {
        let (places, most) = registrations();
        fill(&places, most - 1, (0..300).map(|n| address(n, 1)));
        let room = Room {
            taken: most - 1,
            places: most,
        };
        assert!(places.take(address(9_999, 1), room).is_ok());
        let refused = places
            .take(address(9_999, 2), room)
            .expect_err("its network has one");
        assert_eq!(refused.code(), crate::problem::Code::RateLimited);
        // A place that was not needed is there again.
        places.give_back(address(9_999, 1), room);
        assert!(places.take(address(9_999, 2), room).is_ok());
    }

    #[test]
    fn a_site_and_a_large_network_of_ipv6_count_as_one() {
        let (places, most) = registrations();
        let of_site = (0..5_000_u32).filter_map(|n| format!("2001:db8:1:{n:x}::1").parse().ok());
        let (taken, _) = fill(&places, most, of_site);
        assert!((1..=20).contains(&taken), "{taken}");
        let of_network = (0..5_000_u32).filter_map(|n| format!("2001:db8:{n:x}::1").parse().ok());
        let (more, _) = fill(&places, most, of_network);
        assert!(taken + more <= 40, "{taken} + {more}");
    }
}
