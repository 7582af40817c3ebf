//! The registry: every SQL statement that this program sends, one a file in `queries/`.
//!
//! A statement belongs here to be sent at all, and what stands here is prepared, planned and looked at by the tests on both databases.

use crate::driver::Statement;

macro_rules! statements {
    ($(
        $(#[$doc:meta])*
        $name:ident: $effect:ident $file:literal ($($parameter:ident),*) -> ($($column:ident),*)
        $(, sqlite $sqlite:literal)?;
    )*) => {
        $(
            $(#[$doc])*
            pub static $name: Statement = Statement {
                name: $file,
                effect: Effect::$effect,
                parameters: &[$(Type::$parameter),*],
                columns: &[$(Type::$column),*],
                postgres: include_str!(concat!("../../queries/", $file, ".sql")),
                sqlite: statements!(@sqlite $file $(, $sqlite)?),
            };
        )*

        pub(super) static ALL: &[&Statement] = &[$(&$name),*];
    };
    (@sqlite $file:literal) => { include_str!(concat!("../../queries/", $file, ".sql")) };
    (@sqlite $file:literal, $sqlite:literal) => { include_str!(concat!("../../queries/", $sqlite, ".sql")) };
}

mod catalogue;
mod identity;
mod messaging;
mod models;
mod operations;
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
mod seed;
mod settings;

#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub use self::seed::*;
pub use self::{catalogue::*, identity::*, messaging::*, models::*, operations::*, settings::*};

/// All of them, family by family.
pub fn all() -> impl Iterator<Item = &'static Statement> {
    let families =
        [catalogue::ALL, identity::ALL, messaging::ALL, models::ALL, operations::ALL, settings::ALL];
    #[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
    let families = families.into_iter().chain([seed::ALL]);
    families.into_iter().flatten().copied()
}
