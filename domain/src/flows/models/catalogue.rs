use std::sync::Arc;

use crate::{
    models::{Catalogue, CatalogueSource},
    ports::{Clock, ModelCatalogue, Replacement, StoredCatalogue, Unavailable, Written},
};

/// What became of a catalogue that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueKept {
    /// It is stored now.
    Stored,
    /// It was stored already.
    Unchanged,
    /// What an operator imported stays.
    ImportStays,
}

/// Stores catalogues.
pub struct KeepCatalogue {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps them.
    pub catalogue: Arc<dyn ModelCatalogue>,
}

impl KeepCatalogue {
    /// Stores the built-in catalogue where it isn't, unless an operator has imported another. Safe to repeat, and to run from several processes at once.
    pub async fn ensure(&self, built_in: &Catalogue) -> Result<CatalogueKept, Unavailable> {
        match self.catalogue.stored().await? {
            Some(StoredCatalogue { source: CatalogueSource::Imported, .. }) => Ok(CatalogueKept::ImportStays),
            Some(stored) if stored.digest == built_in.digest() => Ok(CatalogueKept::Unchanged),
            _ => {
                let replacement = self.replacement(CatalogueSource::BuiltIn, false);
                let is_stored = self.catalogue.replace(built_in, replacement, &|_, _| ()).await?;
                Ok(if is_stored { CatalogueKept::Stored } else { CatalogueKept::ImportStays })
            }
        }
    }

    /// Stores a catalogue on an operator's word, whatever is stored. Idempotent.
    pub async fn import(
        &self,
        catalogue: &Catalogue,
        source: CatalogueSource,
        written: Written<'_>,
    ) -> Result<CatalogueKept, Unavailable> {
        let stored = self.catalogue.stored().await?;
        if stored.is_some_and(|stored| stored.source == source && stored.digest == catalogue.digest()) {
            return Ok(CatalogueKept::Unchanged);
        }
        self.catalogue.replace(catalogue, self.replacement(source, true), written).await?;
        Ok(CatalogueKept::Stored)
    }

    fn replacement(&self, source: CatalogueSource, over_import: bool) -> Replacement {
        Replacement { source, over_import, at: self.clock.now() }
    }
}
