//! The models' catalogue: listed, shown and streamed, and which of it a person may use.
//!
//! What must hold:
//! - **It is always answered.** While storage can't be asked, what is cached answers; without that, after three seconds at most, the catalogue that comes with the program,
//!   and the answer says so. Nothing about a person is guessed: what they may use is then what everybody may.
//! - **A place in a list is the same in either catalogue**, so that a walk goes on when storage goes or comes.
//! - **A person's list is never from before their last change** of settings, providers or keys: see [`UserModels`].
//! - **A stream is the whole list, or breaks off.** It holds one page at a time, read when the client wants more.

mod block;
mod catalogue;
mod list;
mod show;
mod usable;
mod user_models;

pub use block::ModelBlock;
pub use catalogue::{CatalogueKept, KeepCatalogue};
pub use list::{ListModels, ModelPages, PageId, PageSource};
pub use show::{ModelSource, ShowModel, ShowModelError};
pub use usable::{UsableModels, UserPageId, UserPageSource};
pub use user_models::{UserModels, user_models_key, user_models_subject};

use std::{future::Future, time::Duration};

use crate::ports::{Clock, Unavailable, within};

/// What was found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub value: T,
    /// Whether the catalogue that comes with the program had to do.
    pub degraded: bool,
}

/// How long storage is waited for where the program's own catalogue can answer instead.
const PATIENCE: Duration = Duration::from_secs(3);

/// What storage says, unless it takes too long.
async fn asked<T>(
    clock: &dyn Clock,
    asking: impl Future<Output = Result<T, Unavailable>> + Send,
) -> Result<T, Unavailable> {
    let answer = within(clock, PATIENCE, asking).await;
    answer.unwrap_or_else(|| Err(Unavailable::new("storage", "no answer in time")))
}

#[cfg(test)]
mod tests;
