use std::time::Duration;

use async_trait::async_trait;
use portico_domain::{models::Timestamp, ports::Clock};
use worker::{Delay, js_sys, send::IntoSendFuture};

/// Tells the time by the runtime's `Date`, to the millisecond.
///
/// In a deployed Worker it stands still while code computes and moves with I/O.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkerClock;

#[async_trait]
impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep(&self, span: Duration) {
        Delay::from(span).into_send().await;
    }
}

/// The present moment, by one crossing; `worker::Date` would make an object as well.
pub(crate) fn now() -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "JavaScript counts whole milliseconds, and `as` saturates"
    )]
    let millis = js_sys::Date::now() as i64;
    Timestamp::from_micros(millis.saturating_mul(1_000))
}
