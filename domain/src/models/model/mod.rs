//! The models that people can be given: what each is called, what it can do, what it costs.

mod built_in;
mod catalogue;
mod parse;
mod words;

pub use built_in::BuiltInModels;
pub use catalogue::{Catalogue, CatalogueSource};
pub use parse::{CatalogueFault, CatalogueParser};
pub use words::{Capability, ModelId};

use serde::{Deserialize, Serialize};

use super::{Cursor, ProviderName, Timestamp};

/// One model. Its JSON form is that of catalogue files and of shared caches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// What it is called in addresses.
    pub id: ModelId,
    /// Who makes it, or through whom it is had.
    pub provider: ProviderName,
    /// What people call it.
    pub name: String,
    /// How many tokens it takes in.
    pub context_window: u32,
    /// What a million tokens cost that it reads, in cents, rounded up.
    pub input_cents_per_mtok: u32,
    /// What a million tokens cost that it writes, in cents, rounded up.
    pub output_cents_per_mtok: u32,
    /// What it can do, in rising order and each once.
    pub capabilities: Vec<Capability>,
    /// Whether anybody may use it.
    pub enabled: bool,
    /// Whether it is usable without a key of one's own.
    pub hosted: bool,
    /// When it came out: what lists are sorted by.
    pub released_at: Timestamp,
}

impl Model {
    /// Where it stands in lists: by when it came out, and among those of the same moment by a number made of its id.
    #[must_use]
    pub fn place(&self) -> Cursor {
        Cursor::at(self.released_at, self.id.place())
    }
}

/// Which models a list is about; `None` for whichever.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelFilter {
    /// Those of this provider.
    pub provider: Option<ProviderName>,
    /// Those that can do this.
    pub capability: Option<Capability>,
}

impl ModelFilter {
    /// Whether a model is one of them.
    #[must_use]
    pub fn admits(&self, model: &Model) -> bool {
        self.provider.as_ref().is_none_or(|provider| *provider == model.provider)
            && self.capability.as_ref().is_none_or(|capability| model.capabilities.contains(capability))
    }
}

impl std::fmt::Display for ModelFilter {
    /// The same for the same filter, and for no other: the words have no space in them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let provider = self.provider.as_ref().map_or("", ProviderName::as_str);
        let capability = self.capability.as_ref().map_or("", Capability::as_str);
        write!(f, "{provider} {capability}")
    }
}

#[cfg(test)]
mod tests;
