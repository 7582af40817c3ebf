//! How often keys were used.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
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

impl fmt::Display for Day {
    /// Year, month and day, as in `2026-11-20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let midnight =
            OffsetDateTime::from_unix_timestamp(i64::from(self.0) * 86_400).map_err(|_| fmt::Error)?;
        midnight.date().fmt(f)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lasts_from_midnight_to_midnight_in_utc() {
        let day = |text| Day::of(Timestamp::parse(text).unwrap());
        assert_eq!(day("2026-11-20T00:00:00Z").to_string(), "2026-11-20");
        assert_eq!(day("2026-11-20T23:59:59.999999Z").to_string(), "2026-11-20");
        assert_eq!(day("2026-11-20T23:59:59-01:00").to_string(), "2026-11-21");
        assert_eq!(Day(-1).to_string(), "1969-12-31");
        assert_eq!(Day::of(Timestamp::from_micros(-1)), Day(-1));
    }
}
