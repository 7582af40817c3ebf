use std::sync::Arc;

use super::Ports;
use crate::{
    cache::{Cache, ReadThrough},
    flows::{
        api_keys::{
            ChangeApiKey, CheckApiKey, CreateApiKey, HolderSource, KeyWrites, ListApiKeys, RevokeApiKey,
            RotateApiKey, ShowKeyUsage, VerifyApiKey,
        },
        shared::{Cursors, Gate, Signers, Uses, UsesThrough},
    },
    models::Quota,
};

/// What is done with API keys.
pub struct ApiKeyFlows {
    /// Makes one.
    pub create: CreateApiKey,
    /// Shows them.
    pub list: ListApiKeys,
    /// Reads and writes that list's cursors.
    pub cursors: Cursors,
    /// Changes one.
    pub change: ChangeApiKey,
    /// Gives one a new text.
    pub rotate: RotateApiKey,
    /// Revokes one.
    pub revoke: RevokeApiKey,
    /// Shows how often one was used.
    pub usage: ShowKeyUsage,
    /// Lets a program in.
    pub check: Arc<CheckApiKey>,
    /// Checks one for another service.
    pub verify: VerifyApiKey,
}

pub(super) fn uses(ports: &Ports, is_deferred: bool) -> Uses {
    let through = UsesThrough { usage: Arc::clone(&ports.key_usage), entropy: Arc::clone(&ports.entropy) };
    if is_deferred {
        Uses::Deferred { ledger: Arc::clone(&ports.usage_ledger), through }
    } else {
        Uses::Through(through)
    }
}

pub(super) fn api_key_flows(
    ports: &Ports,
    gate: &Gate,
    signers: &Arc<Signers>,
    uses: Uses,
    cache: &Arc<Cache>,
    quota: Option<Quota>,
) -> ApiKeyFlows {
    let check = Arc::new(CheckApiKey {
        clock: Arc::clone(&ports.clock),
        holders: ReadThrough::new(Arc::clone(cache), HolderSource { lookup: Arc::clone(&ports.key_lookup) }),
        gate: gate.clone(),
        uses,
        quota,
    });
    let writes = KeyWrites {
        keys: Arc::clone(&ports.api_keys),
        cache: Arc::clone(cache),
        background: Arc::clone(&ports.background),
    };
    ApiKeyFlows {
        create: CreateApiKey {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            keys: Arc::clone(&ports.api_keys),
        },
        list: ListApiKeys { keys: Arc::clone(&ports.api_keys) },
        cursors: Cursors::new("api-keys", Arc::clone(signers)),
        change: ChangeApiKey { clock: Arc::clone(&ports.clock), writes: writes.clone() },
        rotate: RotateApiKey {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            writes: writes.clone(),
        },
        revoke: RevokeApiKey { clock: Arc::clone(&ports.clock), writes },
        usage: ShowKeyUsage { clock: Arc::clone(&ports.clock), usage: Arc::clone(&ports.key_usage) },
        verify: VerifyApiKey { check: Arc::clone(&check) },
        check,
    }
}
