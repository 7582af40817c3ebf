//! What keys at providers are encrypted under: what is set, and what is kept beside the data.

use std::sync::Arc;

use anyhow::anyhow;
use portico_crypto::{SealingKeys, SystemEntropy, XChaChaSealer};
use portico_domain::ports::{Entropy, Sealer};

use crate::{
    configuration::Configuration,
    secrets::{ENCRYPTION_KEYS, make_private_directory},
};

/// Reads the keys. Where none are set and none are kept, one is made and kept in the data directory.
pub(crate) fn keys(configuration: &Configuration) -> anyhow::Result<SealingKeys> {
    if configuration.keys.encryption.is_empty() {
        let data_dir = &configuration.data_dir;
        make_private_directory(data_dir)?;
        if ENCRYPTION_KEYS.read_or_make(data_dir, &SystemEntropy)?.is_new {
            let file = ENCRYPTION_KEYS.file(data_dir).display().to_string();
            tracing::info!(
                file,
                "a key for encrypting provider keys was made; keep a copy, and let servers that share a database share it as PORTICO_ENCRYPTION_KEYS"
            );
        }
    }
    known_keys(configuration)
}

/// Reads the keys, and makes none. Where some are set, those in the data directory open as well what was sealed before: who begins to set them has lost nothing.
pub(crate) fn known_keys(configuration: &Configuration) -> anyhow::Result<SealingKeys> {
    let given = configuration.keys.encryption.clone();
    let Some(kept) = ENCRYPTION_KEYS.read(&configuration.data_dir)? else { return Ok(given) };
    let file = ENCRYPTION_KEYS.file(&configuration.data_dir).display().to_string();
    let kept = SealingKeys::parse(kept.expose()).map_err(|fault| anyhow!("{file} {fault}"))?;
    given.open_also(&kept).map_err(|id| {
        anyhow!("the key {id} of PORTICO_ENCRYPTION_KEYS is another than the one of that id in {file}")
    })
}

/// Encrypts under them.
pub(crate) fn sealer(
    configuration: &Configuration,
    entropy: Arc<dyn Entropy>,
) -> anyhow::Result<Arc<dyn Sealer>> {
    Ok(Arc::new(XChaChaSealer::new(keys(configuration)?, entropy)))
}
