use std::sync::Arc;

use crate::{
    models::{ApiKeyId, Day, KeyUses, Timestamp, UsageBatch, uuid_v7},
    ports::{Entropy, KeyUsage, Unavailable, UsageLedger},
};

/// Counts the uses of keys, each exactly once.
#[derive(Clone)]
pub enum Uses {
    /// Into the ledger, which adds many of them at once behind the answers. A use that it can't take is added at once, so that neither a full disk nor a
    /// full memory costs a count or refuses a key.
    Deferred {
        /// Takes uses without a query.
        ledger: Arc<dyn UsageLedger>,
        /// Adds what the ledger can't take.
        through: UsesThrough,
    },
    /// Each before its answer: what the ledger is measured against.
    Through(UsesThrough),
}

/// Adds each use to storage by itself.
#[derive(Clone)]
pub struct UsesThrough {
    /// Where uses end up.
    pub usage: Arc<dyn KeyUsage>,
    /// Names batches.
    pub entropy: Arc<dyn Entropy>,
}

impl Uses {
    /// Counts one use.
    ///
    /// # Errors
    /// [`Unavailable`] when neither ledger nor storage took it.
    pub async fn count(&self, key: ApiKeyId, at: Timestamp) -> Result<(), Unavailable> {
        match self {
            Self::Deferred { ledger, through } => match ledger.count(key, at) {
                Ok(()) => Ok(()),
                Err(_) => through.add(key, at).await,
            },
            Self::Through(through) => through.add(key, at).await,
        }
    }
}

impl UsesThrough {
    async fn add(&self, key: ApiKeyId, at: Timestamp) -> Result<(), Unavailable> {
        let random = self.entropy.bytes()?;
        let random = std::array::from_fn(|place| random[place]);
        let uses = vec![KeyUses { key_id: key, day: Day::of(at), uses: 1, last_at: at }];
        self.usage.add(&UsageBatch { id: uuid_v7(at, random), uses }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        flows::testing::{NOW, entropy},
        ports::{MockKeyUsage, MockUsageLedger},
    };

    fn key() -> ApiKeyId {
        ApiKeyId::generate(NOW, [8; 10])
    }

    fn through(times: usize) -> UsesThrough {
        let mut usage = MockKeyUsage::new();
        usage
            .expect_add()
            .withf(|batch| {
                batch.uses == [KeyUses { key_id: key(), day: Day::of(NOW), uses: 1, last_at: NOW }]
            })
            .times(times)
            .returning(|_| Ok(()));
        UsesThrough { usage: Arc::new(usage), entropy: entropy() }
    }

    #[tokio::test]
    async fn what_the_ledger_takes_asks_storage_nothing() {
        let mut ledger = MockUsageLedger::new();
        ledger.expect_count().withf(|id, at| *id == key() && *at == NOW).times(1).returning(|_, _| Ok(()));
        let uses = Uses::Deferred { ledger: Arc::new(ledger), through: through(0) };
        assert_eq!(uses.count(key(), NOW).await, Ok(()));
    }

    #[tokio::test]
    async fn what_the_ledger_cannot_take_is_added_at_once() {
        let mut ledger = MockUsageLedger::new();
        ledger.expect_count().returning(|_, _| Err(Unavailable::new("usage ledger", "full")));
        let uses = Uses::Deferred { ledger: Arc::new(ledger), through: through(1) };
        assert_eq!(uses.count(key(), NOW).await, Ok(()));
    }

    #[tokio::test]
    async fn not_deferred_each_use_is_a_batch() {
        assert_eq!(Uses::Through(through(1)).count(key(), NOW).await, Ok(()));
    }
}
