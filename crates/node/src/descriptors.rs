//! How many connections this process can have open: each takes a file descriptor, and so do the files of the database and
//! the index. Strangers must not be able to take the last one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::Failure;

/// Descriptors that are kept for what is no connection of a client: database, index, journal, log, other nodes.
const KEPT: u64 = 512;
/// Connections that each worker has at least, however little is allowed.
const LEAST: u64 = 32;

/// Descriptors without which no command gets as far as saying what it lacks: libraries panic where they are refused one.
const FEWEST: u64 = 64;

/// Refuses to begin with too few descriptors; raises the soft limit where that is all that is wrong.
///
/// # Errors
/// Where the system allows fewer.
pub(crate) fn enough() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let is_few = |limit: Option<u64>| limit.is_some_and(|limit| limit < FEWEST);
    if is_few(limit.maximum) {
        return Err(Failure::new(format!(
            "the limit on open files is {}, and at least {FEWEST} are needed: raise it (`ulimit -n`)",
            limit.maximum.unwrap_or_default()
        )));
    }
    if is_few(limit.current) {
        let raised = Rlimit {
            current: Some(FEWEST),
            maximum: limit.maximum,
        };
        // Up to the hard limit everybody may.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    Ok(())
}

/// So many connections for each worker as are wanted, or as the system allows. The soft limit is raised to what is needed,
/// up to the hard one.
pub(crate) fn connections(wanted: usize, workers: usize) -> usize {
    let limit = raised(getrlimit(Resource::Nofile), wanted, workers);
    // What may not be raised stays as it is, and is what counts.
    let _ = setrlimit(Resource::Nofile, limit);
    let allowed = allowed(getrlimit(Resource::Nofile).current, workers).min(wanted);
    if allowed < wanted {
        tracing::warn!(
            wanted,
            allowed,
            "the limit on open files leaves room for fewer connections of each worker"
        );
    }
    allowed
}

/// The limit that lets all workers have their connections, as far as it may be raised.
fn raised(limit: Rlimit, wanted: usize, workers: usize) -> Rlimit {
    let needed = wanted as u64 * workers as u64 + KEPT;
    let most = limit.maximum.map_or(needed, |maximum| needed.min(maximum));
    Rlimit {
        current: limit.current.map(|current| current.max(most)),
        maximum: limit.maximum,
    }
}

/// The connections of one worker under a limit on all descriptors.
fn allowed(descriptors: Option<u64>, workers: usize) -> usize {
    let Some(descriptors) = descriptors else {
        return usize::MAX;
    };
    let each = descriptors.saturating_sub(KEPT) / (workers.max(1) as u64);
    usize::try_from(each.max(LEAST)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        let limit = |current, maximum| Rlimit { current, maximum };
        let usual = limit(Some(1_024), Some(524_288));
        assert_eq!(raised(usual, 10_000, 2).current, Some(20_512));
        let narrow = limit(Some(1_024), Some(4_096));
        assert_eq!(raised(narrow, 10_000, 2).current, Some(4_096));
        let wide = limit(Some(100_000), None);
        assert_eq!(raised(wide, 10_000, 2).current, Some(100_000));
        assert_eq!(allowed(Some(4_096), 2), 1_792);
        assert_eq!(allowed(Some(256), 2), LEAST as usize);
        assert_eq!(allowed(None, 2), usize::MAX);
    }
}
