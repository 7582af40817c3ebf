//! Counts what happens, in a memory that doesn't grow with the number of requests.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

use super::{
    Figure, Outcome, Percentiles, Second,
    connections::{Answered, Failed},
};

/// The longest that is told apart, in microseconds.
const LONGEST: u64 = 3_600_000_000;
/// Of the driver's own delays, those that are told.
const LATE: Duration = Duration::from_millis(10);

/// The spans in which answers are counted for the throughput, in milliseconds.
const SPAN: u128 = 100;

/// What is known so far.
pub(super) struct Recorder {
    requests: u64,
    /// How many answers came in each span.
    answered: Vec<u64>,
    late: u64,
    last: Duration,
    errors: BTreeMap<String, u64>,
    all: Histogram<u64>,
    routes: BTreeMap<String, Route>,
    series: Vec<Second>,
    second: Counted,
}

struct Route {
    latency: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    statements: Sum,
}

/// The second under way.
struct Counted {
    requests: u64,
    errors: u64,
    latency: Histogram<u32>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    count: u64,
    total: u64,
    max: u64,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self {
            requests: 0,
            answered: Vec::new(),
            late: 0,
            last: Duration::ZERO,
            errors: BTreeMap::new(),
            all: histogram(),
            routes: BTreeMap::new(),
            series: Vec::new(),
            second: Counted {
                requests: 0,
                errors: 0,
                latency: Histogram::new_with_bounds(1, LONGEST, 2).expect("bounds in order"),
            },
        }
    }

    /// A request was begun so long after it was due.
    pub(super) fn began(&mut self, delay: Duration) {
        if delay > LATE {
            self.late += 1;
        }
    }

    /// A request could not even be begun, `at` after the start.
    pub(super) fn not_sent(&mut self, at: Duration) {
        self.count(at, Some("not sent".to_owned()), None);
    }

    /// A request ended `at` after the start, `took` after it was due.
    pub(super) fn ended(&mut self, name: &str, at: Duration, took: Duration, how: Result<Answered, Failed>) {
        let error = match how {
            Ok(answered) => (answered.status >= 400).then(|| format!("status {}", answered.status)),
            Err(kind) => Some(kind.to_owned()),
        };
        // What broke off at once says nothing of how long an answer takes; what was given up says that it takes longer.
        let tells = how.is_ok() || how == Err("timed out");
        let micros = tells.then(|| u64::try_from(took.as_micros()).unwrap_or(LONGEST).max(1));
        self.count(at, error, micros);
        let route = route(&mut self.routes, name);
        if let Some(micros) = micros {
            route.latency.saturating_record(micros);
        }
        if let Ok(answered) = how {
            let span = usize::try_from(at.as_millis() / SPAN).unwrap_or(usize::MAX - 1);
            if self.answered.len() <= span {
                self.answered.resize(span + 1, 0);
            }
            self.answered[span] += 1;
            *route.statuses.entry(answered.status).or_default() += 1;
            if let Some(statements) = answered.statements {
                route.statements.add(statements);
            }
        }
    }

    /// A request cost so many statements, where that is told apart from its end.
    pub(super) fn cost(&mut self, name: &str, statements: u64) {
        route(&mut self.routes, name).statements.add(statements);
    }

    fn count(&mut self, at: Duration, error: Option<String>, micros: Option<u64>) {
        self.pass_seconds(at);
        self.last = self.last.max(at);
        self.requests += 1;
        self.second.requests += 1;
        if let Some(kind) = error {
            self.second.errors += 1;
            *self.errors.entry(kind).or_default() += 1;
        }
        if let Some(micros) = micros {
            self.all.saturating_record(micros);
            self.second.latency.saturating_record(micros);
        }
    }

    fn pass_seconds(&mut self, at: Duration) {
        while at.as_secs() > self.series.len() as u64 {
            let second = &mut self.second;
            let at = |quantile| millis(second.latency.value_at_quantile(quantile));
            self.series.push(Second {
                at: whole(self.series.len() as u64 + 1),
                requests: second.requests,
                errors: second.errors,
                p50: at(0.5),
                p95: at(0.95),
                p99: at(0.99),
            });
            (second.requests, second.errors) = (0, 0);
            second.latency.reset();
        }
    }

    /// Answers a second, of those that came within what was planned: one that takes long after its end would otherwise make all others look slow.
    fn throughput(&self, planned: Duration) -> f64 {
        let spans = planned.as_millis() / SPAN;
        let within = self.answered.iter().take(usize::try_from(spans).unwrap_or(usize::MAX)).sum();
        let millis = u64::try_from(spans * SPAN).unwrap_or(u64::MAX);
        if millis > 0 { whole(within) * 1_000.0 / whole(millis) } else { 0.0 }
    }

    /// What came of it, of which `planned` was to be measured.
    pub(super) fn outcome(mut self, planned: Duration) -> Outcome {
        let per_second = self.throughput(planned);
        let seconds = planned.max(self.last);
        // The last second counts even if it isn't a whole one.
        self.pass_seconds(Duration::from_secs(seconds.as_millis().div_ceil(1_000).try_into().unwrap_or(0)));
        let seconds = seconds.as_secs_f64();
        let mut statements = Sum::default();
        for route in self.routes.values() {
            statements.merge(route.statements);
        }
        let of_routes = |routes: &BTreeMap<String, Route>| {
            routes.iter().map(|(name, route)| (name.clone(), percentiles(&route.latency))).collect()
        };
        Outcome {
            requests: self.requests,
            errors: self.errors,
            seconds,
            per_second,
            latency: percentiles(&self.all),
            by_name: of_routes(&self.routes),
            statuses: self
                .routes
                .iter()
                .map(|(name, route)| (name.clone(), route.statuses.clone()))
                .collect(),
            series: self.series,
            statements: statements.figure(),
            statements_by_name: self
                .routes
                .iter()
                .map(|(name, route)| (name.clone(), route.statements.figure()))
                .collect(),
            late: self.late,
            server: Vec::new(),
        }
    }
}

