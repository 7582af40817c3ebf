//! The router in process, over mocked ports: status, headers and body of its answers.
#![allow(clippy::unwrap_used)]

mod api_keys;
mod bad_input;
mod bots;
mod cache_admin;
mod conventions;
mod credentials;
mod experiments;
mod identity;
mod limits;
mod support;
