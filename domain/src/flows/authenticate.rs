use std::sync::Arc;

use super::shared::Signers;
use crate::{
    models::{AccessClaims, AccessTokenRefused},
    ports::{Clock, Unavailable},
};

/// Why nobody is known to be calling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticateError {
    /// The token is no good.
    #[error(transparent)]
    Refused(#[from] AccessTokenRefused),
    /// The keys could not be resolved.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Tells who is calling, by their access token alone: no query.
///
/// A session that has ended lets its last access token live out its time; that bound is the price of not asking.
pub struct Authenticate {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Proves tokens.
    pub signers: Arc<Signers>,
}

impl Authenticate {
    /// Proves the token and says what it claims.
    pub async fn run(&self, token: &str) -> Result<AccessClaims, AuthenticateError> {
        Ok(self.signers.get().await?.verify(token, self.clock.now())?)
    }
}
