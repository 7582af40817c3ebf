//! What sort of program is at the other end, as far as that can be told.

mod agents;
mod crawlers;
mod network;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use agents::{SortedAgent, sort_agent};
pub use crawlers::Crawler;
pub use network::{Network, is_public};

/// What sort of program sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum BotVerdict {
    /// A person's browser, as far as the agent says.
    Person,
    /// A bot that names itself, whether or not it is the one it names.
    DeclaredBot,
    /// A crawler whose address proves whose it is.
    VerifiedCrawler,
    /// A program that names itself as somebody's crawler from an address that isn't theirs.
    Impostor,
    /// A script, a library, an app, or a program that doesn't name itself.
    Tool,
}

impl BotVerdict {
    /// Every verdict.
    pub const ALL: [Self; 5] =
        [Self::Person, Self::DeclaredBot, Self::VerifiedCrawler, Self::Impostor, Self::Tool];

    /// The word in settings and answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::DeclaredBot => "declared_bot",
            Self::VerifiedCrawler => "verified_crawler",
            Self::Impostor => "impostor",
            Self::Tool => "tool",
        }
    }
}

impl fmt::Display for BotVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
