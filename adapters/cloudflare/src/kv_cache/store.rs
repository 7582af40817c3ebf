use std::time::Duration;

use async_trait::async_trait;
use portico_domain::ports::Unavailable;
use worker::{
    kv::{KvError, KvStore},
    send::IntoSendFuture,
};

use super::SERVICE;

/// How long a location may answer from what it read last, in seconds: the least that is allowed.
const CACHE_SECONDS: u64 = 60;

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    /// It was taken.
    Done,
    /// The same name was written less than a second ago, by another isolate.
    TooSoon,
}

/// A KV namespace, as far as it is used here.
#[async_trait]
pub(super) trait Store: Send + Sync {
    /// The text under a name.
    async fn get(&self, name: &str) -> Result<Option<String>, Unavailable>;

    /// Puts a text under a name, for as long as is said (a minute at least) or for good.
    async fn put(&self, name: &str, text: &str, keep_for: Option<Duration>) -> Result<Put, Unavailable>;
}

/// The namespace that is bound.
#[derive(Debug)]
pub(super) struct Namespace(pub(super) KvStore);

#[async_trait]
impl Store for Namespace {
    async fn get(&self, name: &str) -> Result<Option<String>, Unavailable> {
        self.0.get(name).cache_ttl(CACHE_SECONDS).text().into_send().await.map_err(|cause| away(&cause))
    }

    async fn put(&self, name: &str, text: &str, keep_for: Option<Duration>) -> Result<Put, Unavailable> {
        let put = self.0.put(name, text).map_err(|cause| away(&cause))?;
        let put = match keep_for {
            Some(span) => put.expiration_ttl(span.as_secs()),
            None => put,
        };
        match put.execute().into_send().await {
            Ok(()) => Ok(Put::Done),
            // The status stands in the text of the error and nowhere else.
            Err(cause) if cause.to_string().contains("429") => Ok(Put::TooSoon),
            Err(cause) => Err(away(&cause)),
        }
    }
}

fn away(cause: &KvError) -> Unavailable {
    Unavailable::new(SERVICE, cause)
}
