#![expect(missing_docs, reason = "the macro exports methods to JavaScript that nobody calls from here")]

use std::time::Duration;

use portico_domain::models::{Gcra, Quota, Timestamp};
use serde::{Deserialize, Serialize};
use worker::{
    DurableObject, Env, Request, Response, Result, SqlStorage, State, console_error, durable_object,
    wasm_bindgen,
};

use crate::clock::now;

/// What the object answers; the rule itself is known to whoever asks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) admitted: bool,
    pub(crate) remaining: u32,
    pub(crate) reset_micros: u64,
    pub(crate) retry_micros: u64,
}

#[derive(Deserialize)]
struct Kept {
    arrival: i64,
}

/// Counts one rate-limit key: a Durable Object is single-threaded, so reading, deciding and keeping is one step.
///
/// It keeps one moment in its `SQLite` storage, so that eviction forgets nothing, and deletes itself by an alarm once that moment has passed.
#[durable_object(alarm)]
#[derive(Debug)]
pub struct Limiter {
    state: State,
}

impl DurableObject for Limiter {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let Some(quota) = asked_quota(&request) else {
            return Response::error("limit and window are needed", 400);
        };
        let now = now();
        let storage = self.state.storage();
        let sql = storage.sql();
        // Between reading and writing nothing is awaited: the object takes no other request meanwhile.
        let kept = read(&sql)?;
        let decided = Gcra::decide("", quota, kept, now);
        if decided.admission.admitted {
            write(&sql, decided.theoretical_arrival)?;
            if kept.is_none() {
                storage.set_alarm(decided.theoretical_arrival.since(now) + GRACE).await?;
            }
        }
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        Response::from_json(&Decision {
            admitted: decided.admission.admitted,
            remaining: decided.admission.remaining,
            reset_micros: micros(decided.admission.reset_after),
            retry_micros: micros(decided.admission.retry_after),
        })
    }

    async fn alarm(&self) -> Result<Response> {
        let now = now();
        let storage = self.state.storage();
        match read(&storage.sql()) {
            // One alarm for a whole busy spell: it is set anew only when it finds that the spell went on.
            Ok(Some(arrival)) if arrival > now => storage.set_alarm(arrival.since(now) + GRACE).await?,
            Ok(_) => storage.delete_all().await?,
            Err(cause) => console_error!("a limiter object could not read its state: {cause}"),
        }
        Response::empty()
    }
}

/// Alarms may ring a little early; the state is deleted only when it means nothing any more.
const GRACE: Duration = Duration::from_secs(1);

fn asked_quota(request: &Request) -> Option<Quota> {
    let url = request.url().ok()?;
    let number = |wanted: &str| {
        url.query_pairs().find(|(name, _)| name == wanted).and_then(|(_, value)| value.parse::<u32>().ok())
    };
    let (limit, window) = (number("limit")?, number("window")?);
    (limit > 0 && window > 0).then(|| Quota { limit, window: Duration::from_secs(window.into()) })
}

fn read(sql: &SqlStorage) -> Result<Option<Timestamp>> {
    sql.exec(
        "CREATE TABLE IF NOT EXISTS kept (id INTEGER PRIMARY KEY CHECK (id = 1), arrival INTEGER NOT NULL)",
        None,
    )?;
    let rows: Vec<Kept> = sql.exec("SELECT arrival FROM kept WHERE id = 1", None)?.to_array()?;
    Ok(rows.first().map(|row| Timestamp::from_micros(row.arrival)))
}

fn write(sql: &SqlStorage, arrival: Timestamp) -> Result<()> {
    sql.exec(
        "INSERT INTO kept (id, arrival) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET arrival = excluded.arrival",
        vec![arrival.micros().into()],
    )?;
    Ok(())
}
