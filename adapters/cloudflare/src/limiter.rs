use std::time::Duration;

use async_trait::async_trait;
use futures_util::{
    future::{Either, select},
    pin_mut,
};
use portico_domain::{
    models::{Admission, Demand},
    ports::{RateLimiter, Unavailable},
};
use worker::{Delay, Env, ObjectNamespace, send::IntoSendFuture};

use crate::limiter_object::Decision;

/// The object is asked in the path of an answer: one that doesn't answer soon is as good as away.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The shield says yes or no and nothing more; its own window is a minute at most.
const SHIELD_WINDOW: Duration = Duration::from_mins(1);

/// Counts attempts in Durable Objects, one object a key.
///
/// Where a rate limit binding `SHIELD` is bound, it is asked first: it answers on the spot, so that a flood is turned away before it
/// reaches an object. It is permissive by design and never the only guard.
#[derive(Debug)]
pub struct DurableObjectLimiter {
    objects: ObjectNamespace,
    shield: Option<worker::RateLimiter>,
}

impl DurableObjectLimiter {
    /// Finds the bindings `LIMITER` and, where there is one, `SHIELD`.
    ///
    /// # Errors
    /// When `LIMITER` isn't bound to a Durable Object.
    pub fn from_env(env: &Env) -> worker::Result<Self> {
        Ok(Self { objects: env.durable_object("LIMITER")?, shield: env.rate_limiter("SHIELD").ok() })
    }

    async fn shield_admits(&self, demand: &Demand) -> bool {
        let Some(shield) = &self.shield else { return true };
        match shield.limit(demand.key.clone()).await {
            Ok(outcome) => outcome.success,
            Err(cause) => {
                // The objects behind it decide exactly, so a broken shield is no reason to refuse.
                tracing::warn!(%cause, "the rate limit binding did not answer");
                true
            }
        }
    }

    async fn ask(&self, demand: &Demand) -> worker::Result<Decision> {
        let quota = demand.quota;
        let url = format!("https://limiter/?limit={}&window={}", quota.limit, quota.window.as_secs());
        let asked = async {
            let object = self.objects.get_by_name(&demand.key)?;
            object.fetch_with_str(&url).await?.json().await
        };
        pin_mut!(asked);
        match select(asked, Delay::from(TIME_LIMIT)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err("no answer in time".into()),
        }
    }
}

#[async_trait]
impl RateLimiter for DurableObjectLimiter {
    async fn admit(&self, demand: &Demand) -> Result<Admission, Unavailable> {
        let (policy, quota) = (demand.policy, demand.quota);
        if !self.shield_admits(demand).await {
            let wait = SHIELD_WINDOW;
            return Ok(Admission {
                policy,
                quota,
                admitted: false,
                remaining: 0,
                reset_after: wait,
                retry_after: wait,
            });
        }
        let decision =
            self.ask(demand).into_send().await.map_err(|cause| Unavailable::new("rate limiter", cause))?;
        Ok(Admission {
            policy,
            quota,
            admitted: decision.admitted,
            remaining: decision.remaining,
            reset_after: Duration::from_micros(decision.reset_micros),
            retry_after: Duration::from_micros(decision.retry_micros),
        })
    }
}
