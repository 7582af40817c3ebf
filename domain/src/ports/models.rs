use async_trait::async_trait;

use super::Unavailable;
use crate::models::{
    Catalogue, CatalogueSource, Digest, Model, ModelFilter, ModelId, PageRequest, Timestamp, UserId,
};

/// The models' catalogue as people are shown it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Models: Send + Sync {
    /// Finds one.
    async fn by_id(&self, id: &ModelId) -> Result<Option<Model>, Unavailable>;

    /// Lists those that a filter admits by when they came out, one more than the limit if there are more. Whatever the filter, by one statement that an index serves.
    async fn list(&self, filter: &ModelFilter, page: PageRequest) -> Result<Vec<Model>, Unavailable>;

    /// Lists in the same way those that a person may use: enabled, and hosted or of a provider whose key they have stored and left enabled, and among those that they
    /// have chosen, if they have. By one statement.
    async fn usable(&self, user: UserId, page: PageRequest) -> Result<Vec<Model>, Unavailable>;
}

/// What is stored of models, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCatalogue {
    /// Where it comes from.
    pub source: CatalogueSource,
    /// Which it is: [`Catalogue::digest`].
    pub digest: Digest,
    /// Since when it is there.
    pub stored_at: Timestamp,
}

/// How a catalogue takes the place of what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacement {
    /// Where it comes from.
    pub source: CatalogueSource,
    /// Whether also what was imported gives way.
    pub over_import: bool,
    /// Now.
    pub at: Timestamp,
}

/// How far a catalogue has been written: models written, of how many.
pub type Written<'a> = &'a (dyn Fn(usize, usize) + Sync);

/// Keeps the catalogue as a whole.
#[async_trait]
pub trait ModelCatalogue: Send + Sync {
    /// What is stored; `None` before anything was.
    async fn stored(&self) -> Result<Option<StoredCatalogue>, Unavailable>;

    /// Puts a catalogue in the place of what is stored, in one transaction: whoever reads by one statement sees the old or the new one. Two that do so at once take turns.
    ///
    /// What was imported is replaced only where `replacement` says so, which the transaction itself decides: a built-in catalogue never takes the place of an import, also
    /// not of one that is made at the same moment. Says whether the catalogue, from this source, is what is stored now.
    async fn replace(
        &self,
        catalogue: &Catalogue,
        replacement: Replacement,
        written: Written<'_>,
    ) -> Result<bool, Unavailable>;
}
