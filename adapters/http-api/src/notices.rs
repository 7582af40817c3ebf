use portico_domain::ports::{Notice, Notices};

/// Tells operators by log lines, one a change.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoggedNotices;

impl Notices for LoggedNotices {
    fn tell(&self, notice: Notice) {
        match notice {
            Notice::CacheLeftAlone { tier, detail } => {
                tracing::warn!(
                    tier,
                    detail,
                    "the shared cache keeps failing and is left alone; answers come from memory and storage"
                );
            }
            Notice::CacheBack { tier } => tracing::info!(tier, "the shared cache answers again"),
            Notice::LimiterAway { detail } => {
                tracing::error!(
                    detail,
                    "rate limits can't be counted; what PORTICO_LIMIT_OPEN_WHEN_AWAY names passes uncounted, all else is refused"
                );
            }
            Notice::LimiterBack => tracing::info!("rate limits are counted again"),
            Notice::AnsweringStale { prefix, detail } => {
                tracing::error!(
                    prefix,
                    detail,
                    "the source can't be asked; what is cached of it is used past its lifetime"
                );
            }
            Notice::AnsweringFresh { prefix } => tracing::info!(prefix, "the source answers again"),
            Notice::ExperimentsUnknown { detail } => {
                tracing::warn!(
                    detail,
                    "experiments with the cache can't be looked at; what was known of them goes on"
                );
            }
            Notice::ExperimentsKnown => tracing::info!("experiments with the cache can be looked at again"),
            Notice::PoolStrained { pool, state } => {
                tracing::warn!(
                    pool,
                    active = state.active(),
                    max = state.max,
                    waiting = state.waiting,
                    "more than 80 % of the connections to the database are in use"
                );
            }
            Notice::PoolAtEase { pool } => {
                tracing::info!(pool, "connections to the database are free again");
            }
        }
    }
}
