//! Where the access token for a running server is.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::cli::TokenFrom;

/// A place that holds a token, and may hold a fresh one later.
pub(super) enum TokenPlace {
    Variable(String),
    File(PathBuf),
}

impl TokenPlace {
    /// The place that was named, if one was.
    pub(super) fn of(options: &TokenFrom) -> Option<Self> {
        match (&options.token_env, &options.token_file) {
            (Some(name), _) => Some(Self::Variable(name.clone())),
            (None, Some(path)) => Some(Self::File(path.clone())),
            (None, None) => None,
        }
    }

    /// The token that is there now.
    pub(super) fn token(&self) -> anyhow::Result<String> {
        let (token, place) = match self {
            Self::Variable(name) => {
                let place = format!("--token-env: {name}");
                (std::env::var(name).with_context(|| place.clone())?, place)
            }
            Self::File(path) => {
                let place = format!("--token-file: {}", path.display());
                (std::fs::read_to_string(path).with_context(|| place.clone())?, place)
            }
        };
        let token = token.trim();
        // Nothing of it is told: it may be a token after all.
        if token.is_empty() || !token.bytes().all(|letter| letter.is_ascii_graphic()) {
            bail!("{place} holds no access token");
        }
        Ok(token.to_owned())
    }
}
