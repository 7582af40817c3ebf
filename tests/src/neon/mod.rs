//! Neon's SQL over HTTP, served from an ordinary Postgres, so that the `neon-http` driver and the Worker can be tried
//! without Neon.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`wire`] | one connection to Postgres: text parameters in, text columns out, types inferred by the server |
//! | [`pool`] | idle connections by login, reset before they are used again |
//! | [`request`] | what a caller sends: connection string, headers, body |
//! | [`values`] | parameters to Postgres text, Postgres text to JSON |
//! | [`answer`] | results and errors in the documented JSON shape |
//! | [`server`] | `POST /sql` over these |
//!
//! The protocol is the one of Neon's open proxy (`proxy/src/serverless`) and of its client `@neondatabase/serverless`.
//! `tests/neon_client.rs` runs that client against this server, so that what the stand-in serves stays what the client
//! expects, and doesn't drift to what our driver happens to send.

pub mod answer;
pub mod pool;
pub mod request;
pub mod server;
pub mod values;
pub mod wire;
