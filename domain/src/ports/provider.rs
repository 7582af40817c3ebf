use async_trait::async_trait;

use super::Unavailable;
use crate::models::{ExternalProfile, Secret};

/// What a browser is sent to the provider with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// The one-time state.
    pub state: String,
    /// The PKCE challenge of method S256 (RFC 7636): base64url of the verifier's SHA-256.
    pub challenge: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
}

/// A code that the browser brought back, to be exchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeExchange {
    /// The provider's one-time code.
    pub code: Secret,
    /// The PKCE verifier.
    pub verifier: Secret,
    /// The same redirect as in the request.
    pub redirect_uri: String,
}

/// Why a provider gave no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderRefused {
    /// The code is wrong, used, expired, or not for this verifier.
    #[error("the provider refused the code")]
    Code,
    /// The provider is away, too slow, or answered what can't be understood.
    #[error(transparent)]
    Away(#[from] Unavailable),
}

/// Signs people in at another provider by the authorization-code flow with PKCE (RFC 6749, RFC 7636).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// The address to send a browser to.
    fn authorization_url(&self, request: &AuthorizationRequest) -> String;

    /// Exchanges the code and asks who it is. Keeps nothing of the provider's tokens.
    async fn profile(&self, exchange: CodeExchange) -> Result<ExternalProfile, ProviderRefused>;
}
