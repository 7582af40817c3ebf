//! From the router's response to the runtime's.

use axum::{
    body::{Body, HttpBody},
    http::{HeaderMap, Response, StatusCode},
};
use futures_channel::oneshot;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use portico_sql::hyperdrive::within_connection;
use worker::{
    js_sys::Uint8Array,
    wasm_bindgen::{JsCast, JsValue},
    web_sys,
};

use super::{streamed_response, whole_response};

/// A body of known size up to here is given in one piece; others stream.
const WHOLE_UP_TO: u64 = 1024 * 1024;

/// Is done when a response's stream has been read to its end, has failed, or is wanted by nobody any more.
pub(crate) type Streamed = oneshot::Receiver<()>;

/// Hands a response to the runtime. One that streams may need what its request holds, such as the database connection: the request has to wait for its end.
pub(crate) async fn write_response(
    response: Response<Body>,
) -> (Result<web_sys::Response, JsValue>, Option<Streamed>) {
    let (head, body) = response.into_parts();
    let lines = header_lines(&head.headers);
    let status = head.status.as_u16();
    match body.size_hint().exact() {
        Some(0) => (whole_response(status, &lines, None), None),
        Some(size) if size <= WHOLE_UP_TO => {
            let bytes = body.collect().await.map_err(|cause| JsValue::from(cause.to_string()));
            (bytes.and_then(|bytes| whole_response(status, &lines, Some(&bytes.to_bytes()))), None)
        }
        _ => {
            let (reading, streamed) = oneshot::channel::<()>();
            let chunks = within_connection(body.into_data_stream()).map(move |chunk| {
                // Dropped with the stream, however that ends.
                let _reading = &reading;
                match chunk {
                    Ok(bytes) => Ok(Uint8Array::from(&bytes[..]).into()),
                    Err(cause) => Err(JsValue::from(cause.to_string())),
                }
            });
            let stream = wasm_streams::ReadableStream::from_stream(chunks).into_raw();
            (streamed_response(status, &lines, stream.unchecked_ref()), Some(streamed))
        }
    }
}

/// Hands over a response without a body, for what never came as far as the routes.
pub(crate) fn write_empty(status: StatusCode) -> Result<JsValue, JsValue> {
    whole_response(status.as_u16(), "x-content-type-options\nnosniff\n", None).map(JsValue::from)
}

/// Names and values, a line each. Neither can hold a line break: `HeaderValue` refuses it.
fn header_lines(headers: &HeaderMap) -> String {
    let mut lines = String::with_capacity(headers.len() * 48);
    for (name, value) in headers {
        lines.push_str(name.as_str());
        lines.push('\n');
        lines.push_str(&String::from_utf8_lossy(value.as_bytes()));
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn each_header_is_two_lines_and_repeated_ones_stay_apart() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("a=1"));
        headers.append("set-cookie", HeaderValue::from_static("b=2"));
        assert_eq!(header_lines(&headers), "set-cookie\na=1\nset-cookie\nb=2\n");
        assert_eq!(header_lines(&HeaderMap::new()), "");
    }
}
