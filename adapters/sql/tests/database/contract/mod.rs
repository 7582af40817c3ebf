//! The contracts of the ports, each a suite that every driver runs.

mod accounts;
pub(crate) mod api_keys;
mod books;
mod conversations;
mod credentials;
mod database_state;
mod experiments;
mod facts;
mod identities;
mod key_usage;
mod models;
mod orders;
mod passwords;
mod provider_keys;
mod rotation;
mod sessions;
mod storage;
mod system_settings;
mod user_settings;

use crate::{Case, world::World};

/// The suites by their ports.
pub(crate) const SUITES: &[(&str, &[Case<World>])] = &[
    ("accounts", accounts::CASES),
    ("accounts", passwords::CASES),
    ("credentials", credentials::CASES),
    ("sessions", sessions::CASES),
    ("sessions", rotation::CASES),
    ("identities", identities::CASES),
    ("facts", facts::CASES),
    ("api_keys", api_keys::CASES),
    ("key_usage", key_usage::CASES),
    ("models", models::CASES),
    ("books", books::CASES),
    ("orders", orders::CASES),
    ("conversations", conversations::CASES),
    ("conversations", conversations::lists::CASES),
    ("conversations", conversations::searches::CASES),
    ("conversations", conversations::sends::CASES),
    ("experiments", experiments::CASES),
    ("user_settings", user_settings::CASES),
    ("provider_keys", provider_keys::CASES),
    ("system_settings", system_settings::CASES),
    ("storage", storage::CASES),
    ("database_state", database_state::CASES),
];
