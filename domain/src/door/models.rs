use std::sync::Arc;

use super::Ports;
use crate::{
    cache::{Cache, ReadThrough},
    flows::{
        models::{ListModels, ModelSource, PageSource, ShowModel, UsableModels, UserModels, UserPageSource},
        shared::{Cursors, Signers},
    },
};

/// What is done with models.
pub struct ModelFlows {
    /// Lists them.
    pub list: ListModels,
    /// Reads and writes that list's cursors.
    pub cursors: Cursors,
    /// Shows one.
    pub show: ShowModel,
    /// Lists those that a person may use.
    pub usable: UsableModels,
    /// Reads and writes that list's cursors.
    pub usable_cursors: Cursors,
    /// Drops what is kept of that when something changes.
    pub of_users: UserModels,
}

pub(super) fn model_flows(ports: &Ports, signers: &Arc<Signers>, cache: &Arc<Cache>) -> ModelFlows {
    let models = || Arc::clone(&ports.models);
    ModelFlows {
        list: ListModels {
            clock: Arc::clone(&ports.clock),
            models: models(),
            pages: ReadThrough::new(Arc::clone(cache), PageSource { models: models() }),
            built_in: Arc::clone(&ports.built_in_models),
        },
        cursors: Cursors::new("models", Arc::clone(signers)),
        show: ShowModel {
            clock: Arc::clone(&ports.clock),
            kept: ReadThrough::new(Arc::clone(cache), ModelSource { models: models() }),
            built_in: Arc::clone(&ports.built_in_models),
        },
        usable: UsableModels {
            clock: Arc::clone(&ports.clock),
            models: models(),
            beginnings: ReadThrough::new(Arc::clone(cache), UserPageSource { models: models() }),
            built_in: Arc::clone(&ports.built_in_models),
        },
        usable_cursors: Cursors::new("user-models", Arc::clone(signers)),
        of_users: UserModels { cache: Arc::clone(cache) },
    }
}
