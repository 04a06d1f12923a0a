//! Refusals are counted, and told in a summary: a log line for each would let anybody fill the disk.
//!
//! The first refusal of a kind in a stretch of time (a minute unless set otherwise) is logged whole, so that there is an
//! example to look at; the others are counted, and the summary says how many of which kind there were. A kind is a route's
//! pattern, a status and a code: none of it is anything that a stranger can choose freely, and there are no more than
//! [`consts::TALLY_KINDS`].

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::consts;
use crate::problem::Code;

/// What is counted as one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// The pattern of the route, or what stands for none.
    pub(crate) route: String,
    /// The status of the answer; none where the connection was refused.
    pub(crate) status: u16,
    /// The problem's code, where there is one.
    pub(crate) code: Option<Code>,
}

/// The refusals since the last summary.
#[derive(Debug, Default)]
pub struct Tally {
    counts: Mutex<HashMap<Kind, u64>>,
}

impl Tally {
    /// Counts one; true for the first of its kind, which is to be logged.
    pub(crate) fn is_first(&self, kind: Kind) -> bool {
        let mut counts = self.counts.lock();
        let kind = if counts.len() < consts::TALLY_KINDS || counts.contains_key(&kind) {
            kind
        } else {
            Kind {
                route: "other".to_owned(),
                status: kind.status,
                code: None,
            }
        };
        let count = counts.entry(kind).or_insert(0);
        *count += 1;
        *count == 1
    }

    /// Counts a connection that was refused; true for the first.
    pub(crate) fn is_first_connection(&self) -> bool {
        self.is_first(Kind {
            route: "connection".to_owned(),
            status: 0,
            code: None,
        })
    }

    /// Logs how many there were of each kind of which there was more than one, and begins anew.
    pub fn tell(&self) {
        let mut counts: Vec<(Kind, u64)> = std::mem::take(&mut *self.counts.lock())
            .into_iter()
            .filter(|(_, count)| *count > 1)
            .collect();
        counts.sort();
        for (kind, count) in counts {
            let Kind {
                route,
                status,
                code,
            } = kind;
            let code = code.map(Code::as_str);
            tracing::info!(route, status, code, count, "refused, counted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(route: &str) -> Kind {
        Kind {
            route: route.to_owned(),
            status: 404,
            code: Some(Code::NotFound),
        }
    }

    #[test]
    fn the_first_of_each_kind_is_told_and_there_are_not_too_many_kinds() {
        let tally = Tally::default();
        assert!(tally.is_first(kind("/a")) && !tally.is_first(kind("/a")));
        assert!(tally.is_first(kind("/b")));
        for number in 0..10 * consts::TALLY_KINDS {
            let _ = tally.is_first(kind(&number.to_string()));
        }
        assert!(tally.counts.lock().len() <= consts::TALLY_KINDS + 1);
        tally.tell();
        assert!(tally.is_first(kind("/a")), "a new stretch of time");
    }
}
