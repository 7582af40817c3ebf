use std::sync::Arc;

use super::Ports;
use crate::{
    flows::{
        OAuthBegin, OAuthCallback,
        shared::{Gate, Issuance, Signers},
    },
    settings::Settings,
};

/// Where the provider sends browsers back to, below the public address.
pub const GITHUB_CALLBACK_PATH: &str = "/api/v1/auth/github/callback";

/// Sign-in through one provider.
pub struct OAuthFlows {
    /// Sends a browser there.
    pub begin: OAuthBegin,
    /// Takes it back.
    pub callback: OAuthCallback,
}

pub(super) fn oauth_flows(
    ports: &Ports,
    settings: &Settings,
    gate: &Gate,
    signers: &Arc<Signers>,
    issuance: &Issuance,
) -> Option<OAuthFlows> {
    let provider = ports.github.as_ref()?;
    let redirect_uri = format!("{}{GITHUB_CALLBACK_PATH}", settings.public_url);
    Some(OAuthFlows {
        begin: OAuthBegin {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            gate: gate.clone(),
            signers: Arc::clone(signers),
            provider: Arc::clone(provider),
            redirect_uri: redirect_uri.clone(),
            quota: settings.limits.oauth,
        },
        callback: OAuthCallback {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            gate: gate.clone(),
            signers: Arc::clone(signers),
            provider: Arc::clone(provider),
            identities: Arc::clone(&ports.identities),
            accounts: Arc::clone(&ports.accounts),
            issuance: issuance.clone(),
            signup_open: settings.signup_open,
            redirect_uri,
            quota: settings.limits.oauth,
        },
    })
}
