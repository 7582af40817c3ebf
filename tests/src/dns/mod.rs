//! A resolver of names over HTTPS (here plain HTTP on loopback) with a made-up zone, so that crawlers can be verified without the internet.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`zone`] | which addresses have which names, and back |
//! | [`server`] | `GET /dns-query` in the JSON form that Cloudflare and Google document |

pub mod server;
pub mod zone;
