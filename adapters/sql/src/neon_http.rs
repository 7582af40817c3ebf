//! Postgres from a Worker through Neon's SQL over HTTP: one `POST /sql` a statement or transaction, no connection to keep.
//!
//! Values travel as Postgres' text in both directions (raw text output, rows as arrays), and are read by the columns that each statement
//! declares, so that the database's own guesses of JSON types never matter.

mod text;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use portico_domain::ports::{Fetch, FetchRequest, FetchResponse, Unavailable};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use url::Url;

use crate::{
    driver::{Call, Driver, DriverError, Effect, Reserved, Row, SERVICE, Statement, postgres_error},
    faults::InvalidUrl,
};

/// How to reach a Neon database over HTTP.
#[derive(Clone)]
pub struct NeonConfig {
    /// `postgres://user:password@host/database`; holds a password.
    pub url: String,
    /// The endpoint, when it isn't the one that Neon derives from the host.
    pub endpoint: Option<String>,
    /// How long one exchange may take. A compute that sleeps wakes within it.
    pub time_limit: Duration,
}

impl NeonConfig {
    /// The defaults for a database URL: the derived endpoint, 10 s an exchange.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), endpoint: None, time_limit: Duration::from_secs(10) }
    }
}

/// Makes the driver; `fetch` sends its requests.
///
/// # Errors
/// [`InvalidUrl`] when the database URL names no host, account, password or database, or the endpoint is no URL.
pub fn connect(config: &NeonConfig, fetch: Arc<dyn Fetch>) -> Result<Arc<NeonHttpDriver>, InvalidUrl> {
    let url = Url::parse(config.url.trim()).map_err(|_| InvalidUrl)?;
    let complete = matches!(url.scheme(), "postgres" | "postgresql")
        && url.password().is_some()
        && !url.username().is_empty()
        && url.path().len() > 1;
    let host = url.host_str().filter(|_| complete).ok_or(InvalidUrl)?;
    let endpoint = if let Some(endpoint) = &config.endpoint {
        Url::parse(endpoint).map_err(|_| InvalidUrl)?.to_string()
    } else {
        let (_, domain) = host.split_once('.').ok_or(InvalidUrl)?;
        format!("https://api.{domain}/sql")
    };
    Ok(Arc::new(NeonHttpDriver {
        endpoint,
        connection_string: url.to_string(),
        time_limit: config.time_limit,
        fetch,
    }))
}

/// Runs statements over Neon's HTTP endpoint.
#[derive(Clone)]
pub struct NeonHttpDriver {
    endpoint: String,
    connection_string: String,
    time_limit: Duration,
    fetch: Arc<dyn Fetch>,
}

#[async_trait]
impl Driver for NeonHttpDriver {
    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError> {
        let name = call.statement.name;
        let body = query(&call);
        let answer = match self.exchange(name, &body, false).await {
            // The first question to a sleeping compute may meet its waking. Only a read may be asked again: a write may have
            // gone through.
            Err(Refusal::Transient(_)) if call.statement.effect == Effect::Read => {
                self.exchange(name, &body, false).await
            }
            answer => answer,
        };
        let result: Answer = parse(name, &answer.map_err(Refusal::told)?)?;
        result.rows(call.statement).map_err(Into::into)
    }

    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError> {
        const NAME: &str = "a transaction";
        let queries: Vec<Json> = calls.iter().map(query).collect();
        let answer =
            self.exchange(NAME, &json!({ "queries": queries }), true).await.map_err(Refusal::told)?;
        let Answers { results } = parse(NAME, &answer)?;
        if results.len() != calls.len() {
            return Err(unexpected(NAME).into());
        }
        let rows = |(result, call): (Answer, &Call)| result.rows(call.statement).map_err(Into::into);
        results.into_iter().zip(&calls).map(rows).collect()
    }

