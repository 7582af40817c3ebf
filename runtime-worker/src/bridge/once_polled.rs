//! From a future to what JavaScript awaits.

use std::{
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Wake, Waker},
};

use futures_channel::oneshot::Receiver;
use worker::{js_sys::futures::future_to_promise, wasm_bindgen::JsValue};

/// What a handler comes to: a value for JavaScript, or what to throw.
pub(crate) type Outcome = Result<JsValue, JsValue>;

/// Runs `work`, which tells `outcome` on its way and may have more to do then, and gives JavaScript that outcome: the value itself when it is
/// told at the first poll, else a promise of it. What isn't done at the first poll goes to `keep_alive`.
///
/// A promise costs allocations and a turn of the task queue, which an answer without I/O need not pay.
pub(crate) fn answer(
    work: impl Future<Output = ()> + 'static,
    mut outcome: Receiver<Outcome>,
    keep_alive: impl FnOnce(Pin<Box<dyn Future<Output = ()>>>) -> Result<(), JsValue>,
) -> Outcome {
    if let Err(rest) = poll_once(Box::pin(work)) {
        keep_alive(Box::pin(rest))?;
    }
    let untold = || JsValue::from("the request ended without an answer");
    match outcome.try_recv() {
        Ok(Some(outcome)) => outcome,
        Ok(None) => {
            let told = async move { outcome.await.unwrap_or_else(|_| Err(untold())) };
            Ok(future_to_promise(AssertUnwindSafe(told)).into())
        }
        Err(_) => Err(untold()),
    }
}

/// Polls `work` once; what isn't done then is given back as a future.
fn poll_once<T: 'static>(
    mut work: Pin<Box<dyn Future<Output = T>>>,
) -> Result<T, impl Future<Output = T> + 'static> {
    let relay = Arc::new(Relay::default());
    let waker = Waker::from(Arc::clone(&relay));
    if let Poll::Ready(outcome) = work.as_mut().poll(&mut Context::from_waker(&waker)) {
        return Ok(outcome);
    }
    Err(poll_fn(move |context| {
        relay.pass_on_to(context.waker());
        work.as_mut().poll(&mut Context::from_waker(&waker))
    }))
}

/// A waker that wakes whoever polls at present.
///
/// The first poll happens before there is a task. Futures should heed the waker of their last poll, but some that wait for the runtime, such
/// as `worker::Delay`, keep that of their first: so all polls are given this one.
#[derive(Default)]
struct Relay(Mutex<Option<Waker>>);

impl Relay {
    fn pass_on_to(&self, waker: &Waker) {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *present {
            Some(present) => present.clone_from(waker),
            None => *present = Some(waker.clone()),
        }
    }
}

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        let present = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(waker) = present {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, rc::Rc};

    use super::*;

    /// Waits for the second poll and tells only the waker of the first.
    struct KeepsFirstWaker {
        first: Rc<Cell<Option<Waker>>>,
        polls: u32,
    }

    impl Future for KeepsFirstWaker {
        type Output = u32;

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
            self.polls += 1;
            if self.polls == 1 {
                self.first.set(Some(context.waker().clone()));
            }
            if self.polls == 3 { Poll::Ready(self.polls) } else { Poll::Pending }
        }
    }

    struct Woken(Mutex<u32>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn what_is_ready_needs_no_promise() {
        assert_eq!(poll_once(Box::pin(async { 7 })).ok(), Some(7));
    }

    #[test]
    fn a_future_that_keeps_its_first_waker_still_wakes_the_task_that_polls_later() {
        let first = Rc::new(Cell::new(None));
        let rest = poll_once(Box::pin(KeepsFirstWaker { first: Rc::clone(&first), polls: 0 }));
        let Err(rest) = rest else { panic!("it is not ready at once") };
        let mut rest = Box::pin(rest);
        let woken = Arc::new(Woken(Mutex::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        assert_eq!(rest.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Pending);
        first.take().unwrap().wake();
        assert_eq!(*woken.0.lock().unwrap(), 1);
        assert_eq!(rest.as_mut().poll(&mut Context::from_waker(&waker)), Poll::Ready(3));
    }
}
