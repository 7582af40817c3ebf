use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// The network that an address belongs to: the /24 of an IPv4 address, the /48 of an IPv6 address. Crawlers work in such blocks, so that one of a
/// block's addresses speaks for the others for as long as a verdict is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    /// That of `address`; an IPv4 address in IPv6's clothes counts as what it is.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                Self(Ipv4Addr::new(a, b, c, 0).into())
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                Self(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into())
            }
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, if self.0.is_ipv4() { 24 } else { 48 })
    }
}

/// Whether an address may belong to somebody on the public internet. One that can't is a neighbour's, or that of a proxy that isn't set up to be
/// trusted: it proves nothing, and nobody outside is to be asked about it.
#[must_use]
pub const fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && second & 0b1100_0000 == 64;
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_multicast()
                || address.is_broadcast()
                || first == 0
                || is_shared)
        }
        IpAddr::V6(address) => {
            !(address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
                || address.is_multicast())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_as_wide_as_crawlers_use_them() {
        let network = |text: &str| Network::of(text.parse().unwrap()).to_string();
        assert_eq!(network("66.249.66.1"), "66.249.66.0/24");
        assert_eq!(network("::ffff:66.249.66.77"), "66.249.66.0/24");
        assert_eq!(network("2001:4860:4801:10::1"), "2001:4860:4801::/48");
        assert_ne!(network("2001:4860:4802::1"), network("2001:4860:4801::1"));
    }

    #[test]
    fn neighbours_are_not_public() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "::",
            "224.0.0.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["66.249.66.1", "100.128.0.1", "172.32.0.1", "2001:4860:4801::1", "::ffff:66.249.66.1"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
