//! What is shown: totals as they are counted, states as they are at the moment of asking.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use portico_domain::{
    cache::{CacheReport, Prefix, PrefixFigures, TierFigures},
    flows::shared::GateStatistics,
    models::{BotVerdict, PoolState, Pools},
    settings::{BotTreatment, LimitClass},
};
use portico_http_api::{Code, Route};
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::{CLASSES, METHODS, Metrics, families::Families, page::Readings, place, process::Process};
use crate::traces::SpanFigures;

/// Everything at one moment.
#[derive(Debug)]
pub(super) struct Scrape {
    pub(super) metrics: Arc<Metrics>,
    pub(super) cache: CacheReport,
    pub(super) evicted: u64,
    pub(super) gate: GateStatistics,
    pub(super) pools: Pools,
    pub(super) bots: Vec<(BotVerdict, BotTreatment, u64)>,
    pub(super) spans: Option<SpanFigures>,
    pub(super) readings: Readings,
    pub(super) process: Option<Process>,
    pub(super) version: &'static str,
    pub(super) target: &'static str,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = Families(encoder);
        self.requests(&mut out)?;
        self.connections(&mut out)?;
        self.caches(&mut out)?;
        self.guards(&mut out)?;
        self.behind(&mut out)?;
        self.database(&mut out)?;
        self.running(&mut out)
    }
}

impl Scrape {
    fn requests(&self, out: &mut Families<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        out.histograms(
            "portico_http_request_duration_seconds",
            "From a request's head to its answer's",
            routes().flat_map(|(route, template)| {
                let of = move |(method, name): (usize, &'static &'static str)| {
                    CLASSES.iter().enumerate().filter_map(move |(class, status)| {
                        let histogram = metrics.durations[place(route, method, class)].get()?;
                        Some((
                            [("method", *name), ("route", template), ("status", *status)],
                            histogram.read(),
                        ))
                    })
                };
                METHODS.iter().enumerate().flat_map(of)
            }),
        )?;
        out.gauge(
            "portico_http_requests_in_flight",
            "Requests being answered",
            metrics.in_flight.load(Relaxed),
        )?;
        out.counter(
            "portico_http_requests_abandoned",
            "Requests whose client went away before the answer",
            metrics.abandoned.load(Relaxed),
        )?;
        let used = || {
            routes().filter_map(|(route, template)| {
                let statements = metrics.routes[route].statements.read();
                (statements.count > 0).then_some((route, [("route", template)], statements))
            })
        };
        out.counters(
            "portico_http_response_bytes",
            "Bodies of answers, as sent, whose length was known before",
            used().map(|(route, labels, _)| (labels, metrics.routes[route].body_bytes.load(Relaxed))),
        )?;
        out.histograms(
            "portico_http_request_statements",
            "Statements that a request sent to the database",
            used().map(|(_, labels, statements)| (labels, statements)),
        )?;
        out.counters_of_seconds(
            "portico_http_request_storage_seconds",
            "Time that requests' statements took",
            used().map(|(route, labels, _)| (labels, metrics.routes[route].storage_micros.load(Relaxed))),
        )?;
        out.counters(
            "portico_http_problems",
            "Problem answers",
            Code::ALL
                .iter()
                .zip(&metrics.problems)
                .map(|(code, count)| ([("code", code.as_str())], count.load(Relaxed))),
        )
    }

    fn connections(&self, out: &mut Families<'_>) -> fmt::Result {
        let (open, most) = self.readings.connections;
        out.gauge("portico_connections_open", "Connections of clients", open)?;
        out.gauge("portico_connections_max", "The most connections of clients", most)
    }