fn route<'a>(routes: &'a mut BTreeMap<String, Route>, name: &str) -> &'a mut Route {
    // Names are few, and known after their first request.
    if !routes.contains_key(name) {
        routes.insert(name.to_owned(), Route::new());
    }
    routes.get_mut(name).expect("it was put there")
}

impl Route {
    fn new() -> Self {
        Self { latency: histogram(), statuses: BTreeMap::new(), statements: Sum::default() }
    }
}

impl Sum {
    fn add(&mut self, value: u64) {
        self.merge(Self { count: 1, total: value, max: value });
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    fn figure(self) -> Figure {
        let mean = if self.count == 0 { 0.0 } else { whole(self.total) / whole(self.count) };
        Figure { count: self.count, mean, max: self.max }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).expect("bounds in order")
}

fn percentiles(latency: &Histogram<u64>) -> Percentiles {
    let at = |quantile| millis(latency.value_at_quantile(quantile));
    Percentiles {
        count: latency.len(),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: millis(latency.max()),
        mean: latency.mean() / 1_000.0,
    }
}

fn millis(micros: u64) -> f64 {
    whole(micros) / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds of a run stay far below 2^52")]
fn whole(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const OK: Result<Answered, Failed> = Ok(Answered { status: 200, statements: Some(2) });

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn everything_that_was_due_is_counted_once() {
        let mut recorder = Recorder::new();
        for number in 0..100 {
            recorder.ended("GET /a", ms(number), ms(number + 1), OK);
        }
        recorder.ended("POST /b", ms(2_500), ms(40), Ok(Answered { status: 503, statements: Some(5) }));
        recorder.ended("POST /b", ms(2_600), ms(10_000), Err("timed out"));
        recorder.ended("POST /b", ms(2_700), ms(1), Err("broken off"));
        recorder.not_sent(ms(2_800));
        recorder.began(ms(9));
        recorder.began(ms(11));
        let outcome = recorder.outcome(ms(4_000));

        assert_eq!((outcome.requests, outcome.failed(), outcome.late), (104, 4, 1));
        let errors: Vec<_> = outcome.errors.keys().map(String::as_str).collect();
        assert_eq!(errors, ["broken off", "not sent", "status 503", "timed out"]);
        // Not the one that broke off, and not the one that wasn't sent.
        assert_eq!((outcome.latency.count, outcome.by_name["POST /b"].count), (102, 2));
        assert!((outcome.by_name["GET /a"].p50 - 50.0).abs() < 0.1);
        assert!((outcome.latency.max - 10_000.0).abs() < 10.0);
        assert_eq!(outcome.statuses["POST /b"], BTreeMap::from([(503, 1)]));
        assert_eq!((outcome.statements.count, outcome.statements.max), (101, 5));
        assert!((outcome.per_second - 101.0 / 4.0).abs() < 1e-9);
        let series: Vec<_> = outcome.series.iter().map(|second| (second.requests, second.errors)).collect();
        assert_eq!(series, [(100, 0), (0, 0), (4, 4), (0, 0)]);
        assert!(outcome.kept_up());
    }

    #[test]
    fn one_slow_answer_does_not_slow_all() {
        let mut recorder = Recorder::new();
        for number in 0..100 {
            recorder.ended("GET /a", ms(number * 10), ms(5), OK);
        }
        recorder.ended("GET /a", ms(9_000), ms(8_100), OK);
        let outcome = recorder.outcome(ms(1_000));
        assert_eq!((outcome.requests, outcome.latency.count), (101, 101));
        assert!((outcome.per_second - 100.0).abs() < 1e-9, "{}", outcome.per_second);
    }

    #[test]
    fn nothing_at_all_is_told_as_that() {
        let outcome = Recorder::new().outcome(ms(1_500));
        assert_eq!((outcome.requests, outcome.latency.count, outcome.series.len()), (0, 0, 2));
        assert!((outcome.error_rate() - 0.0).abs() < f64::EPSILON && outcome.kept_up());
    }
}
