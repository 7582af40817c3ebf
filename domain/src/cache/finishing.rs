use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::ports::Background;

/// Carries work through to its end even if whoever asked for it goes away.
///
/// A client that hangs up drops its request wherever that stands. Between a write and the invalidation that has to follow it, that must not be the end:
/// what is left is then handed to the background.
#[must_use]
pub struct Finishing<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    background: Arc<dyn Background>,
}

impl<T: Send + 'static> Finishing<T> {
    /// Carries `work` through.
    pub fn new(background: Arc<dyn Background>, work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)), background }
    }
}

impl<T: Send + 'static> Future for Finishing<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Asked again after its end it waits for ever, as a fused future may.
        let Some(work) = &mut self.work else { return Poll::Pending };
        let outcome = work.as_mut().poll(context);
        if outcome.is_ready() {
            self.work = None;
        }
        outcome
    }
}

impl<T: Send + 'static> Drop for Finishing<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.background.run(Box::pin(async move { drop(work.await) }));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::cache::testing::Spawned;

    #[tokio::test(start_paused = true)]
    async fn what_was_begun_is_finished_once_whether_or_not_somebody_waits() {
        let done = Arc::new(AtomicU32::new(0));
        let work = || {
            let done = Arc::clone(&done);
            async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                done.fetch_add(1, Ordering::SeqCst)
            }
        };
        assert_eq!(Finishing::new(Arc::new(Spawned), work()).await, 0);
        let dropped = Finishing::new(Arc::new(Spawned), work());
        assert!(tokio::time::timeout(Duration::from_millis(1), dropped).await.is_err());
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(done.load(Ordering::SeqCst), 2);
    }
}
