//! What is counted as it happens.
//!
//! Every counter has its place before the first request: a route is an index. So a request that is counted allocates nothing (but a histogram the first time that
//! a route answers a method with a class of status), takes no lock and looks nothing up.

mod exposition;
mod families;
mod histogram;
mod page;
mod process;

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use portico_domain::settings::LimitClass;
use portico_http_api::{AnsweredRequest, Code, Route};

use self::histogram::Histogram;
pub use self::page::{Deferred, Hashing, Page, Readings, Uses};

/// The methods that are told apart.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"];
/// The classes of status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// Every route, and what is of none.
const ROUTES: usize = Route::COUNT + 1;

/// What a server has counted of its requests since it began.
#[derive(Debug)]
pub struct Metrics {
    durations: Box<[OnceLock<Box<Histogram>>]>,
    routes: Box<[RouteCounters]>,
    problems: Box<[AtomicU64]>,
    limits: [[AtomicU64; 2]; LimitClass::ALL.len()],
    in_flight: AtomicI64,
    abandoned: AtomicU64,
    hashing: Histogram,
}

#[derive(Debug)]
struct RouteCounters {
    statements: Histogram,
    storage_micros: AtomicU64,
    body_bytes: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        let counters = || RouteCounters {
            statements: Histogram::of_statements(),
            storage_micros: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
        };
        Self {
            durations: (0..ROUTES * METHODS.len() * CLASSES.len()).map(|_| OnceLock::new()).collect(),
            routes: (0..ROUTES).map(|_| counters()).collect(),
            problems: Code::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            limits: Default::default(),
            in_flight: AtomicI64::new(0),
            abandoned: AtomicU64::new(0),
            hashing: Histogram::of_times(),
        }
    }
}

impl Metrics {
    /// A request has come.
    pub(crate) fn begun(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// It was given up.
    pub(crate) fn abandoned(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
        self.abandoned.fetch_add(1, Relaxed);
    }

    /// It has its answer.
    pub(crate) fn answered(&self, request: &AnsweredRequest<'_>) {
        self.in_flight.fetch_sub(1, Relaxed);
        let route = request.route.map_or(Route::COUNT, Route::index);
        let duration = &self.durations[place(route, method(request.method), class(request.status))];
        duration.get_or_init(|| Box::new(Histogram::of_times())).observe(micros(request.spent));
        let counters = &self.routes[route];
        let statements = request.meter.statements();
        counters.statements.observe(u64::from(statements));
        if statements > 0 {
            counters.storage_micros.fetch_add(micros(request.meter.storage_time()), Relaxed);
        }
        if let Some(bytes) = request.body_bytes {
            counters.body_bytes.fetch_add(bytes, Relaxed);
        }
        if let Some(code) = request.code {
            self.problems[code as usize].fetch_add(1, Relaxed);
        }
        request.meter.each_admission(|admission| {
            if let Some(class) = LimitClass::of_policy(admission.policy) {
                self.limits[class as usize][usize::from(!admission.admitted)].fetch_add(1, Relaxed);
            }
        });
    }

    /// A password was hashed, or wasn't, and took so long.
    pub(crate) fn hashed(&self, took: Duration) {
        self.hashing.observe(micros(took));
    }
}

const fn place(route: usize, method: usize, class: usize) -> usize {
    (route * METHODS.len() + method) * CLASSES.len() + class
}

fn method(method: &Method) -> usize {
    METHODS.iter().position(|known| *known == method.as_str()).unwrap_or(METHODS.len() - 1)
}

fn class(status: StatusCode) -> usize {
    usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_and_class_of_limit_has_its_own_place() {
        for (place, code) in Code::ALL.iter().enumerate() {
            assert_eq!(*code as usize, place, "{code:?}");
        }
        for (place, class) in LimitClass::ALL.iter().enumerate() {
            assert_eq!(*class as usize, place, "{class:?}");
        }
    }

    #[test]
    fn made_up_methods_are_one() {
        let odd = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(METHODS[method(&odd)], "other");
        assert_eq!(METHODS[method(&Method::GET)], "GET");
        assert_eq!(CLASSES[class(StatusCode::from_u16(599).unwrap())], "5xx");
        assert_eq!(CLASSES[class(StatusCode::from_u16(999).unwrap())], "5xx");
    }
}
