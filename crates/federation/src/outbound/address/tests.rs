#![expect(clippy::unwrap_used, reason = "a test may end with a panic")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use proptest::prelude::*;

use super::{is_global, is_private};

/// Every block that is no peer's, written apart from the tables under test: RFC 6890, its updates, and metadata services.
const REFUSED: [&str; 43] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "100.100.100.200/32",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "169.254.169.254/32",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "64:ff9b::7f00:0/104",
    "64:ff9b::a9fe:0/112",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/2",
    "5f00::/16",
    "8000::/2",
    "fc00::/7",
    "fd00:ec2::254/128",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

fn refused() -> Vec<IpNet> {
    REFUSED.iter().map(|net| net.parse().unwrap()).collect()
}

/// The address of a block whose bits behind the prefix are those of `seed`.
fn inside(net: &IpNet, seed: u128) -> IpAddr {
    match net {
        IpNet::V4(v4) => {
            let bits = v4.network().to_bits() | (v4.hostmask().to_bits() & seed as u32);
            Ipv4Addr::from_bits(bits).into()
        }
        IpNet::V6(v6) => {
            let bits = v6.network().to_bits() | (v6.hostmask().to_bits() & seed);
            Ipv6Addr::from_bits(bits).into()
        }
    }
}

proptest! {
    #[test]
    fn no_address_of_a_special_block_is_global(seed: u128) {
        for net in refused() {
            let address = inside(&net, seed);
            prop_assert!(!is_global(address), "{address} of {net}");
        }
    }

    #[test]
    fn every_other_ipv4_address_is_global(bits: u32) {
        let address = IpAddr::V4(bits.into());
        prop_assert_eq!(is_global(address), !refused().iter().any(|net| net.contains(&address)));
    }

    #[test]
    fn an_ipv4_address_behind_nat64_is_as_global_as_itself(bits: u32) {
        let behind: IpNet = "64:ff9b::/96".parse().unwrap();
        prop_assert_eq!(is_global(inside(&behind, u128::from(bits))), is_global(IpAddr::V4(bits.into())));
    }

    #[test]
    fn an_ipv4_address_dressed_as_ipv6_is_not_global(bits: u32) {
        let v4 = Ipv4Addr::from(bits);
        prop_assert!(!is_global(v4.to_ipv6_mapped().into()));
        let [a, b] = [bits >> 16, bits & 0xffff];
        let wrapped = format!("2002:{a:x}:{b:x}::1");
        prop_assert!(!is_global(wrapped.parse().unwrap()));
    }

    #[test]
    fn nothing_private_is_global(bits: u128) {
        let v4 = IpAddr::V4((bits as u32).into());
        prop_assert!(!(is_global(v4) && is_private(v4)));
        prop_assert!(!(is_global(IpAddr::V6(bits.into())) && is_private(IpAddr::V6(bits.into()))));
    }
}

#[test]
fn both_ends_of_every_special_block_are_refused() {
    for net in refused() {
        assert!(!is_global(inside(&net, 0)), "{net}");
        assert!(!is_global(inside(&net, u128::MAX)), "{net}");
    }
}

#[test]
fn addresses_of_the_internet_and_neighbours_of_special_blocks_are_global() {
    for address in [
        "1.0.0.0",
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::1",
        "2606:4700:4700::1111",
        "2a00:1450:4001::",
        "3fff:1000::",
        "64:ff9b::808:808",
    ] {
        assert!(is_global(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn the_development_switch_does_not_reach_metadata_services() {
    for address in [
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "0.0.0.0",
        "::",
    ] {
        assert!(!is_private(address.parse().unwrap()), "{address}");
    }
    for address in ["127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fd12::1"] {
        assert!(is_private(address.parse().unwrap()), "{address}");
    }
}
