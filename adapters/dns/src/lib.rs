//! The domain name system asked over HTTPS, through the fetch port, so that both runtimes use the same code: a Worker has no sockets for DNS.
//!
//! [`HttpsResolver`] serves the `Resolver` port with the JSON form that Google and Cloudflare publish (`application/dns-json`); `answers` reads what comes
//! back and trusts none of it.
//!
//! To resolve by other means, such as the system's own resolver, write another implementation of `Resolver` and name it in a runtime's wiring.

mod answers;
#[cfg(test)]
mod tests;

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::try_join;
use portico_domain::ports::{Fetch, FetchRequest, Resolver, Unavailable};

use answers::{Kind, host_name, records};

/// How long one question may take. Nobody waits for the answer.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// So many names or addresses of one answer are told.
const MOST_RECORDS: usize = 16;

/// Asks a resolver over HTTPS.
///
/// Source: <https://developers.cloudflare.com/1.1.1.1/encryption/dns-over-https/make-api-requests/dns-json/>,
/// <https://developers.google.com/speed/public-dns/docs/doh/json>.
pub struct HttpsResolver {
    url: String,
    fetch: Arc<dyn Fetch>,
}

impl HttpsResolver {
    /// Asks the resolver at `url`, which has no query, by `fetch`.
    #[must_use]
    pub fn new(url: impl Into<String>, fetch: Arc<dyn Fetch>) -> Self {
        Self { url: url.into(), fetch }
    }

    /// The data of the records of one kind that a name has. `name` must be safe in a query.
    async fn ask(&self, name: &str, kind: Kind) -> Result<Vec<String>, Unavailable> {
        let request = FetchRequest {
            method: "GET",
            url: format!("{}?name={name}&type={}", self.url, kind.as_str()),
            headers: vec![("accept", "application/dns-json".to_owned())],
            body: Vec::new(),
            time_limit: TIME_LIMIT,
        };
        records(&self.fetch.send(request).await?, kind)
    }
}

#[async_trait]
impl Resolver for HttpsResolver {
    async fn names_of(&self, address: IpAddr) -> Result<Vec<String>, Unavailable> {
        let names = self.ask(&reverse_name(address), Kind::Ptr).await?;
        Ok(names.iter().filter_map(|name| host_name(name)).take(MOST_RECORDS).collect())
    }

    async fn addresses_of(&self, name: &str) -> Result<Vec<IpAddr>, Unavailable> {
        // What isn't a host's name has no addresses, and could say something else in a query.
        let Some(name) = host_name(name) else { return Ok(Vec::new()) };
        let (four, six) = try_join(self.ask(&name, Kind::A), self.ask(&name, Kind::Aaaa)).await?;
        let four = four.iter().filter_map(|text| text.parse::<Ipv4Addr>().ok()).map(IpAddr::from);
        let six = six.iter().filter_map(|text| text.parse::<Ipv6Addr>().ok()).map(IpAddr::from);
        Ok(four.take(MOST_RECORDS).chain(six.take(MOST_RECORDS)).collect())
    }
}

/// The name under which an address' own names are found (RFC 1035, section 3.5; RFC 3596, section 2.5).
fn reverse_name(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(address) => {
            let mut name = String::with_capacity(72);
            for byte in address.octets().into_iter().rev() {
                // Writing to a string can't fail.
                let _ = write!(name, "{:x}.{:x}.", byte & 0xF, byte >> 4);
            }
            name + "ip6.arpa"
        }
    }
}
