//! How much of what other nodes ask is worked on at once. Strangers and approved peers have places apart from each other, so
//! that nobody without a key keeps a peer waiting, and each address has its part of them.

use std::sync::Arc;

use http::load::Shares;

use crate::limits;

/// The places of a process.
#[derive(Debug)]
pub(crate) struct Places {
    strangers: Arc<Shares>,
    peers: Arc<Shares>,
    public_reads: Arc<Shares>,
    network_reads: Arc<Shares>,
}

impl Default for Places {
    fn default() -> Self {
        let places = |(most, each)| Shares::new(most, each);
        Self {
            strangers: places(limits::STRANGERS_AT_ONCE),
            peers: places(limits::PEERS_AT_ONCE),
            public_reads: places(limits::PUBLIC_READS_AT_ONCE),
            network_reads: places(limits::NETWORK_READS_AT_ONCE),
        }
    }
}

impl Places {
    /// For messages of strangers.
    pub(crate) fn of_strangers(&self) -> &Arc<Shares> {
        &self.strangers
    }

    /// For messages of peers.
    pub(crate) fn of_peers(&self) -> &Arc<Shares> {
        &self.peers
    }

    /// For reads of the public feed.
    pub(crate) fn of_public_reads(&self) -> &Arc<Shares> {
        &self.public_reads
    }

    /// For reads of the network feed.
    pub(crate) fn of_network_reads(&self) -> &Arc<Shares> {
        &self.network_reads
    }
}
