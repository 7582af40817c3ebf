//! The HTTP contract as an executable: named cases against a running server, whichever it is.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`api`] | the server under test, and requests to it |
//! | [`answer`] | an answer, and the conventions that every answer is held against |
//! | [`described`] | what `/openapi.json` says of it, which every answer is held against |
//! | [`people`] | registering and signing in, as cases need it |
//! | [`forge`] | access tokens, good and bad, signed with the server's own secret |
//! | [`raw`] | requests that no HTTP client would send |
//! | [`browser`] | the browser's side of a sign-in through GitHub |
//! | [`run`] | running cases side by side |
//! | [`report`] | the table of cases × set-ups |
//! | [`cases`] | the cases, a file a topic |
//!
//! A new case is an `async fn(Api) -> Outcome` in the file of its topic, named there in `cases()`. Cases run side by side against one
//! server, so each makes people of its own.

pub mod answer;
pub mod api;
pub mod browser;
pub mod cases;
pub mod described;
pub mod forge;
pub mod people;
pub mod raw;
pub mod report;
pub mod run;

use std::pin::Pin;
use std::sync::Arc;

use api::Api;

/// What a case comes to: nothing, or why it failed.
pub type Outcome = anyhow::Result<()>;

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// One named case.
#[derive(Clone)]
pub struct Case {
    /// `topic: what must hold`.
    pub name: String,
    body: Arc<dyn Fn(Api) -> Running + Send + Sync>,
}

impl Case {
    /// Names a case.
    pub fn new<F>(name: impl Into<String>, body: impl Fn(Api) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        Self { name: name.into(), body: Arc::new(move |api| Box::pin(body(api))) }
    }

    /// Starts the case.
    #[must_use]
    pub fn run(&self, api: Api) -> Running {
        (self.body)(api)
    }
}

/// Fails a case unless two values are equal, naming what they are.
#[expect(clippy::needless_pass_by_value, reason = "calls with values and with references read alike")]
pub fn same<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(
    what: &str,
    found: A,
    wanted: B,
) -> Outcome {
    anyhow::ensure!(found == wanted, "{what}: found {found:?}, wanted {wanted:?}");
    Ok(())
}
