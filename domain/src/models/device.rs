//! Where a request comes from.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What is remembered of the device that signed in, for its owner to recognise it by.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Device {
    /// The `User-Agent` header, cut to 400 bytes at a character's edge.
    pub user_agent: Option<String>,
    /// The client's address behind the trusted proxies.
    pub ip: Option<String>,
}

impl Device {
    /// The most bytes kept of a `User-Agent`.
    pub const MAX_AGENT_BYTES: usize = 400;

    /// Describes a device, cutting an overlong agent.
    #[must_use]
    pub fn new(user_agent: Option<&str>, ip: Option<String>) -> Self {
        let user_agent = user_agent.map(|agent| {
            let end = (0..=agent.len().min(Self::MAX_AGENT_BYTES)).rev().find(|&i| agent.is_char_boundary(i));
            agent[..end.unwrap_or(0)].to_owned()
        });
        Self { user_agent, ip }
    }
}

/// Who is at the other end of a request, before anybody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The client's address behind the trusted proxies; `None` where the runtime can't tell.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

impl Caller {
    /// What to remember of the caller's device.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::new(self.user_agent.as_deref(), self.address.map(|address| address.to_string()))
    }

    /// What rate limits count the caller by: the address, and of an IPv6 address the /64, because a single household is given
    /// that many addresses. Callers without an address share one count.
    #[must_use]
    pub fn limit_key(&self) -> String {
        match self.address.map(|address| address.to_canonical()) {
            None => "unknown".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let s = address.segments();
                format!("{}/64", Ipv6Addr::new(s[0], s[1], s[2], s[3], 0, 0, 0, 0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_of_ipv6_addresses_counts_as_one() {
        let key = |text: &str| Caller { address: Some(text.parse().unwrap()), user_agent: None }.limit_key();
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn cuts_long_agents_between_characters() {
        let device = Device::new(Some(&"ä".repeat(300)), None);
        assert_eq!(device.user_agent.unwrap().len(), 400);
        let odd = format!("x{}", "ä".repeat(300));
        assert_eq!(Device::new(Some(&odd), None).user_agent.unwrap().len(), 399);
    }
}
