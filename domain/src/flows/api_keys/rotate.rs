use std::{sync::Arc, time::Duration};

use super::{ApiKeyError, KeyWrites, MadeApiKey, changed, new_text};
use crate::{
    models::{AccessClaims, ApiKeyId},
    ports::{Clock, Entropy, KeyRotation},
};

/// Gives a key a new text, while the old one goes on working for a grace.
///
/// Rotating again inside the grace ends the oldest text at once: a key has two texts at most, so that what leaked can always be driven out.
pub struct RotateApiKey {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the text.
    pub entropy: Arc<dyn Entropy>,
    /// Writes keys, and drops what is cached of them.
    pub writes: KeyWrites,
}

impl RotateApiKey {
    /// The longest grace: 30 days.
    pub const MAX_GRACE: Duration = Duration::from_secs(30 * 86_400);

    /// Makes the new text and gives it, once. With a grace of zero the old one ends now.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        id: ApiKeyId,
        grace: Duration,
    ) -> Result<MadeApiKey, ApiKeyError> {
        let text = new_text(self.entropy.as_ref())?;
        let rotation = KeyRotation {
            digest: text.digest(),
            prefix: text.shown().to_owned(),
            old_until: self.clock.now().after(grace),
        };
        let key = changed(self.writes.rotate(caller.organization_id, id, rotation).await?)?;
        Ok(MadeApiKey { key, text })
    }
}
