//! What of an entry may be seen by whom: one function for feeds, API, exports and pages.

use chrono::NaiveDate;

use crate::{Entry, Visibility};

/// Who looks, and by which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody, by a copy that leaves this node: the public feed, exports, dumps, embeds.
    PublicFeed,
    /// Approved peers, by a copy that leaves this node.
    NetworkFeed,
    /// Everybody, on this node.
    Public,
    /// Signed-in partners, on this node.
    Network,
    /// The entry's owner and coordinators, on this node.
    Owner,
    /// The same, by a copy that leaves this node: an export of what is one's own.
    OwnCopy,
}

impl Audience {
    /// The narrowest visibility that this audience still sees.
    #[must_use]
    pub fn sees(self) -> Visibility {
        match self {
            Self::PublicFeed | Self::Public => Visibility::Public,
            Self::NetworkFeed | Self::Network => Visibility::Network,
            Self::Owner | Self::OwnCopy => Visibility::Internal,
        }
    }

    /// Whether what is shown leaves this node, where no consent can be withdrawn any more.
    #[must_use]
    pub fn leaves_the_node(self) -> bool {
        matches!(self, Self::PublicFeed | Self::NetworkFeed | Self::OwnCopy)
    }

    /// Whether these are the entry's owner and coordinators.
    #[must_use]
    pub fn is_owner(self) -> bool {
        matches!(self, Self::Owner | Self::OwnCopy)
    }
}

/// The form of `entry` that `audience` may see on the day `today`, or `None` where it may not know of it.
///
/// Ownership is decided before: whoever calls with [`Audience::Owner`] or
/// [`Audience::OwnCopy`] has made sure that it looks at its own.
#[must_use]
pub fn outward(entry: &Entry, audience: Audience, today: NaiveDate) -> Option<Entry> {
    if entry.visibility > audience.sees() || !entry.content.is_shown(audience, today) {
        return None;
    }
    let mut shown = entry.clone();
    shown.content.restrict(audience, today);
    Some(shown)
}

/// [`outward`] in place, for an entry that `audience` may know of: whether anything had to be left out.
pub fn restrict(entry: &mut Entry, audience: Audience, today: NaiveDate) -> bool {
    entry.content.restrict(audience, today)
}
