//! Profiles of this process, for admins: what Go's tools and `portico profile` fetch.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::stream;
use http::{HeaderValue, header};
use portico_domain::models::FieldFault;

use super::Shared;
use crate::{
    code::Code,
    credentials::admin,
    fields::Query,
    problem::Problem,
    profiler::{ProfileRefused, Profiler},
};

/// How long is looked, where nobody says: as Go's servers do.
const USUAL_SECONDS: u64 = 30;
const MOST_SECONDS: u64 = 60;

const INDEX: &str = "\
/debug/pprof/profile?seconds=30  where this process spends its CPU time, looked at for so many seconds (1 to 60); one at a time
/debug/pprof/heap                which functions allocated the memory that is in use

Both are in pprof's format: portico profile cpu|heap --url ..., go tool pprof FILE.
";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/debug/pprof", get(index))
        .route("/debug/pprof/profile", get(cpu))
        .route("/debug/pprof/heap", get(heap))
}

/// Proves an admin, and gives the request's query.
async fn proven(shared: &Shared, request: Request) -> Result<(Arc<dyn Profiler>, Query), Problem> {
    let (parts, _) = request.into_parts();
    admin(shared, &parts).await?;
    let profiler = shared.profiler.clone();
    let profiler = profiler.ok_or_else(|| Problem::new(Code::NotFound, "There is nothing at this path."))?;
    Ok((profiler, Query::parse(parts.uri.query())))
}

async fn index(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    proven(&shared, request).await?;
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, INDEX).into_response())
}

/// The head is answered at once, and the body when the time is over: it isn't the request's time limit that this takes.
async fn cpu(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (profiler, query) = proven(&shared, request).await?;
    let seconds = match query.get("seconds").map(str::parse::<u64>) {
        None => USUAL_SECONDS,
        Some(Ok(seconds @ 1..=MOST_SECONDS)) => seconds,
        Some(_) => {
            let told = format!("must be a whole number of seconds from 1 to {MOST_SECONDS}");
            return Err(Problem::validation(vec![FieldFault::new("seconds", told)]));
        }
    };
    let profile = profiler.cpu(Duration::from_secs(seconds)).await?;
    Ok(download("cpu.pb.gz", Body::from_stream(stream::once(profile))))
}

async fn heap(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (profiler, _) = proven(&shared, request).await?;
    Ok(download("heap.pb.gz", Body::from(profiler.heap().await?)))
}

fn download(name: &str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

impl From<ProfileRefused> for Problem {
    fn from(refused: ProfileRefused) -> Self {
        match refused {
            ProfileRefused::Busy => {
                Self::new(Code::Conflict, "A CPU profile is being taken already; one at a time.")
            }
            ProfileRefused::NotHere(why) => Self::new(Code::NotFound, why),
            ProfileRefused::Failed(why) => Self::internal(why),
        }
    }
}
