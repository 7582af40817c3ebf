//! How often keys were used.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ApiKeyId, Timestamp};

/// A day in UTC, as the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(pub i32);

impl Day {
    /// The day of a moment.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(i32::try_from(at.seconds().div_euclid(86_400)).unwrap_or(i32::MAX))
    }
}

/// How often one key was used on one day, out of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUses {
    /// Which key.
    pub key_id: ApiKeyId,
    /// On which day.
    pub day: Day,
    /// How often.
    pub uses: u64,
    /// When last.
    pub last_at: Timestamp,
}

/// Uses gathered in one process or isolate, to be added to what is stored. A fact: adding the same batch twice adds it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageBatch {
    /// Names the batch, so that it is added once however often it is sent.
    pub id: Uuid,
    /// A row a key and day, none twice.
    pub uses: Vec<KeyUses>,
}
