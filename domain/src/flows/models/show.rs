use std::sync::Arc;

use async_trait::async_trait;

use super::{Found, asked};
use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{BuiltInModels, Model, ModelId},
    ports::{Clock, Models, Unavailable},
};

/// Where single models come from when the cache has none: one statement.
pub struct ModelSource {
    /// Finds them.
    pub models: Arc<dyn Models>,
}

#[async_trait]
impl Source for ModelSource {
    type Id = ModelId;
    type Value = Model;
    const PREFIX: Prefix = Prefix::ModelConfig;

    fn key(&self, id: &ModelId) -> CacheKey {
        CacheKey::of(Prefix::ModelConfig, format!("one {id}").as_bytes())
    }

    fn subjects(&self, _id: &ModelId, _model: &Model) -> Vec<Subject> {
        Vec::new()
    }

    async fn load(&self, id: &ModelId) -> Result<Option<Model>, Unavailable> {
        self.models.by_id(id).await
    }
}

/// Why no model is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShowModelError {
    /// There is none of that name.
    #[error("there is no such model")]
    NotFound,
    /// Storage can't be asked, and the program's own catalogue has none of that name: whether there is one can't be said.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Shows one model.
pub struct ShowModel {
    /// Tells when storage takes too long.
    pub clock: Arc<dyn Clock>,
    /// Keeps models.
    pub kept: ReadThrough<ModelSource>,
    /// Answers while storage can't be asked.
    pub built_in: Arc<BuiltInModels>,
}

impl ShowModel {
    /// Finds it, through the cache.
    pub async fn run(&self, id: &ModelId) -> Result<Found<Arc<Model>>, ShowModelError> {
        match asked(&*self.clock, self.kept.get(id)).await {
            Ok(Some(value)) => Ok(Found { value, degraded: false }),
            Ok(None) => Err(ShowModelError::NotFound),
            Err(cause) => match self.built_in.get().by_id(id) {
                Some(model) => Ok(Found { value: Arc::new(model.clone()), degraded: true }),
                None => Err(cause.into()),
            },
        }
    }
}
