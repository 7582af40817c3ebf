//! `POST /sql` from connection string to answer.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::Url;

use super::answer::{own_error, sql_error, write_outcome};
use super::pool::Pool;
use super::request::{self, Options, Payload, Statement};
use super::wire::{Connection, Fault};
use crate::random;

/// The size of a request and of an answer that Neon's proxy allows by default, in bytes.
pub const DEFAULT_LIMIT: usize = 10 * 1024 * 1024;

/// Bounds what the endpoint takes and gives, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A longer request is answered with 413.
    pub request: usize,
    /// Longer rows are answered with 507.
    pub response: usize,
}

struct Endpoint {
    pool: Pool,
    limits: Limits,
}

/// Tells what went wrong, with the status that the protocol has for it.
enum Refusal {
    /// 400: the caller's headers or body.
    Caller(String),
    /// 413.
    TooLarge(usize),
    /// 507.
    ResponseTooLarge(usize),
    /// 400 with Postgres' own words, or 500 when the connection broke.
    Postgres(Fault),
    /// 500: Postgres' text could not be read.
    Conversion(anyhow::Error),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Postgres(fault)
    }
}

/// Serves until the process ends. `database_url` gives the address of the real Postgres; role, password and database come from
/// each request's own connection string, whose host may be any name.
pub async fn serve(listener: TcpListener, database_url: &str, limits: Limits) -> anyhow::Result<()> {
    let url = Url::parse(database_url).context("--database-url")?;
    let host = url.host_str().filter(|host| !host.is_empty()).context("--database-url names no host")?;
    let address = format!("{host}:{}", url.port().unwrap_or(5432));
    let endpoint = Arc::new(Endpoint { pool: Pool::new(address), limits });
    axum::serve(listener, Router::new().fallback(handle).with_state(endpoint)).await?;
    Ok(())
}

async fn handle(State(endpoint): State<Arc<Endpoint>>, request: Request) -> Response {
    match (request.method().as_str(), request.uri().path()) {
        ("POST", "/sql") => {}
        ("OPTIONS", "/sql") => return preflight(),
        _ => return answer(StatusCode::BAD_REQUEST, &json!("query is not supported")),
    }
    let (parts, body) = request.into_parts();
    match endpoint.sql(&parts.headers, body).await {
        Ok(response) => response,
        Err(refusal) => {
            let (status, body) = refusal.explain();
            answer(status, &body)
        }
    }
}

impl Refusal {
    fn explain(&self) -> (StatusCode, Value) {
        match self {
            Self::Caller(message) => (StatusCode::BAD_REQUEST, own_error(message)),
            Self::TooLarge(limit) => (
                StatusCode::PAYLOAD_TOO_LARGE,
                own_error(&format!("request is too large (max is {limit} bytes)")),
            ),
            Self::ResponseTooLarge(limit) => (
                StatusCode::INSUFFICIENT_STORAGE,
                own_error(&format!("response is too large (max is {limit} bytes)")),
            ),
            Self::Postgres(Fault::Sql(error)) => (StatusCode::BAD_REQUEST, sql_error(error)),
            Self::Postgres(Fault::Broken(error)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, own_error(&error.to_string()))
            }
            Self::Conversion(error) => {
                // The caller is told no more than Neon tells; who runs the stand-in wants the cause.
                let _ = writeln!(std::io::stderr(), "could not parse postgres response: {error:#}");
                (StatusCode::INTERNAL_SERVER_ERROR, own_error("could not parse postgres response"))
            }
        }
    }
}

impl Endpoint {
    async fn sql(&self, headers: &HeaderMap, body: Body) -> Result<Response, Refusal> {
        let login = request::login(headers).map_err(Refusal::Caller)?;
        let options = Options::parse(headers).map_err(Refusal::Caller)?;
        let body = self.body(body).await?;
        let payload = request::payload(&body).map_err(Refusal::Caller)?;
        let mut connection = self.pool.take(&login).await?;
        let result = match payload {
            Payload::Single(statement) => self.single(&mut connection, &options, &statement).await,
            Payload::Batch(statements) => self.batch(&mut connection, &options, &statements).await,
        };
        if !matches!(result, Err(Refusal::Postgres(Fault::Broken(_)))) {
            self.pool.give_back(&login, connection).await;
        }
        result
    }

    async fn body(&self, body: Body) -> Result<Bytes, Refusal> {
        match Limited::new(body, self.limits.request).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(self.limits.request)),
            Err(error) => Err(Refusal::Caller(error.to_string())),
        }
    }

    async fn single(
        &self,
        connection: &mut Connection,
        options: &Options,
        statement: &Statement,
    ) -> Result<Response, Refusal> {
        let mut out = String::new();
        self.run(connection, options, statement, &mut out).await?;
        Ok(json_text(StatusCode::OK, out))
    }

    async fn batch(
        &self,
        connection: &mut Connection,
        options: &Options,
        statements: &[Statement],
    ) -> Result<Response, Refusal> {
        connection.run(&options.begin(), &[]).await?;
        let mut out = String::from("{\"results\":[");
        for (position, statement) in statements.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            // The reset on the way back to the pool rolls a failed transaction back.
            self.run(connection, options, statement, &mut out).await?;
        }
        out.push_str("]}");
        connection.run("COMMIT", &[]).await?;
        let mut response = json_text(StatusCode::OK, out);
        let answered = response.headers_mut();
        if options.read_only {
            answered.insert("neon-batch-read-only", http::HeaderValue::from_static("true"));
        }
        if options.deferrable {
            answered.insert("neon-batch-deferrable", http::HeaderValue::from_static("true"));
        }
        if let Some((level, _)) = options.isolation {
            answered.insert("neon-batch-isolation-level", http::HeaderValue::from_static(level));
        }
        Ok(response)
    }

    async fn run(
        &self,
        connection: &mut Connection,
        options: &Options,
        statement: &Statement,
        out: &mut String,
    ) -> Result<(), Refusal> {
        let outcome = connection.run(&statement.query, &statement.parameters).await?;
        let array_mode = statement.array_mode.unwrap_or(options.array_mode);
        write_outcome(out, &outcome, options.raw_text, array_mode).map_err(Refusal::Conversion)?;
        if out.len() > self.limits.response {
            return Err(Refusal::ResponseTooLarge(self.limits.response));
        }
        Ok(())
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    json_text(status, body.to_string())
}

fn json_text(status: StatusCode, text: String) -> Response {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("access-control-allow-origin", "*")
        .header("neon-request-id", random::hex(16))
        .body(Body::from(text))
        .expect("constant header names and plain values are valid")
}

fn preflight() -> Response {
    Response::builder()
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "POST, OPTIONS")
        .header("access-control-allow-headers", "*")
        .header("access-control-max-age", "86400")
        .body(Body::empty())
        .expect("constant headers are valid")
}
