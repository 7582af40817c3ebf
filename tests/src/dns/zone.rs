//! The made-up zone: networks that are reserved for documentation and benchmarks, each with a nature of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a question comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The data of the records, maybe none.
    Records(Vec<String>),
    /// There is no such name (NXDOMAIN).
    Nothing,
    /// The name's own servers don't answer (SERVFAIL).
    Failure,
    /// The same as nothing, told after [`SLOW`](super::server::SLOW).
    SlowNothing,
}

/// The names of an address (PTR), asked for under `…in-addr.arpa` or `…ip6.arpa`.
///
/// | network | nature |
/// | --- | --- |
/// | 198.51.100.0/24, 2001:db8:1::/48 | a crawler of Google's: names that lead back |
/// | 203.0.113.0/24 | somebody who named their addresses after Google's, which lead elsewhere |
/// | 198.18.0.0/16 | addresses whose name servers fail |
/// | 198.19.0.0/16 | addresses whose name servers take long to say that there is nothing |
/// | all others | no names |
#[must_use]
pub fn names_of(question: &str) -> Found {
    let Some(address) = address_of(question) else { return Found::Nothing };
    let dashed = |address: IpAddr| address.to_string().replace(['.', ':'], "-");
    match address {
        IpAddr::V4(four) => match four.octets() {
            [198, 51, 100, _] | [203, 0, 113, _] => {
                Found::Records(vec![format!("crawl-{}.googlebot.com.", dashed(address))])
            }
            [198, 18, ..] => Found::Failure,
            [198, 19, ..] => Found::SlowNothing,
            _ => Found::Nothing,
        },
        IpAddr::V6(six) if six.segments()[..3] == [0x2001, 0xdb8, 1] => {
            Found::Records(vec![format!("crawl-{}.googlebot.com.", dashed(address))])
        }
        IpAddr::V6(_) => Found::Nothing,
    }
}

/// The addresses of a name, IPv6 ones or the others.
#[must_use]
pub fn addresses_of(name: &str, six: bool) -> Found {
    let name = name.trim_end_matches('.');
    let Some(dashed) = name.strip_prefix("crawl-").and_then(|name| name.strip_suffix(".googlebot.com"))
    else {
        return Found::Nothing;
    };
    let four = dashed.replace('-', ".").parse::<Ipv4Addr>().ok();
    let address = four
        .map(IpAddr::from)
        .or_else(|| dashed.replace('-', ":").parse::<Ipv6Addr>().ok().map(IpAddr::from));
    match address {
        Some(IpAddr::V4(four)) if four.octets()[..3] == [203, 0, 113] && !six => {
            Found::Records(vec!["192.0.2.1".to_owned()])
        }
        Some(address) if address.is_ipv6() == six => Found::Records(vec![address.to_string()]),
        Some(_) => Found::Records(Vec::new()),
        None => Found::Nothing,
    }
}

/// Reads a name below `in-addr.arpa` or `ip6.arpa` (RFC 1035, section 3.5; RFC 3596, section 2.5).
fn address_of(question: &str) -> Option<IpAddr> {
    let question = question.trim_end_matches('.');
    if let Some(reversed) = question.strip_suffix(".in-addr.arpa") {
        let mut octets: Vec<&str> = reversed.split('.').collect();
        octets.reverse();
        return octets.join(".").parse::<Ipv4Addr>().ok().map(IpAddr::from);
    }
    let digits: String = question.strip_suffix(".ip6.arpa")?.split('.').rev().collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32)?;
    Some(Ipv6Addr::from(number).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_nature() {
        let there = Found::Records(vec!["crawl-198-51-100-7.googlebot.com.".to_owned()]);
        assert_eq!(names_of("7.100.51.198.in-addr.arpa"), there);
        let back = Found::Records(vec!["198.51.100.7".to_owned()]);
        assert_eq!(addresses_of("crawl-198-51-100-7.googlebot.com", false), back);
        assert_eq!(addresses_of("crawl-198-51-100-7.googlebot.com", true), Found::Records(Vec::new()));
        let elsewhere = Found::Records(vec!["192.0.2.1".to_owned()]);
        assert_eq!(addresses_of("crawl-203-0-113-7.googlebot.com", false), elsewhere);
        assert_eq!(names_of("7.2.0.192.in-addr.arpa"), Found::Nothing);
        assert_eq!(names_of("7.0.18.198.in-addr.arpa"), Found::Failure);
        assert_eq!(names_of("not an address"), Found::Nothing);
        let six = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assert_eq!(names_of(six), Found::Records(vec!["crawl-2001-db8-1--7.googlebot.com.".to_owned()]));
        let back = Found::Records(vec!["2001:db8:1::7".to_owned()]);
        assert_eq!(addresses_of("crawl-2001-db8-1--7.googlebot.com.", true), back);
    }
}
