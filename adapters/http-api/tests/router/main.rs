//! The router in process, over mocked ports: status, headers and body of its answers.
#![allow(clippy::unwrap_used)]

mod api_keys;
mod bad_input;
mod conventions;
mod credentials;
mod identity;
mod support;
