use std::{fmt, sync::OnceLock};

use super::Catalogue;

/// The catalogue that comes with the program, or what an operator has put in its place: what a new database is filled with, and what is answered with while the
/// database can't be asked.
///
/// Read when it is first asked for: most starts never do.
pub struct BuiltInModels(OnceLock<Catalogue>);

/// What the program brings. Its date is in it.
static OWN: &str = include_str!("../../../data/models.json");

impl BuiltInModels {
    /// The program's own.
    #[must_use]
    pub const fn own() -> Self {
        Self(OnceLock::new())
    }

    /// An operator's.
    #[must_use]
    pub fn of(catalogue: Catalogue) -> Self {
        Self(OnceLock::from(catalogue))
    }

    /// The catalogue.
    pub fn get(&self) -> &Catalogue {
        self.0
            .get_or_init(|| Catalogue::parse(OWN).expect("the program's own catalogue is read by its tests"))
    }
}

impl fmt::Debug for BuiltInModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuiltInModels").finish_non_exhaustive()
    }
}
