//! What is asked of a server under load, and what makes that possible.

mod cast;
mod growth;
mod play;
mod targets;
mod words;

use std::sync::Arc;

use url::Url;

pub use self::{
    growth::Growth,
    targets::{Load, Targets, Verdict, rounded},
};
use crate::load::Source;

/// An access token.
pub type Token = String;

/// What preparation may use.
#[derive(Debug, Clone)]
pub struct Setup {
    /// An admin's access token, by which books are put into the catalogue; without one there must be some.
    pub admin: Option<Token>,
    /// How many people are registered.
    pub people: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { admin: None, people: 10 }
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// `GET /health`: what the way in costs.
    Health,
    /// People who sign in: as fast as bcrypt lets them.
    Login,
    /// Requests with API keys.
    Keys,
    /// Messages that are sent.
    Messages,
    /// Lists of chats and their messages.
    Chats,
    /// Books: lists, single ones, searches.
    Catalogue,
    /// All of these together, as a day brings them.
    Mixed,
    /// The mixture at half of what the server can do, for long.
    Soak,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Health,
        Self::Login,
        Self::Keys,
        Self::Messages,
        Self::Chats,
        Self::Catalogue,
        Self::Mixed,
        Self::Soak,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Login => "login",
            Self::Keys => "keys",
            Self::Messages => "messages",
            Self::Chats => "chats",
            Self::Catalogue => "catalogue",
            Self::Mixed => "mixed",
            Self::Soak => "soak",
        }
    }

    /// The scenario of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scenario| scenario.name() == name)
    }

    /// Makes ready what it asks for, by the server's own routes, and gives its requests. Within a tokio runtime that lives as long as they are used: access tokens are renewed in it.
    pub async fn prepare(self, url: &Url, setup: &Setup) -> anyhow::Result<Arc<dyn Source>> {
        let play: Arc<dyn Source> = play::Play::prepare(self, url, setup).await?;
        Ok(play)
    }
}
