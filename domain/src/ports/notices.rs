use crate::models::PoolState;

/// A change that operators should know of, told once when it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// A shared cache tier failed too often and is left alone for a while.
    CacheLeftAlone {
        /// Which tier.
        tier: &'static str,
        /// What its adapter said last, without secrets.
        detail: String,
    },
    /// It answers again.
    CacheBack {
        /// Which tier.
        tier: &'static str,
    },
    /// Rate limits can't be counted; those whose rule is open let everything pass, the others nothing.
    LimiterAway {
        /// What its adapter said, without secrets.
        detail: String,
    },
    /// They are counted again.
    LimiterBack,
    /// What is behind a prefix of the cache can't be asked, and answers come from entries past their lifetime.
    AnsweringStale {
        /// What is answered: a prefix of the cache.
        prefix: &'static str,
        /// What it said, without secrets.
        detail: String,
    },
    /// It answers again.
    AnsweringFresh {
        /// What is answered.
        prefix: &'static str,
    },
    /// What runs of experiments with the cache can't be found out, or what was seen of them not told; what was known last goes on.
    ExperimentsUnknown {
        /// What it said, without secrets.
        detail: String,
    },
    /// It can be again.
    ExperimentsKnown,
    /// More than 80 % of a pool of connections is in use.
    PoolStrained {
        /// Which pool.
        pool: &'static str,
        /// How much of it is.
        state: PoolState,
    },
    /// It no longer is.
    PoolAtEase {
        /// Which pool.
        pool: &'static str,
    },
}

/// Tells operators what has changed. An adapter writes a log line.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Notices: Send + Sync {
    /// Tells one.
    fn tell(&self, notice: Notice);
}
