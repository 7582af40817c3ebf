//! From the runtime's request to the router's.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header::CONTENT_LENGTH},
};
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use worker::{
    ByteStream,
    js_sys::{Uint8Array, futures::JsFuture},
    send::SendWrapper,
    web_sys,
};

use super::read_head;

/// Up to this announced length a body is taken in one piece, with one wait; a longer or unannounced one arrives in chunks.
const WHOLE_UP_TO: u64 = 256 * 1024;

/// A request that HTTP has no words for: an address or a method that doesn't parse.
#[derive(Debug)]
pub(crate) struct Unreadable;

/// Makes a request for the router. The address loses scheme and host, as a request read from a socket has none either.
pub(crate) fn read_request(request: &web_sys::Request) -> Result<Request<Body>, Unreadable> {
    let head = read_head(request);
    let mut lines = head.split('\n');
    let (method, address) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());

    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Unreadable)?;
    let uri = Uri::try_from(path_of(address)).map_err(|_| Unreadable)?;
    let mut headers = HeaderMap::with_capacity(16);
    while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Unreadable)?;
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| Unreadable)?);
    }

    let body = if method == Method::GET || method == Method::HEAD {
        Body::empty()
    } else {
        match announced_length(&headers) {
            Some(0) => Body::empty(),
            length => Body::new(SendBody(SendWrapper::new(IncomingBody {
                state: State::Unread(Clone::clone(request)),
                length,
            }))),
        }
    };
    let mut incoming = Request::new(body);
    *incoming.method_mut() = method;
    *incoming.uri_mut() = uri;
    *incoming.headers_mut() = headers;
    Ok(incoming)
}

/// What follows the host in an address as the URL standard serialises it: never empty, and without a fragment, as clients send none.
fn path_of(address: &str) -> &str {
    let authority = address.find("://").map_or(0, |scheme| scheme + 3);
    address[authority..].find('/').map_or("/", |slash| &address[authority + slash..])
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A request's body, which costs nothing until it is polled.
struct IncomingBody {
    state: State,
    length: Option<u64>,
}

enum State {
    Unread(web_sys::Request),
    Whole(JsFuture),
    Chunks(Box<ByteStream>),
    Done,
}

impl IncomingBody {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, axum::Error>>> {
        if let State::Unread(request) = &self.state {
            self.state = match self.begin(request) {
                Ok(state) => state,
                Err(cause) => return Poll::Ready(Some(Err(cause))),
            };
        }
        let chunk = match &mut self.state {
            State::Whole(promise) => {
                let outcome = ready!(Pin::new(promise).poll(context));
                self.state = State::Done;
                Some(outcome.map(|buffer| Uint8Array::new(&buffer).to_vec()).map_err(broken))
            }
            State::Chunks(stream) => {
                ready!(Pin::new(stream).poll_next(context)).map(|chunk| chunk.map_err(broken))
            }
            State::Unread(_) | State::Done => None,
        };
        if !matches!(chunk, Some(Ok(_))) {
            self.state = State::Done;
        }
        Poll::Ready(chunk.map(|bytes| bytes.map(Bytes::from)))
    }

    fn begin(&self, request: &web_sys::Request) -> Result<State, axum::Error> {
        if self.length.is_some_and(|length| length <= WHOLE_UP_TO) {
            let promise = request.array_buffer().map_err(broken)?;
            return Ok(State::Whole(JsFuture::from(promise)));
        }
        Ok(request.body().map_or(State::Done, |stream| State::Chunks(Box::new(ByteStream::from(stream)))))
    }
}

/// Lets the body pass where `Send` is asked for: an isolate has one thread, so it never leaves the one that made it.
struct SendBody(SendWrapper<IncomingBody>);

impl HttpBody for SendBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.get_mut().0.poll_chunk(context).map(|chunk| chunk.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.0.state, self.0.length) {
            (State::Unread(_), Some(length)) => SizeHint::with_exact(length),
            _ => SizeHint::default(),
        }
    }
}

fn broken(cause: impl std::fmt::Debug) -> axum::Error {
    axum::Error::new(std::io::Error::other(format!("the request body broke off: {cause:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_what_follows_the_host() {
        assert_eq!(path_of("http://127.0.0.1:8787/a/b?c=d"), "/a/b?c=d");
        assert_eq!(path_of("https://portico.example/"), "/");
        assert_eq!(path_of("https://portico.example/a?return_to=http://b/c"), "/a?return_to=http://b/c");
        assert_eq!(path_of("https://portico.example"), "/");
    }
}
