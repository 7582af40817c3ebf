use async_trait::async_trait;
use portico_domain::{
    models::{Password, PasswordHash},
    ports::{HashingRefused, PasswordVerdict, Passwords},
};

use super::{BcryptCost, work};

/// Hashes passwords with bcrypt on the thread that asks: for Workers, which have no other.
///
/// A hash holds up the isolate for as long as it takes (55 ms at cost 10), so that no queue can build up behind it; the runtime starts
/// further isolates instead.
#[derive(Debug)]
pub struct InlinePasswords {
    cost: BcryptCost,
    decoy: Result<PasswordHash, HashingRefused>,
}

impl InlinePasswords {
    /// Makes a hasher that hashes at `cost`. Computes no hash. Without randomness for the decoy it is made all the same, and fails where it
    /// needs one.
    #[must_use]
    pub fn new(cost: BcryptCost) -> Self {
        Self { cost, decoy: work::decoy(cost) }
    }
}

#[async_trait]
impl Passwords for InlinePasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingRefused> {
        work::hash(password, self.cost)
    }

    async fn verify<'a>(
        &self,
        password: &Password,
        stored: Option<&'a PasswordHash>,
    ) -> Result<PasswordVerdict, HashingRefused> {
        match stored {
            Some(stored) => work::verify(password, stored, self.cost),
            None => work::verify_decoy(password, self.decoy.as_ref().map_err(Clone::clone)?, self.cost),
        }
    }
}
