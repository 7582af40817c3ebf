use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portico_domain::{
    models::{Admission, Demand, Digest, Gcra, Timestamp},
    ports::{RateLimiter, Unavailable},
    settings::LimitClasses,
};

use crate::{keeper::Keeper, link::Link, scripts::ADMIT};

const SERVICE: &str = "rate limiter";
/// How long an attempt that may pass uncounted waits while nothing at all is heard of Redis.
const PATIENCE: Duration = Duration::from_millis(40);

/// Counts attempts in Redis, by its clock: exact over all servers that share it.
///
/// One script decides one attempt as [`Gcra::decide`] does, to the microsecond, and keeps its result in the same step; a refusal writes
/// nothing. A key goes when its whole quota is there again. Keys are digests: nobody's address or name is in Redis. A Redis that forgets
/// (restarted without persistence, or told to evict) gives quotas back.
///
/// Attempts whose rule is open when the limiter is away give up once nothing has been heard of Redis for 40 ms; the others wait up to 1 s.
/// Without a link both fail at once.
pub struct RedisLimiter {
    keeper: Arc<Keeper>,
    open_when_away: LimitClasses,
}

impl RedisLimiter {
    pub(crate) const fn new(keeper: Arc<Keeper>, open_when_away: LimitClasses) -> Self {
        Self { keeper, open_when_away }
    }

    async fn ask(link: &Link, demand: &Demand) -> Result<Admission, Unavailable> {
        let (policy, quota) = (demand.policy, demand.quota);
        // What one attempt takes up is what it adds to a key that was never counted.
        let epoch = Timestamp::from_micros(0);
        let cell = Gcra::decide(policy, quota, None, epoch).theoretical_arrival.micros();
        let burst = cell.saturating_mul(i64::from(quota.limit.max(1)));
        let digest = URL_SAFE_NO_PAD.encode(Digest::of(demand.key.as_bytes()).0);
        let mut script = ADMIT.prepare_invoke();
        script.key(format!("{{portico}}:limit:{digest}")).arg(cell).arg(burst);
        let (admitted, kept, now) = link.run::<(u8, i64, i64)>(SERVICE, script).await?;
        let kept = (kept >= 0).then(|| Timestamp::from_micros(kept));
        let decision = Gcra::decide(policy, quota, kept, Timestamp::from_micros(now)).admission;
        if decision.admitted == (admitted == 1) {
            Ok(decision)
        } else {
            Err(Unavailable::new(SERVICE, "Redis decided otherwise than the domain would"))
        }
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn admit(&self, demand: &Demand) -> Result<Admission, Unavailable> {
        let link = self.keeper.link(SERVICE)?;
        if !self.open_when_away.contains_policy(demand.policy) {
            return Self::ask(&link, demand).await;
        }
        tokio::select! {
            biased;
            decided = Self::ask(&link, demand) => decided,
            () = link.silent_for(PATIENCE) => Err(Unavailable::new(SERVICE, "Redis does not answer in time")),
        }
    }
}
