//! Which event of the runtime is being polled, so that what outlives its answer can be tied to it.
//!
//! An isolate runs many requests interleaved, and each has its own `waitUntil`. Ports are made once an isolate and take no request, so the
//! request is found as the domain's meter is: it stands in a thread-local while its future is polled.

use std::{
    cell::RefCell,
    fmt,
    future::{Future, poll_fn},
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    rc::Rc,
};

use futures_util::future::join_all;
use worker::{js_sys::futures::future_to_promise, wasm_bindgen::JsValue, worker_sys::Context};

/// The event that work belongs to: a request, or a run of the cron trigger.
#[derive(Clone)]
pub struct Scope(Rc<Event>);

struct Event {
    context: Context,
    /// What is to follow the event's own work; none any more once that has been seen to.
    later: RefCell<Option<Vec<Background>>>,
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Scope>> = const { RefCell::new(None) };
}

/// Work that outlives an answer.
pub type Background = Pin<Box<dyn Future<Output = ()>>>;

impl Scope {
    /// The event that the runtime gave `context` with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self(Rc::new(Event { context, later: RefCell::new(Some(Vec::new())) }))
    }

    /// Runs `future` as part of this event.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(move |context| {
            let _restore = Entered::new(self.clone());
            future.as_mut().poll(context)
        })
        .await
    }

    /// Takes work that is to follow the answer: [`Scope::follow_up`] does it, or the runtime once that is over.
    ///
    /// # Errors
    /// What the runtime threw; the work isn't run then.
    pub fn after_answer(&self, work: Background) -> Result<(), JsValue> {
        match &mut *self.0.later.borrow_mut() {
            Some(later) => later.push(work),
            None => self.wait_until(work)?,
        }
        Ok(())
    }

    /// Does what was left for after the answer, all of it at once. Whoever answers awaits this last, within whatever the event still
    /// holds, such as its database connection.
    pub async fn follow_up(&self) {
        loop {
            let work = self.0.later.borrow_mut().as_mut().map(std::mem::take).unwrap_or_default();
            if work.is_empty() {
                *self.0.later.borrow_mut() = None;
                return;
            }
            join_all(work).await;
        }
    }

    /// Asks the runtime to keep the event alive until `work` is done (30 seconds at most after the answer). The work is polled as part
    /// of the same event.
    ///
    /// # Errors
    /// What the runtime threw; the work isn't run then.
    pub fn wait_until(&self, work: Background) -> Result<(), JsValue> {
        let scope = self.clone();
        let promise = future_to_promise(AssertUnwindSafe(async move {
            scope.run(work).await;
            Ok(JsValue::UNDEFINED)
        }));
        self.0.context.wait_until(&promise)
    }
}

/// The event that is being polled, if one is.
#[must_use]
pub fn current() -> Option<Scope> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Puts the former scope back, however the poll ends.
struct Entered(Option<Scope>);

impl Entered {
    fn new(scope: Scope) -> Self {
        Self(CURRENT.with(|current| current.replace(Some(scope))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.0.take()));
    }
}
