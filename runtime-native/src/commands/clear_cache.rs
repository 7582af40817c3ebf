use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use portico_domain::{
    cache::Prefix,
    ports::{Hearing, SharedCache},
};
use portico_in_process::SystemClock;
use portico_redis::{RedisAddress, RedisSettings};

use super::say;
use crate::{Failure, cli::ClearCache, configuration::Configuration, wiring};

/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Drops everything of a prefix on all servers that share Redis.
pub(crate) async fn clear_cache(configuration: &Configuration, options: &ClearCache) -> Result<(), Failure> {
    let prefixes = match (options.prefix.as_str(), Prefix::parse(&options.prefix)) {
        ("*", _) => Prefix::ALL.to_vec(),
        (_, Some(prefix)) => vec![prefix],
        (other, None) => {
            let known = "api-key, bot, model-config, user-models, books, settings, and * for all of them";
            return Err(Failure::Usage(vec![format!("{other} is not one of {known}")]));
        }
    };
    let Some(address) = configuration.redis.clone() else {
        let told = "REDIS_URL is not set: what a server keeps in its own memory only it can drop; ask it: \
            DELETE /api/v1/admin/cache?prefix=… with an admin's access token";
        return Err(anyhow!(told).into());
    };
    let shown = address.to_string();
    clear_on_all_servers(configuration, address, &prefixes).await?;
    say(|out| {
        for prefix in &prefixes {
            writeln!(
                out,
                "{} is cleared on every server that shares {shown}",
                prefix.as_str().trim_end_matches(':')
            )?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Drops everything of some prefixes, through the Redis at `address`.
pub(super) async fn clear_on_all_servers(
    configuration: &Configuration,
    address: RedisAddress,
    prefixes: &[Prefix],
) -> anyhow::Result<()> {
    let shown = address.to_string();
    let authorities = wiring::authorities(configuration)?;
    let settings =
        RedisSettings { address, authorities, open_when_away: configuration.settings.limits.open_when_away };
    // Nothing is kept here that others' invalidations could concern.
    let redis = portico_redis::connect(settings, Arc::new(SystemClock), Arc::new(drop))
        .map_err(|fault| anyhow!("REDIS_URL: {fault}"))?;
    let cleared = tokio::time::timeout(PATIENCE, async {
        while redis.cache.hearing() == Hearing::Deaf {
            tokio::time::sleep(PAUSE).await;
        }
        for prefix in prefixes {
            redis.cache.clear(*prefix).await?;
        }
        anyhow::Ok(())
    });
    let cleared = cleared.await;
    redis.close().await;
    cleared
        .map_err(|_| anyhow!("no answer within {} s", PATIENCE.as_secs()))
        .and_then(|cleared| cleared)
        .with_context(|| format!("{shown}: not known to be cleared"))
}