    fn caches(&self, out: &mut Families<'_>) -> fmt::Result {
        let prefixes = || self.cache.prefixes.iter().map(|(prefix, figures)| (name(*prefix), figures));
        out.counters(
            "portico_cache_reads",
            "Reads through the cache",
            prefixes().flat_map(|(prefix, figures)| {
                reads(figures).map(|(tier, outcome, count)| {
                    ([("prefix", prefix), ("tier", tier), ("outcome", outcome)], count)
                })
            }),
        )?;
        out.counters(
            "portico_cache_loads",
            "What came of loads into the cache",
            prefixes().flat_map(|(prefix, figures)| {
                let outcomes = [
                    ("filled", figures.fills),
                    ("failed", figures.errors),
                    ("fenced", figures.fenced),
                    ("warmed", figures.warmed),
                ];
                outcomes.map(|(outcome, count)| ([("prefix", prefix), ("outcome", outcome)], count))
            }),
        )?;
        out.counters(
            "portico_cache_invalidations",
            "What was dropped from the cache on somebody's word",
            prefixes().map(|(prefix, figures)| ([("prefix", prefix)], figures.invalidations)),
        )?;
        out.counters(
            "portico_cache_refreshes",
            "Loads behind answers",
            prefixes().map(|(prefix, figures)| ([("prefix", prefix)], figures.refreshes)),
        )?;
        out.counter("portico_cache_evictions", "Entries that gave way to others in memory", self.evicted)?;
        let memory = self.cache.memory;
        out.gauge("portico_cache_memory_bytes", "What the cache takes up", memory.bytes)?;
        out.gauge(
            "portico_cache_memory_capacity_bytes",
            "What the cache may take up",
            memory.capacity_bytes,
        )?;
        out.gauge("portico_cache_memory_entries", "Entries in memory", memory.entries)?;
        let shared = self.cache.shared.as_ref();
        let calls = shared.map_or([0; 3], |shared| [shared.failed, shared.given_up, shared.skipped]);
        out.counters(
            "portico_cache_shared_calls",
            "Calls of the shared tier that did not help",
            ["failed", "given_up", "skipped"]
                .into_iter()
                .zip(calls)
                .map(|(outcome, count)| ([("outcome", outcome)], count)),
        )?;
        out.gauge(
            "portico_cache_shared_left_alone",
            "Whether the shared tier is left alone because it kept failing",
            u64::from(shared.is_some_and(|shared| shared.left_alone)),
        )?;
        out.gauge(
            "portico_cache_shared_undelivered",
            "Invalidations that the shared tier has yet to hear of",
            shared.map_or(0, |shared| shared.undelivered),
        )
    }

    fn guards(&self, out: &mut Families<'_>) -> fmt::Result {
        out.counters(
            "portico_limiter_decisions",
            "What rate limits said",
            LimitClass::ALL.into_iter().flat_map(|class| {
                let counts = &self.metrics.limits[class as usize];
                let outcomes = ["admitted", "refused"].into_iter().zip(counts);
                outcomes.map(move |(outcome, count)| {
                    ([("class", class_name(class)), ("outcome", outcome)], count.load(Relaxed))
                })
            }),
        )?;
        let GateStatistics { is_away, passed_uncounted, refused_uncounted } = self.gate;
        out.counters(
            "portico_limiter_uncounted",
            "Attempts that were decided by rule while the limiter was away",
            [([("outcome", "passed")], passed_uncounted), ([("outcome", "refused")], refused_uncounted)],
        )?;
        out.gauge(
            "portico_limiter_away",
            "Whether the limiter could not be asked the last time",
            u64::from(is_away),
        )?;
        out.counters(
            "portico_bots_sorted",
            "Programs by what they are and what was done with them",
            self.bots.iter().map(|(sort, treatment, count)| {
                ([("sort", sort.as_str()), ("treatment", treatment.as_str())], *count)
            }),
        )
    }

    fn behind(&self, out: &mut Families<'_>) -> fmt::Result {
        let Readings { hashing, deferred, uses, .. } = self.readings;
        out.gauge("portico_hashing_slots", "How many passwords can be hashed at a time", hashing.slots)?;
        out.gauge("portico_hashing_running", "Passwords being hashed", hashing.running)?;
        out.gauge("portico_hashing_waiting", "Passwords that wait to be hashed", hashing.waiting)?;
        out.counters(
            "portico_hashing_jobs",
            "What became of passwords that were to be hashed",
            [
                ([("outcome", "computed")], hashing.computed),
                ([("outcome", "refused")], hashing.refused),
                ([("outcome", "abandoned")], hashing.abandoned),
                ([("outcome", "late")], hashing.late),
            ],
        )?;
        out.histograms(
            "portico_hashing_duration_seconds",
            "From asking for a hash to having it",
            [([("work", "password")], self.metrics.hashing.read())],
        )?;
        out.gauge("portico_deferred_pending", "Facts that wait to be written", deferred.pending)?;
        out.gauge("portico_deferred_journal_bytes", "The journal's size", deferred.journal_bytes)?;
        out.counters(
            "portico_deferred_facts",
            "What became of facts that were to be written behind answers",
            [
                ([("outcome", "written")], deferred.written),
                ([("outcome", "written_through")], deferred.written_through),
                ([("outcome", "recovered")], deferred.recovered),
            ],
        )?;
        out.counter(
            "portico_deferred_retries",
            "Steps that storage refused and that are tried again",
            deferred.retries,
        )?;
        out.gauge("portico_key_uses_pending", "Uses of keys that storage has yet to hear of", uses.pending)?;
        out.counters(
            "portico_key_uses",
            "What became of uses of keys",
            [
                ([("outcome", "delivered")], uses.delivered),
                ([("outcome", "refused")], uses.refused),
                ([("outcome", "recovered")], uses.recovered),
            ],
        )?;
        out.counter("portico_key_uses_retries", "Attempts to deliver uses that failed", uses.retries)
    }

