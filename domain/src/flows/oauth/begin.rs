use std::{sync::Arc, time::Duration};

use super::state::{Binding, STATE_LIFETIME, State};
use crate::{
    flows::shared::{Gate, Signers, from_gate},
    models::{Caller, Quota, ReturnPath, Secret, Timestamp, UserId},
    ports::{AuthorizationRequest, Clock, Entropy, IdentityProvider, Unavailable},
};

/// Where to send the browser, and what it is to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthBegun {
    /// The provider's address.
    pub authorization_url: String,
    /// The value of the cookie that binds the flow to this browser.
    pub browser_binding: Secret,
    /// How long the browser keeps it.
    pub lifetime: Duration,
}

/// Why nothing was begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthBeginError {
    /// Too many attempts from this address.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(OAuthBeginError);

/// Begins a sign-in, or the linking of a signed-in account, through a provider. Costs no query.
pub struct OAuthBegin {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the nonce.
    pub entropy: Arc<dyn Entropy>,
    /// Asks the rate limit.
    pub gate: Gate,
    /// Proves state and cookie.
    pub signers: Arc<Signers>,
    /// Knows the provider's address.
    pub provider: Arc<dyn IdentityProvider>,
    /// Where the provider sends browsers back to.
    pub redirect_uri: String,
    /// How often one address may begin.
    pub quota: Option<Quota>,
}

impl OAuthBegin {
    /// Makes state, challenge and cookie. `asked_by` is the signed-in account that wants to be linked.
    pub async fn run(
        &self,
        return_to: ReturnPath,
        asked_by: Option<UserId>,
        caller: &Caller,
    ) -> Result<OAuthBegun, OAuthBeginError> {
        let demand = Gate::demand("oauth-address", self.quota, caller.limit_key());
        self.gate.admit(demand.as_slice()).await?;
        let signer = self.signers.get().await?;
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&self.entropy.bytes()?[..16]);
        let expires_at = Timestamp::from_seconds(self.clock.now().after(STATE_LIFETIME).seconds());
        let state = State { nonce, expires_at };
        let authorization_url = self.provider.authorization_url(&AuthorizationRequest {
            state: state.seal(signer.as_ref()),
            challenge: state.challenge(signer.as_ref()),
            redirect_uri: self.redirect_uri.clone(),
        });
        let browser_binding = Binding { nonce, asked_by, return_to }.seal(signer.as_ref());
        Ok(OAuthBegun { authorization_url, browser_binding, lifetime: STATE_LIFETIME })
    }
}
