//! Carries a request of the Workers runtime into an [`axum::Router`] and its response back.
//!
//! Each look at a JavaScript object from wasm is a crossing that costs more than routing does. `worker`'s own conversion crosses for each
//! header; this one crosses once for the head of the request and once for the whole response. Bodies are looked at only when a handler
//! reads them.

mod incoming;
mod once_polled;
mod outgoing;

use worker::{
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
    web_sys,
};

pub(crate) use incoming::{Unreadable, read_request};
pub(crate) use once_polled::answer;
pub(crate) use outgoing::{write_empty, write_response};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, module = "/src/bridge/bridge.js")]
extern "C" {
    #[wasm_bindgen(js_name = readHead)]
    fn read_head(request: &web_sys::Request) -> String;

    #[wasm_bindgen(js_name = wholeResponse, catch)]
    fn whole_response(status: u16, lines: &str, bytes: Option<&[u8]>) -> Result<web_sys::Response, JsValue>;

    #[wasm_bindgen(js_name = streamedResponse, catch)]
    fn streamed_response(status: u16, lines: &str, stream: &JsValue) -> Result<web_sys::Response, JsValue>;
}
