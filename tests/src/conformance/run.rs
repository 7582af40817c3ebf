//! Runs cases side by side, a bounded number at a time.

use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::Case;
use super::api::Api;

/// How long one case may take.
const CASE_LIMIT: Duration = Duration::from_mins(1);

/// Tells how a case came out.
#[derive(Clone, Debug)]
pub struct CaseResult {
    /// The case's name.
    pub name: String,
    /// Why it failed; nothing when it passed.
    pub failure: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Runs all cases whose name contains `filter`, `width` at a time, and gives their results in the cases' order.
pub async fn run(api: &Api, cases: Vec<Case>, filter: &str, width: usize) -> Vec<CaseResult> {
    let chosen = cases.into_iter().filter(|case| case.name.contains(filter)).enumerate();
    let running = stream::iter(chosen).map(|(place, case)| async move { (place, one(api, case).await) });
    // Unordered, so that a case that waits doesn't hold up those behind it.
    let mut results: Vec<(usize, CaseResult)> = running.buffer_unordered(width.max(1)).collect().await;
    results.sort_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

async fn one(api: &Api, case: Case) -> CaseResult {
    let start = Instant::now();
    let outcome = match api.from_elsewhere() {
        Ok(api) => {
            let guarded = std::panic::AssertUnwindSafe(case.run(api)).catch_unwind();
            match tokio::time::timeout(CASE_LIMIT, guarded).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_)) => Err(anyhow::anyhow!("the case itself panicked")),
                Err(_) => Err(anyhow::anyhow!("not done within {CASE_LIMIT:?}")),
            }
        }
        Err(error) => Err(error),
    };
    let failure = outcome.err().map(|error| format!("{error:#}"));
    CaseResult { name: case.name, failure, took: start.elapsed() }
}
