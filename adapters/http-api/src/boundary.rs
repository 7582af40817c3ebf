//! What holds for every request, whatever its route.
//!
//! In order: the request is given an id and a meter; a body that says it is too large is refused unread; the route runs under the time limit;
//! a problem becomes its document; the headers that every answer carries are set; one line is logged.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, uri::PathAndQuery};
use portico_domain::{
    meter::{self, Meter},
    ports::Clock,
    settings::Switch,
};
use tower::Service;

#[cfg(feature = "record")]
use crate::recording::{self, Answered, RecordedRequest, Recorder};
use crate::{
    Api, PeerAddress,
    code::Code,
    compression::{self, Accepted},
    fields::too_large,
    problem::Problem,
    report::report,
    request_id::{RequestId, RequestIds},
    routes::{self, Shared},
    sorting::Sorted,
};

/// The whole HTTP surface: the boundary around every route.
///
/// A runtime asks [`Surface::answer`] itself, which allocates nothing of its own; where a tower service is wanted, it is one.
#[derive(Clone)]
pub struct Surface(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    ids: RequestIds,
    // Around the router as a whole, not each route: `Allow` is set between the two.
    routes: Sorted<Router>,
    #[cfg(feature = "record")]
    recorder: Option<Recorder>,
}

impl Surface {
    /// Puts the boundary around the routes over `api`.
    #[must_use]
    pub fn new(api: Api) -> Self {
        let shared = Arc::new(Shared::new(api));
        let routes = Sorted::new(routes::all(&shared), Arc::clone(&shared));
        Self(Arc::new(Inner {
            shared,
            ids: RequestIds::default(),
            routes,
            #[cfg(feature = "record")]
            recorder: None,
        }))
    }

    /// The same, and `recorder` is told of each request which statements it sent.
    #[cfg(feature = "record")]
    #[must_use]
    pub fn recording(api: Api, recorder: Recorder) -> Self {
        let shared = Arc::new(Shared::new(api));
        let routes = Sorted::new(recording::named(routes::all(&shared)), Arc::clone(&shared));
        Self(Arc::new(Inner { shared, ids: RequestIds::default(), routes, recorder: Some(recorder) }))
    }

    #[cfg(feature = "record")]
    fn meter(&self) -> Meter {
        if self.0.recorder.is_some() { Meter::recording() } else { Meter::default() }
    }

    #[cfg(not(feature = "record"))]
    #[expect(clippy::unused_self, reason = "the other build asks who records")]
    fn meter(&self) -> Meter {
        Meter::default()
    }

    #[cfg(feature = "record")]
    fn record(
        &self,
        id: &str,
        method: &Method,
        path: Option<&PathAndQuery>,
        response: &Response,
        meter: &Meter,
    ) {
        let Some(recorder) = &self.0.recorder else { return };
        let answered = response.extensions().get::<Answered>();
        recorder(&RecordedRequest {
            request_id: id,
            method: method.as_str(),
            route: answered.map(|answered| answered.0.as_str()),
            path: path.map_or("", PathAndQuery::path),
            status: response.status().as_u16(),
            statements: &meter.sent(),
        });
    }

