//! Which addresses a peer may have.
//!
//! A peer's name is under the peer's control, and so is the address that it resolves to. A node must not be talked into
//! speaking to its own machine, its own network or its provider's metadata service. The ground of the tables are IANA's
//! registries of special-purpose addresses (RFC 6890 and its updates),
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>; the standard library's own `is_global` is not stable.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 addresses that are no peer's: first address of the block, length of its prefix in bits.
const NOT_GLOBAL_4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),          // this network, RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8),         // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10), // shared behind a carrier's NAT, RFC 6598; Alibaba's metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),   // loopback, RFC 1122
    (Ipv4Addr::new(168, 63, 129, 16), 32), // public by its number, but what Azure's machines ask for their settings
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local, RFC 3927; the metadata of most clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments, RFC 6890; Oracle's metadata
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays, given up by RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast, RFC 1112
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, RFC 1112
    (Ipv4Addr::new(255, 255, 255, 255), 32), // broadcast, RFC 8190; in the block above, and named all the same
];

/// The only IPv6 addresses that are given out as global unicast (RFC 4291, and IANA's allocations since). Outside lie
/// `::`, `::1`, the mapped (`::ffff:0:0/96`) and compatible IPv4 addresses, NAT64, discard (`100::/64`), segment routing
/// (`5f00::/16`), unique local (`fc00::/7`, with Amazon's `fd00:ec2::254`), link-local (`fe80::/10`), site-local
/// (`fec0::/10`) and multicast (`ff00::/8`).
const GLOBAL_6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// What lies within [`GLOBAL_6`] and is no peer's all the same.
const NOT_GLOBAL_6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, RFC 2928: Teredo (2001::/32), benchmarks (2001:2::/48), ORCHID (2001:10::/28, 2001:20::/28).
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),     // 6to4, RFC 3056: wraps any IPv4 address
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),     // documentation, RFC 9637
];

/// The well-known prefix of NAT64, RFC 6052: the last 32 bits are an IPv4 address. Behind DNS64 every peer that has only
/// IPv4 looks like this, so that the address inside decides. An operator's own NAT64 prefix cannot be told from other
/// addresses; the local-use one (`64:ff9b:1::/48`, RFC 8215) is not global.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Unique local IPv6 addresses, RFC 4193: the private ones.
const UNIQUE_LOCAL: (Ipv6Addr, u32) = (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7);

/// Amazon's metadata service, within [`UNIQUE_LOCAL`].
const AMAZON_METADATA: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether an address is a global unicast address, at which a peer on the internet can be.
#[must_use]
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_GLOBAL_4.iter().any(|&block| within_4(v4, block)),
        IpAddr::V6(v6) if within_6(v6, NAT64) => {
            let [.., a, b, c, d] = v6.octets();
            is_global(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        IpAddr::V6(v6) => {
            within_6(v6, GLOBAL_6) && !NOT_GLOBAL_6.iter().any(|&block| within_6(v6, block))
        }
    }
}

/// Whether an address is this machine's or a private network's: what the development switch allows besides global ones.
/// Metadata services, link-local and multicast addresses are refused in development as well.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || (within_6(v6, UNIQUE_LOCAL) && v6 != AMAZON_METADATA),
    }
}

fn within_4(address: Ipv4Addr, (first, bits): (Ipv4Addr, u32)) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= bits
}

fn within_6(address: Ipv6Addr, (first, bits): (Ipv6Addr, u32)) -> bool {
    (address.to_bits() ^ first.to_bits()).leading_zeros() >= bits
}

#[cfg(test)]
mod tests;
