//! A Worker that only says hello, through `worker`'s own plain response: what Portico's `/health` is measured beside.

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> Result<Response> {
    Response::ok(r#"{"status":"ok"}"#)
}