    /// Answers one request, whose connection was opened from `peer`, where that is known.
    pub async fn answer(&self, mut request: Request<Body>, peer: Option<IpAddr>) -> Response {
        let Inner { shared, ids, routes, .. } = &*self.0;
        let door = &*shared.api.door;
        let began = door.clock.now();
        let id = RequestId::of(request.headers(), ids, &*door.entropy, began);
        let (method, path) = (request.method().clone(), request.uri().path_and_query().cloned());
        let accepted = Accepted::of(request.headers());
        let meter = Arc::new(self.meter());
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddress(peer));
        }

        let limit = door.settings.body_limit;
        let mut response = if declared_length(request.headers()).is_some_and(|length| length > limit as u64) {
            problem_response(too_large(limit))
        } else {
            let time_limit = door.settings.request_time_limit;
            let route = meter::metered(Arc::clone(&meter), routes.clone().call(request));
            match within(&*door.clock, time_limit, route).await {
                Some(Ok(response)) => response,
                None => problem_response(Problem::new(
                    Code::Timeout,
                    format!("It took longer than {} s.", time_limit.as_secs()),
                )),
            }
        };

        #[cfg(feature = "record")]
        self.record(id.as_str(), &method, path.as_ref(), &response, &meter);
        let problem = response.extensions_mut().remove::<Problem>();
        let mut response = match (&problem, response.status()) {
            (Some(problem), _) => with_headers_of(&response, problem.render(id.as_str())),
            (None, StatusCode::METHOD_NOT_ALLOWED) => method_not_allowed(&response, &method, id.as_str()),
            (None, _) => response,
        };
        if door.settings.switches.is_on(Switch::Compression)
            && compression::is_worth(&response, door.settings.compression_least_bytes)
        {
            // Boxed, so that the answers that stay as they are don't carry its state along.
            response = Box::pin(compression::apply(response, &accepted)).await;
        }
        let spent = door.clock.now().since(began);
        report(response.headers_mut(), &id, &meter, spent);
        log(id.as_str(), &method, path.as_ref(), response.status(), spent, &meter, problem.as_ref());
        response
    }
}

impl Service<Request<Body>> for Surface {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let surface = self.clone();
        Box::pin(async move { Ok(surface.answer(request, None).await) })
    }
}

/// Runs `work` for so long at most. The timer is made when the work first waits for something: most don't.
async fn within<F: Future>(clock: &dyn Clock, limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut timer: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
    poll_fn(|context| {
        if let Poll::Ready(outcome) = work.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        timer.get_or_insert_with(|| clock.sleep(limit)).as_mut().poll(context).map(|()| None)
    })
    .await
}

fn problem_response(problem: Problem) -> Response {
    axum::response::IntoResponse::into_response(problem)
}

/// The rendered problem, with what the route had set besides (`Allow`, `Set-Cookie`).
fn with_headers_of(route: &Response, mut rendered: Response) -> Response {
    for (name, value) in route.headers() {
        if *name == header::ALLOW || *name == header::SET_COOKIE {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

/// OPTIONS is answered with what the path allows; any other method that it doesn't is a problem.
fn method_not_allowed(response: &Response, method: &Method, id: &str) -> Response {
    let allow =
        response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let allow = HeaderValue::from_str(&format!("{allow},OPTIONS")).ok();
    let mut answer = if *method == Method::OPTIONS {
        axum::response::IntoResponse::into_response(StatusCode::NO_CONTENT)
    } else {
        Problem::new(Code::MethodNotAllowed, "Allow lists the methods of this path.").render(id)
    };
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn log(
    id: &str,
    method: &Method,
    path: Option<&PathAndQuery>,
    status: StatusCode,
    spent: Duration,
    meter: &Meter,
    problem: Option<&Problem>,
) {
    let path = path.map_or("", PathAndQuery::path);
    // Whole microseconds, so that the number prints with three places at most.
    let ms = f64::from(u32::try_from(spent.as_micros()).unwrap_or(u32::MAX)) / 1_000.0;
    let code = problem.map(|problem| problem.code().as_str());
    if status == StatusCode::OK && matches!(path, "/health" | "/ready") {
        // Monitors ask all day long: that all is well is no news, and a line costs a Worker more than the answer does.
        tracing::debug!(target: "portico::request", request_id = id, method = method.as_str(), path, ms, "probe");
    } else {
        tracing::info!(
            target: "portico::request",
            request_id = id, method = method.as_str(), path, status = status.as_u16(), ms, statements = meter.statements(), code,
            "request"
        );
    }
    if let Some(detail) = problem.and_then(Problem::for_operator) {
        tracing::warn!(target: "portico::problem", request_id = id, code, detail, "problem");
    }
}
