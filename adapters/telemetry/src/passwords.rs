use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use portico_domain::{
    meter::{self, Asked, Meter, Work},
    models::{Password, PasswordHash},
    ports::{Clock, HashingRefused, PasswordVerdict, Passwords},
};

use crate::Telemetry;

/// Tells how long passwords took, waiting for a thread included.
pub struct WatchedPasswords {
    /// Who hashes.
    pub passwords: Arc<dyn Passwords>,
    /// Who is told.
    pub telemetry: Telemetry,
    /// Takes the time.
    pub clock: Arc<dyn Clock>,
}

impl WatchedPasswords {
    async fn watch<T>(
        &self,
        work: impl Future<Output = Result<T, HashingRefused>> + Send,
    ) -> Result<T, HashingRefused> {
        let began = self.clock.now();
        let outcome = work.await;
        let time = self.clock.now().since(began);
        if let Some(metrics) = &self.telemetry.metrics {
            metrics.hashed(time);
        }
        let asked = Asked { span_id: 0, what: Work::Hashing, began, time, failed: outcome.is_err() };
        meter::with_current(|meter: &Meter| meter.note_asked(asked));
        outcome
    }
}

#[async_trait]
impl Passwords for WatchedPasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingRefused> {
        self.watch(self.passwords.hash(password)).await
    }

    async fn verify<'a>(
        &self,
        password: &Password,
        stored: Option<&'a PasswordHash>,
    ) -> Result<PasswordVerdict, HashingRefused> {
        self.watch(self.passwords.verify(password, stored)).await
    }
}