    fn database(&self, out: &mut Families<'_>) -> fmt::Result {
        let pools = [("main", self.pools.pool), ("writer", self.pools.writer)];
        let there = || pools.into_iter().filter_map(|(name, state)| Some((name, state?)));
        let each = |of: fn(PoolState) -> u32| {
            there().map(move |(name, state)| ([("pool", name)], u64::from(of(state))))
        };
        out.gauges(
            "portico_database_connections",
            "Connections to the database",
            there().flat_map(|(name, state)| {
                let states = [("active", state.active()), ("idle", state.idle)];
                states.map(|(state, count)| ([("pool", name), ("state", state)], u64::from(count)))
            }),
        )?;
        out.gauges(
            "portico_database_connections_max",
            "The most connections to the database",
            each(|state| state.max),
        )?;
        out.gauges(
            "portico_database_waiting",
            "Who waits for a connection to the database",
            each(|state| state.waiting),
        )
    }

    fn running(&self, out: &mut Families<'_>) -> fmt::Result {
        if let Some(SpanFigures { exported, dropped, failed }) = self.spans {
            out.counters(
                "portico_trace_spans",
                "What became of spans",
                [
                    ([("outcome", "exported")], exported),
                    ([("outcome", "dropped")], dropped),
                    ([("outcome", "failed")], failed),
                ],
            )?;
        }
        out.gauges(
            "portico_build_info",
            "What runs",
            [([("version", self.version), ("target", self.target)], 1_u64)],
        )?;
        let Some(process) = self.process else { return Ok(()) };
        out.counter_of("process_cpu_seconds", "Time that the processors spent", process.cpu_seconds)?;
        out.gauge("process_resident_memory_bytes", "Memory in use", process.resident_bytes)?;
        out.gauge("process_virtual_memory_bytes", "Memory that is mapped", process.virtual_bytes)?;
        out.gauge("process_open_fds", "Open descriptors", process.open_fds)?;
        if let Some(most) = process.max_fds {
            out.gauge("process_max_fds", "The most open descriptors", most)?;
        }
        out.gauge("process_threads", "Threads", process.threads)?;
        out.gauge(
            "process_start_time_seconds",
            "When the process began, in seconds since 1970",
            process.start_time_seconds,
        )
    }
}

/// Every route with its place, and what is of none.
fn routes() -> impl Iterator<Item = (usize, &'static str)> {
    Route::all().map(|route| (route.index(), route.template())).chain([(Route::COUNT, "none")])
}

fn name(prefix: Prefix) -> &'static str {
    prefix.as_str().trim_end_matches(':')
}

/// As in settings, in lower case.
const fn class_name(class: LimitClass) -> &'static str {
    match class {
        LimitClass::Login => "login",
        LimitClass::Register => "register",
        LimitClass::Refresh => "refresh",
        LimitClass::Password => "password",
        LimitClass::OAuth => "oauth",
        LimitClass::Key => "key",
        LimitClass::Bot => "bot",
        LimitClass::Account => "account",
        LimitClass::Address => "address",
    }
}

fn reads(figures: &PrefixFigures) -> [(&'static str, &'static str, u64); 7] {
    let PrefixFigures { memory, shared, negative, misses, last_resort, .. } = figures;
    let (TierFigures { hits, stale, .. }, of_shared) = (memory, shared);
    [
        ("memory", "hit", *hits),
        ("memory", "stale", *stale),
        ("shared", "hit", of_shared.hits),
        ("shared", "stale", of_shared.stale),
        ("none", "negative", *negative),
        ("none", "last_resort", *last_resort),
        ("none", "miss", *misses),
    ]
}
