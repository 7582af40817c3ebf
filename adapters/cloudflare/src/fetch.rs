use async_trait::async_trait;
use futures_util::{
    StreamExt,
    future::{Either, select},
    pin_mut,
};
use portico_domain::ports::{Fetch, FetchRequest, FetchResponse, Unavailable};
use worker::{
    AbortController, AbortSignal, Delay, Headers, Method, Request, RequestInit, RequestRedirect,
    js_sys::Uint8Array, send::IntoSendFuture,
};

const BODY_LIMIT: usize = 1 << 20;

/// Asks other services through the runtime's `fetch`.
#[derive(Debug, Clone, Copy, Default)]
pub struct WorkerFetch;

#[async_trait]
impl Fetch for WorkerFetch {
    async fn send(&self, request: FetchRequest) -> Result<FetchResponse, Unavailable> {
        exchange_in_time(request).into_send().await
    }
}

async fn exchange_in_time(request: FetchRequest) -> Result<FetchResponse, Unavailable> {
    let controller = AbortController::default();
    let time_limit = request.time_limit;
    let outcome = {
        let exchange = exchange(request, controller.signal());
        pin_mut!(exchange);
        match select(exchange, Delay::from(time_limit)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(((), _)) => Err(unavailable("no answer in time")),
        }
    };
    if outcome.is_err() {
        // An exchange that is given up would hold one of the six connections that a request may have.
        controller.abort();
    }
    outcome
}

async fn exchange(request: FetchRequest, signal: AbortSignal) -> Result<FetchResponse, Unavailable> {
    let request = outgoing(&request).map_err(unavailable)?;
    let mut response =
        worker::Fetch::Request(request).send_with_signal(&signal).await.map_err(unavailable)?;
    let status = response.status_code();
    let mut body = Vec::new();
    // A response without a body has no stream.
    if let Ok(mut chunks) = response.stream() {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(unavailable)?;
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(unavailable("the answer is larger than 1 MiB"));
            }
            body.extend_from_slice(&chunk);
        }
    }
    Ok(FetchResponse { status, body })
}

fn outgoing(request: &FetchRequest) -> worker::Result<Request> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::from(request.method.to_owned()))
        .with_headers(headers)
        .with_redirect(RequestRedirect::Manual);
    if !request.body.is_empty() {
        init.with_body(Some(Uint8Array::from(request.body.as_slice()).into()));
    }
    Request::new_with_init(&request.url, &init)
}

fn unavailable(cause: impl std::fmt::Display) -> Unavailable {
    Unavailable::new("another service", cause)
}
