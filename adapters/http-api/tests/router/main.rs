//! The router in process, over mocked ports: status, headers and body of its answers.
#![allow(clippy::unwrap_used)]

mod conventions;
mod identity;
mod support;
