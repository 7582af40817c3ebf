//! The shared tier of the cache and work behind answers, opened port by port.
//!
//! `isolate=0` and `isolate=1` are two caches over one namespace that know nothing of each other, as in two isolates.

use std::{
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, extract::Query, http::StatusCode, routing::get};
use portico_cloudflare::{KvCache, ScopedBackground, WorkerClock};
use portico_domain::{
    cache::{CacheKey, Prefix, Subject},
    models::Timestamp,
    ports::{Background, Clock, SharedCache, SharedEntry, SharedMark, Unavailable},
};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::Env;

type Answer = Result<Json<Value>, (StatusCode, String)>;
type Isolates = Arc<[Option<KvCache>; 2]>;

pub(super) fn routes(env: &Env) -> Router {
    let isolates: Isolates = Arc::new([0, 1].map(|_| KvCache::from_env(env, Arc::new(WorkerClock))));
    let with = |isolates: &Isolates| Arc::clone(isolates);
    let (gets, sets, has) = (with(&isolates), with(&isolates), with(&isolates));
    let (deletes, clears, tells) = (with(&isolates), with(&isolates), with(&isolates));
    let (started, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (begun, done) = (Arc::clone(&started), Arc::clone(&ended));
    Router::new()
        .route("/__trial/cache/get", get(move |asked| reads(gets, asked)))
        .route("/__trial/cache/set", get(move |asked| fills(sets, asked)))
        .route("/__trial/cache/has", get(move |asked| finds(has, asked)))
        .route("/__trial/cache/delete", get(move |asked| drops(deletes, asked)))
        .route("/__trial/cache/clear", get(move |asked| clears_all(clears, asked)))
        .route("/__trial/cache/statistics", get(move |asked| figures(tells, asked)))
        .route("/__trial/background", get(move || runs_behind(begun, done)))
        .route(
            "/__trial/background/figures",
            get(move || async move {
                let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
                Json(json!({ "started": read(&started), "ended": read(&ended) }))
            }),
        )
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    isolate: usize,
    #[serde(default)]
    name: String,
    value: Option<String>,
    mark: Option<u64>,
    #[serde(default = "default_keep")]
    keep_ms: u64,
    /// Something that the entry depends on, or that is dropped.
    subject: Option<String>,
    /// How many times to set it, each time with another value.
    #[serde(default = "once")]
    times: u32,
}

const fn default_keep() -> u64 {
    300_000
}

const fn once() -> u32 {
    1
}

impl Asked {
    fn key(&self) -> CacheKey {
        CacheKey::of(Prefix::UserModels, self.name.as_bytes())
    }

    fn subjects(&self) -> Vec<Subject> {
        self.subject.iter().map(|subject| Subject::of(Prefix::UserModels, subject.as_bytes())).collect()
    }

    fn cache<'a>(&self, isolates: &'a Isolates) -> Result<&'a KvCache, (StatusCode, String)> {
        let cache = isolates.get(self.isolate).and_then(Option::as_ref);
        cache.ok_or_else(|| (StatusCode::NOT_IMPLEMENTED, "CACHE is not bound".to_owned()))
    }
}

fn away(cause: &Unavailable) -> (StatusCode, String) {
    (StatusCode::SERVICE_UNAVAILABLE, cause.to_string())
}

async fn reads(isolates: Isolates, Query(asked): Query<Asked>) -> Answer {
    let answer = asked.cache(&isolates)?.get(&asked.key()).await.map_err(|cause| away(&cause))?;
    let entry = answer.entry.map(|entry| {
        json!({
            "value": entry.value.map(|value| String::from_utf8_lossy(&value).into_owned()),
            "loaded_at": entry.loaded_at.micros(),
            "load_ms": entry.load_time.as_secs_f64() * 1_000.0,
            "subjects": entry.subjects.len(),
        })
    });
    Ok(Json(json!({ "entry": entry, "mark": answer.mark.number })))
}

async fn fills(isolates: Isolates, Query(asked): Query<Asked>) -> Answer {
    let cache = asked.cache(&isolates)?;
    let (key, mut kept) = (asked.key(), 0);
    for n in 0..asked.times {
        let mark = match asked.mark {
            Some(number) => SharedMark { life: 0, number },
            None => cache.get(&key).await.map_err(|cause| away(&cause))?.mark,
        };
        let mut subjects = vec![key.subject(), Subject::all_of(Prefix::UserModels)];
        subjects.extend(asked.subjects());
        let value = asked.value.as_ref().map(|value| value.replace("$n", &n.to_string()).into_bytes());
        let entry = SharedEntry {
            value,
            subjects,
            loaded_at: Timestamp::from_micros(i64::try_from(mark.number).unwrap_or_default()),
            load_time: Duration::from_micros(1_500),
        };
        let keep_for = Duration::from_millis(asked.keep_ms);
        kept += u32::from(cache.set(&key, &entry, mark, keep_for).await.map_err(|cause| away(&cause))?);
    }
    Ok(Json(json!({ "kept": kept })))
}

async fn finds(isolates: Isolates, Query(asked): Query<Asked>) -> Answer {
    Ok(Json(json!(asked.cache(&isolates)?.has(&asked.key()).await.map_err(|cause| away(&cause))?)))
}

async fn drops(isolates: Isolates, Query(asked): Query<Asked>) -> Answer {
    let keys: &[CacheKey] = if asked.name.is_empty() { &[] } else { &[asked.key()] };
    asked.cache(&isolates)?.delete(keys, &asked.subjects()).await.map_err(|cause| away(&cause))?;
    Ok(Json(json!(null)))
}

async fn clears_all(isolates: Isolates, Query(asked): Query<Asked>) -> Answer {
    asked.cache(&isolates)?.clear(Prefix::UserModels).await.map_err(|cause| away(&cause))?;
    Ok(Json(json!(null)))
}

async fn figures(isolates: Isolates, Query(asked): Query<Asked>) -> Answer {
    let cache = asked.cache(&isolates)?;
    let figures = cache.statistics().await.map_err(|cause| away(&cause))?;
    Ok(Json(json!({
        "name": cache.name(), "entries": figures.entries, "bytes": figures.bytes, "undelivered": figures.undelivered,
    })))
}

/// Hands over a task that takes a while, and another from within it.
fn runs_behind(started: Arc<AtomicU64>, ended: Arc<AtomicU64>) -> Ready<&'static str> {
    let background = ScopedBackground::default();
    let again = background.clone();
    background.run(Box::pin(async move {
        started.fetch_add(1, Ordering::Relaxed);
        WorkerClock.sleep(Duration::from_millis(150)).await;
        again.run(Box::pin(async move {
            WorkerClock.sleep(Duration::from_millis(50)).await;
            ended.fetch_add(1, Ordering::Relaxed);
        }));
    }));
    ready(if background.dropped() == 0 { "handed over" } else { "dropped" })
}
