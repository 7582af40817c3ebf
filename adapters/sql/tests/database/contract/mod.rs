//! The contracts of the ports, each a suite that every driver runs.

mod accounts;
pub(crate) mod api_keys;
mod credentials;
mod experiments;
mod facts;
mod identities;
mod key_usage;
mod passwords;
mod rotation;
mod sessions;
mod storage;

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
    ("experiments", experiments::CASES),
    ("storage", storage::CASES),
];
