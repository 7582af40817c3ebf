//! The router in process, over mocked ports: status, headers and body of its answers.
#![allow(clippy::unwrap_used)]

mod api_keys;
mod bad_input;
mod books;
mod bots;
mod cache_admin;
mod conventions;
mod cors;
mod credentials;
mod database;
mod description;
mod experiments;
mod identity;
mod limits;
mod messaging;
mod models;
mod observation;
mod orders;
mod support;
mod system_settings;
mod user_settings;
mod validators;
