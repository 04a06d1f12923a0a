//! Who waits for a password to be hashed, and whose turn is next. Pure: what a turn is, its user says.
//!
//! Hashing is dear on purpose, so there is a line, and whoever can fill it keeps others out. Therefore: those who are known
//! go first and have places of their own; then whoever failed least lately; then whoever has fewest waiting. A line that is
//! full sends away the last in this order, which may be the newcomer, and never one who is known for one who is not.

use crate::attempts::Standing;
use crate::consts;

/// The order: known before unknown, few failures, few of the same site before it, first come.
type Rank = (bool, u32, usize, u64);

#[derive(Debug)]
struct Place<T> {
    rank: Rank,
    site: Option<u64>,
    ticket: T,
}

/// A line of tickets, and how many have their turn now.
#[derive(Debug)]
pub(crate) struct Line<T> {
    waiting: Vec<Place<T>>,
    come: u64,
    known: usize,
    unknown: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            waiting: Vec::new(),
            come: 0,
            known: 0,
            unknown: 0,
        }
    }
}

impl<T> Line<T> {
    /// Takes a ticket in. Gives back the one that has to go, if there is no room: this one, or one that stands behind it.
    pub(crate) fn join(&mut self, standing: Standing, ticket: T) -> Option<T> {
        self.come += 1;
        let (site, failures) = match standing {
            Standing::Known => (None, 0),
            Standing::Unknown { site, failures } => (Some(site), failures),
        };
        let same = |place: &&Place<T>| site.is_some() && place.site == site;
        let ahead = self.waiting.iter().filter(same).count();
        if ahead >= consts::PASSWORD_WAITING_EACH {
            return Some(ticket);
        }
        self.waiting.push(Place {
            rank: (site.is_some(), failures, ahead, self.come),
            site,
            ticket,
        });
        if self.waiting.len() <= consts::PASSWORD_WAITING {
            return None;
        }
        let places = self.waiting.iter().enumerate();
        let last = places.max_by_key(|(_, place)| place.rank)?.0;
        Some(self.waiting.swap_remove(last).ticket)
    }

    /// The next whose turn it is, if one is free; with whether it counts as known.
    pub(crate) fn next(&mut self) -> Option<(T, bool)> {
        if self.known + self.unknown >= consts::PASSWORD_HASHES {
            return None;
        }
        let places = self.waiting.iter().enumerate();
        let (first, place) = places.min_by_key(|(_, place)| place.rank)?;
        let known = place.site.is_none();
        if !known && self.unknown >= consts::PASSWORD_HASHES_UNKNOWN {
            return None;
        }
        *self.taken(known) += 1;
        Some((self.waiting.swap_remove(first).ticket, known))
    }

    /// A turn has ended.
    pub(crate) fn ended(&mut self, known: bool) {
        let taken = self.taken(known);
        *taken = taken.saturating_sub(1);
    }

    fn taken(&mut self, known: bool) -> &mut usize {
        if known {
            &mut self.known
        } else {
            &mut self.unknown
        }
    }

    /// Forgets those who wait no longer.
    pub(crate) fn keep(&mut self, waits: impl Fn(&T) -> bool) {
        self.waiting.retain(|place| waits(&place.ticket));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(site: u64, failures: u32) -> Standing {
        Standing::Unknown { site, failures }
    }

    #[test]
    fn strangers_leave_a_place_for_those_who_are_known() {
        let mut line = Line::default();
        for ticket in 0..10 {
            assert_eq!(line.join(from(ticket, 0), ticket), None);
        }
        assert_eq!(line.next(), Some((0, false)));
        assert_eq!(line.next(), None, "one stranger at a time");
        assert_eq!(line.join(Standing::Known, 100), None);
        assert_eq!(line.next(), Some((100, true)));
        assert_eq!(line.join(Standing::Known, 101), None);
        assert_eq!(line.next(), None);
        line.ended(true);
        assert_eq!(line.next(), Some((101, true)));
        line.ended(false);
        assert_eq!(line.next(), Some((1, false)));
    }

    #[test]
    fn who_failed_least_is_next_and_then_who_has_fewest_waiting() {
        let mut line = Line::default();
        for (ticket, standing) in [from(1, 5), from(2, 0), from(2, 0), from(3, 0), from(4, 1)]
            .into_iter()
            .enumerate()
        {
            assert_eq!(line.join(standing, ticket), None);
        }
        let mut order = Vec::new();
        while let Some((ticket, known)) = line.next() {
            order.push(ticket);
            line.ended(known);
        }
        assert_eq!(order, [1, 3, 2, 4, 0]);
    }

    #[test]
    fn a_full_line_sends_away_the_last_and_takes_in_who_stands_before_them() {
        let mut line = Line::default();
        let sites = 100;
        let taken = (0..3_000_usize)
            .filter(|n| line.join(from(*n as u64 % sites, 3), *n).is_none())
            .count();
        assert!(taken >= consts::PASSWORD_WAITING);
        assert_eq!(line.waiting.len(), consts::PASSWORD_WAITING);
        assert!(
            line.join(from(7_777, 0), 7_777)
                .is_some_and(|gone| gone < 3_000)
        );
        assert_eq!(line.next(), Some((7_777, false)));
        assert!(line.join(Standing::Known, 8_888).is_none());
        assert!(
            line.join(Standing::Known, 8_889)
                .is_some_and(|gone| gone < 3_000)
        );
    }

    #[test]
    fn one_site_cannot_fill_the_line() {
        let mut line = Line::default();
        let taken = (0..100)
            .filter(|n| line.join(from(1, 0), *n).is_none())
            .count();
        assert_eq!(taken, consts::PASSWORD_WAITING_EACH);
        assert_eq!(line.join(from(2, 9), 100), None);
        line.keep(|ticket| *ticket == 100);
        assert_eq!(line.next(), Some((100, false)));
    }
}
