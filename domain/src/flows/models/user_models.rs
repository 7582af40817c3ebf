use std::sync::Arc;

use crate::{
    cache::{Cache, CacheKey, Prefix, Subject},
    models::{Order, UserId},
};

/// What is kept of which models a person may use.
#[derive(Clone)]
pub struct UserModels {
    /// Keeps it.
    pub cache: Arc<Cache>,
}

impl UserModels {
    /// Drops it all. To be called by whatever changes a person's settings, providers or keys, after the write and before the answer: no list that is asked for
    /// after this has returned is from before. On Workers that holds for the location that wrote, elsewhere lists live out their lifetime.
    pub async fn forget(&self, user: UserId) {
        let entries = [Order::Ascending, Order::Descending].map(|order| user_models_key(user, order));
        self.cache.invalidate(&entries, &[user_models_subject(user)]).await;
    }
}

/// What everything depends on that was read of a person's models.
#[must_use]
pub fn user_models_subject(user: UserId) -> Subject {
    Subject::of(Prefix::UserModels, user.uuid().as_bytes())
}

/// The entry of the beginning of a person's list.
#[must_use]
pub fn user_models_key(user: UserId, order: Order) -> CacheKey {
    CacheKey::of(Prefix::UserModels, format!("{user} {}", order.as_str()).as_bytes())
}
