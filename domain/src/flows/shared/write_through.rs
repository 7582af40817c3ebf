use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    models::{Fact, UserId},
    ports::{DeferredWrites, FactStore, Unavailable},
};

/// Writes facts before the answer: what deferred writes are measured against.
pub struct WriteThrough {
    store: Arc<dyn FactStore>,
}

impl WriteThrough {
    /// Takes the store.
    #[must_use]
    pub fn new(store: Arc<dyn FactStore>) -> Self {
        Self { store }
    }
}

#[async_trait]
impl DeferredWrites for WriteThrough {
    /// Writes each fact by itself, as code without the notion of a fact would.
    async fn hand_over(&self, facts: Vec<Fact>) -> Result<(), Unavailable> {
        for fact in facts {
            self.store.record(&[fact]).await?;
        }
        Ok(())
    }

    fn pending(&self, _user: UserId) -> Vec<Fact> {
        Vec::new()
    }
}
