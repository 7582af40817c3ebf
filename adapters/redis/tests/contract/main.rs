//! The contracts of the shared cache and of the rate limiter, on Redis servers of one's own: they are hung, killed and restarted, so one that others
//! use won't do.
#![allow(clippy::unwrap_used)]

mod cache;
mod limiter;
mod model;
mod outages;
mod server;
mod stack;
mod tls;
