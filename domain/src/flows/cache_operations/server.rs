use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::{
    models::{Timestamp, uuid_v7},
    ports::{Entropy, Unavailable},
};

/// This process or isolate among all that serve: what figures are of, and under which name it tells others what it has seen.
pub struct Server {
    /// Since when it serves.
    pub since: Timestamp,
    entropy: Arc<dyn Entropy>,
    id: OnceLock<Uuid>,
}

impl Server {
    /// One that serves since `since`; it is given its name when that is first asked for.
    #[must_use]
    pub const fn new(since: Timestamp, entropy: Arc<dyn Entropy>) -> Self {
        Self { since, entropy, id: OnceLock::new() }
    }

    /// Its name, the same as long as it serves.
    ///
    /// # Errors
    /// [`Unavailable`] without randomness: two servers of one name would overwrite each other's results.
    pub fn id(&self) -> Result<Uuid, Unavailable> {
        if let Some(id) = self.id.get() {
            return Ok(*id);
        }
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        Ok(*self.id.get_or_init(|| uuid_v7(self.since, random)))
    }
}
