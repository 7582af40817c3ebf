use std::net::IpAddr;

use async_trait::async_trait;

use super::Unavailable;

/// Asks the domain name system, to prove that a crawler is whose it claims to be.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Resolver: Send + Sync {
    /// The names of an address (PTR), without the final dot, in lower case; none when there are none.
    async fn names_of(&self, address: IpAddr) -> Result<Vec<String>, Unavailable>;

    /// The addresses of a name (A and AAAA); none when there are none.
    async fn addresses_of(&self, name: &str) -> Result<Vec<IpAddr>, Unavailable>;
}