    async fn reserve(&self, _: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable> {
        Ok(Box::new(NothingToReserve(self.clone())))
    }
}

struct NothingToReserve(NeonHttpDriver);

#[async_trait]
impl Reserved for NothingToReserve {
    async fn run(self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError> {
        self.0.run(call).await
    }
}

/// Why the endpoint gave no result.
enum Refusal {
    /// The way to the database failed; the same question may be answered in a moment.
    Transient(Unavailable),
    /// The answer would be the same again.
    Final(DriverError),
}

impl Refusal {
    fn told(self) -> DriverError {
        match self {
            Self::Transient(error) => error.into(),
            Self::Final(error) => error,
        }
    }
}

impl NeonHttpDriver {
    async fn exchange(&self, name: &str, body: &Json, batch: bool) -> Result<Vec<u8>, Refusal> {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("neon-connection-string", self.connection_string.clone()),
            ("neon-raw-text-output", "true".to_owned()),
            ("neon-array-mode", "true".to_owned()),
        ];
        if batch {
            // What the statements of a transaction are written for; a database's own default may be another.
            headers.push(("neon-batch-isolation-level", "ReadCommitted".to_owned()));
        }
        let request = FetchRequest {
            method: "POST",
            url: self.endpoint.clone(),
            headers,
            body: body.to_string().into_bytes(),
            time_limit: self.time_limit,
        };
        let answer = self.fetch.send(request).await;
        let FetchResponse { status, body } = answer.map_err(|error| {
            Refusal::Transient(Unavailable::new(SERVICE, format!("{name}: {}", error.detail)))
        })?;
        if status == 200 { Ok(body) } else { Err(refusal(name, status, &body)) }
    }
}

/// The members of an error that matter here. The proxy's own errors have other members and no code.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    message: Option<String>,
    code: Option<String>,
    constraint: Option<String>,
}

fn refusal(name: &str, status: u16, body: &[u8]) -> Refusal {
    let told: Told = serde_json::from_slice(body).unwrap_or_default();
    if let Some(code) = told.code.filter(|code| code.len() == 5) {
        let error = postgres_error(
            name,
            &code,
            told.constraint.as_deref(),
            told.message.as_deref().unwrap_or_default(),
        );
        return match error {
            // The server is going or coming, or the connection to it broke.
            DriverError::Unavailable(error) if code.starts_with("08") || code.starts_with("57P0") => {
                Refusal::Transient(error)
            }
            error => Refusal::Final(error),
        };
    }
    let told = match status {
        400 => "the endpoint refused the request (HTTP 400): look at the connection string",
        413 => "the request is larger than the endpoint takes (HTTP 413)",
        507 => "the answer is larger than the endpoint gives (HTTP 507)",
        _ => "the endpoint could not reach the database",
    };
    let error = Unavailable::new(SERVICE, format!("{name}: {told} [{status}]"));
    if status >= 500 && status != 507 { Refusal::Transient(error) } else { Refusal::Final(error.into()) }
}

fn query(call: &Call) -> Json {
    let params: Vec<Json> = call.parameters.iter().map(text::parameter).collect();
    json!({ "query": call.statement.postgres, "params": params })
}

#[derive(Deserialize)]
struct Answers {
    results: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    fn rows(self, statement: &Statement) -> Result<Vec<Row>, Unavailable> {
        let row = |values: Vec<Option<String>>| {
            if values.len() != statement.columns.len() {
                return None;
            }
            let read =
                values.into_iter().zip(statement.columns).map(|(value, kind)| text::value(value, *kind));
            read.collect::<Option<_>>().map(Row::new)
        };
        let rows: Option<Vec<Row>> = self.rows.into_iter().map(row).collect();
        rows.ok_or_else(|| unexpected(statement.name))
    }
}

fn parse<'a, T: Deserialize<'a>>(name: &str, body: &'a [u8]) -> Result<T, Unavailable> {
    serde_json::from_slice(body).map_err(|_| unexpected(name))
}

fn unexpected(name: &str) -> Unavailable {
    Unavailable::new(SERVICE, format!("{name}: the endpoint's answer is not of the documented form"))
}

#[cfg(test)]
mod tests;
