//! Several servers as one: what is proved of caches, limits and counts across processes, and while what they stand on fails.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`scene`] | servers, an admin and keys, as each proof begins with |
//! | [`line`] | one connection to one server |
//! | [`ledger`] | what a server may say about a key, and until when |
//! | [`tally`] | what a load met |
//! | [`chance`] | random choices, and Zipf's law |
//! | `revocation` | changes of keys are seen at once here, and within a second there |
//! | `limiter` | ten thousand at once are admitted as often as the quota says |
//! | `away` | the database hangs or is gone, and comes back |
//! | `kill` | a server is killed while it counts |
//! | `outage` | Redis hangs, dies and comes back from an old snapshot |
//! | `partition` | one server alone loses Redis |
//! | `zipf` | a worldly load while keys die all the time |
//!
//! A new proof is a file with a `run`, and a variant of [`Proof`].

mod away;
pub mod chance;
mod kill;
pub mod ledger;
mod limiter;
pub mod line;
mod outage;
mod partition;
mod revocation;
pub mod scene;
pub mod tally;
mod zipf;

use std::time::Duration;

use crate::harness::postgres::Postgres;

/// What was measured, a line each.
#[derive(Clone, Debug, Default)]
pub struct Figures(Vec<String>);

impl Figures {
    /// Adds a line.
    pub fn add(&mut self, line: String) {
        self.0.push(line);
    }

    /// Gives the lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}

/// How long loads last.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The length of the Zipf load.
    pub zipf: Duration,
}

/// Names a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Changes of keys reach every server.
    Revocation,
    /// Quotas are exact.
    Limiter,
    /// Redis away fails no request and revives no key.
    Outage,
    /// Storage away leaves cached keys working for their time.
    Away,
    /// Uses are counted exactly through kills.
    Kill,
    /// A server that loses Redis alone refuses what is revoked elsewhere.
    Partition,
    /// The cache serves nearly everything, and never a revoked key.
    Zipf,
}

impl Proof {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Revocation, Self::Limiter, Self::Kill, Self::Away, Self::Outage, Self::Partition, Self::Zipf];

    /// Gives the name that the command line uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Revocation => "revocation",
            Self::Limiter => "limiter",
            Self::Outage => "outage",
            Self::Partition => "partition",
            Self::Away => "away",
            Self::Kill => "kill",
            Self::Zipf => "zipf",
        }
    }

    /// Finds a proof by its name.
    pub fn parse(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|proof| proof.name() == name).ok_or_else(|| {
            format!("unknown proof {name}; there are all, {}", Self::ALL.map(Self::name).join(", "))
        })
    }

    /// How long it may take at most.
    fn limit(self, options: Options) -> Duration {
        Duration::from_mins(3) + if self == Self::Zipf { options.zipf } else { Duration::ZERO }
    }

    /// Runs it on databases of its own.
    pub async fn run(self, postgres: &Postgres, options: Options) -> anyhow::Result<Figures> {
        let limit = self.limit(options);
        let proof = async {
            match self {
                Self::Revocation => revocation::run(postgres).await,
                Self::Limiter => limiter::run(postgres).await,
                Self::Outage => outage::run(postgres).await,
                Self::Partition => partition::run(postgres).await,
                Self::Away => away::run(postgres).await,
                Self::Kill => kill::run(postgres).await,
                Self::Zipf => zipf::run(postgres, options.zipf).await,
            }
        };
        tokio::time::timeout(limit, proof)
            .await
            .unwrap_or_else(|_| Err(anyhow::anyhow!("not done within {limit:?}")))
    }
}
