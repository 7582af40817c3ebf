//! What a scenario is loaded with, and what it must hold to: `tests/load/thresholds.json`, which the k6 scripts read too.

use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Scenario, growth::Growth};
use crate::load::Outcome;

static FILE: LazyLock<Map<String, Value>> = LazyLock::new(|| {
    let text = include_str!("../../../../tests/load/thresholds.json");
    serde_json::from_str(text).expect("the file that is built in is an object")
});

/// What a scenario is loaded with where nothing else is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// So many requests a second.
    PerSecond(f64),
    /// So many users, each with that pause between requests.
    Users(u32, Duration),
    /// Such a part of what the server can do, which is found out first.
    PartOfCapacity(f64),
}

/// What a scenario must hold to; what is `None` isn't judged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// How many requests a second are sent.
    pub per_second: Option<f64>,
    /// Or how many users ask.
    pub users: Option<u32>,
    /// With what pause.
    pub pause_ms: Option<u64>,
    /// Or at what part of the server's capacity.
    pub part_of_capacity: Option<f64>,
    /// For how long.
    pub seconds: Option<u64>,
    /// The largest median of latency.
    pub p50_ms: Option<f64>,
    /// The largest 95th percentile.
    pub p95_ms: Option<f64>,
    /// The largest 99th percentile.
    pub p99_ms: Option<f64>,
    /// The largest part of requests that fail.
    pub error_rate: Option<f64>,
    /// The most statements that a request may cost.
    pub statements: Option<u64>,
    /// The largest part of the database pool in use, on average.
    pub pool_in_use: Option<f64>,
    /// The most that memory may grow.
    pub growth_mb_per_hour: Option<f64>,
    /// What is asked: of a thousand requests so many of each kind.
    #[serde(default)]
    pub asks: BTreeMap<String, u64>,
}

impl Targets {
    /// Those of a scenario: what it sets itself, and what holds for all.
    #[must_use]
    pub fn of(scenario: Scenario) -> Self {
        let mut of = FILE["all"].as_object().cloned().unwrap_or_default();
        of.extend(FILE[scenario.name()].as_object().cloned().unwrap_or_default());
        serde_json::from_value(Value::Object(of)).expect("a test has read every scenario's targets")
    }

    /// The same without those of time and memory, which a machine that does other things beside can't hold to.
    #[must_use]
    pub fn without_times(self) -> Self {
        Self { p50_ms: None, p95_ms: None, p99_ms: None, pool_in_use: None, ..self }
    }

    /// What it is loaded with.
    #[must_use]
    pub fn load(&self) -> Load {
        match (self.per_second, self.users) {
            (Some(per_second), _) => Load::PerSecond(per_second),
            (_, Some(users)) => Load::Users(users, Duration::from_millis(self.pause_ms.unwrap_or(0))),
            _ => Load::PartOfCapacity(self.part_of_capacity.unwrap_or(0.5)),
        }
    }

    /// For how long.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(30))
    }

    /// Judges what was measured, with the part of the pool that was in use on average, where that is known.
    #[must_use]
    pub fn judge(&self, outcome: &Outcome, pool: Option<f64>) -> Vec<Verdict> {
        let latency = &outcome.latency;
        let most = |what: &str, limit: Option<f64>, measured: Option<f64>, unit: &str| {
            let limit = limit?;
            let shown = |value: f64| format!("{}{unit}", rounded(value));
            let holds = measured.map(|measured| measured <= limit);
            Some(Verdict {
                what: what.to_owned(),
                limit: format!("≤ {}", shown(limit)),
                measured: measured.map_or_else(|| "unknown".to_owned(), shown),
                holds,
            })
        };
        let per_cent = |part: f64| part * 100.0;
        #[expect(clippy::cast_precision_loss, reason = "statements of one request are few")]
        let statements = |count: u64| count as f64;
        let told = (outcome.statements.count > 0).then(|| statements(outcome.statements.max));
        let answered = |value| (latency.count > 0).then_some(value);
        let verdicts = [
            most("latency p50", self.p50_ms, answered(latency.p50), " ms"),
            most("latency p95", self.p95_ms, answered(latency.p95), " ms"),
            most("latency p99", self.p99_ms, answered(latency.p99), " ms"),
            most("errors", self.error_rate.map(per_cent), Some(per_cent(outcome.error_rate())), " %"),
            most("statements of a request", self.statements.map(statements), told, ""),
            most("pool in use", self.pool_in_use.map(per_cent), pool.map(per_cent), " %"),
            self.growth_mb_per_hour.map(|limit| judge_growth(limit, Growth::of(&outcome.server))),
        ];
        verdicts.into_iter().flatten().collect()
    }
}

fn judge_growth(limit: f64, growth: Option<Growth>) -> Verdict {
    let measured = growth.map_or_else(
        || "unknown".to_owned(),
        |growth| {
            let Growth { seconds, mb_per_hour, low, high } = growth;
            if growth.tells() {
                format!("{} MB/h ({} to {})", rounded(mb_per_hour), rounded(low), rounded(high))
            } else {
                let grown = mb_per_hour * seconds / 3_600.0;
                format!("{} MB in {seconds:.0} s, too short for a rate", rounded(grown))
            }
        },
    );
    let holds = growth.and_then(|growth| growth.stays_below(limit));
    Verdict {
        what: "growth of memory".to_owned(),
        limit: format!("≤ {} MB/h", rounded(limit)),
        measured,
        holds,
    }
}

/// Whether one target was held to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was judged.
    pub what: String,
    /// The target.
    pub limit: String,
    /// What it was.
    pub measured: String,
    /// Whether it held; `None` where it can't be told, as of the memory of a server elsewhere, or of a growth whose interval holds the limit.
    pub holds: Option<bool>,
}

impl Verdict {
    /// In a word.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self.holds {
            Some(true) => "held",
            Some(false) => "FAILED",
            None => "can't be told",
        }
    }
}

/// A number with three digits that mean something.
#[must_use]
pub fn rounded(value: f64) -> String {
    let text = match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        middle if middle >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{Figure, Percentiles};

    #[test]
    fn the_file_has_every_scenario_and_nothing_else() {
        for scenario in Scenario::ALL {
            let targets = Targets::of(scenario);
            let loads =
                [targets.per_second.is_some(), targets.users.is_some(), targets.part_of_capacity.is_some()];
            assert_eq!(loads.iter().filter(|set| **set).count(), 1, "{}", scenario.name());
            assert!(targets.duration() >= Duration::from_secs(30) && targets.error_rate.is_some());
        }
        let named = FILE.keys().filter(|name| *name != "all" && Scenario::parse(name).is_none());
        assert_eq!(named.collect::<Vec<_>>(), Vec::<&String>::new());
        assert_eq!(Targets::of(Scenario::Health).p99_ms, Some(50.0));
        assert_eq!(Targets::of(Scenario::Login).p50_ms, None);
        assert_eq!(Targets::of(Scenario::Mixed).load(), Load::Users(200, Duration::from_secs(1)));
    }

    fn outcome(p95: f64, failed: u64) -> Outcome {
        Outcome {
            requests: 1_000,
            errors: BTreeMap::from([("status 500".to_owned(), failed)]),
            latency: Percentiles { count: 1_000, p50: 10.0, p95, p99: p95, ..Percentiles::default() },
            statements: Figure { count: 1_000, mean: 2.0, max: 5 },
            ..Outcome::default()
        }
    }

    #[test]
    fn each_target_fails_for_itself() {
        let judged = |outcome: &Outcome, pool| {
            let verdicts = Targets::of(Scenario::Soak).judge(outcome, pool);
            let failed = verdicts.iter().filter(|verdict| verdict.holds == Some(false));
            failed.map(|verdict| verdict.what.clone()).collect::<Vec<_>>()
        };
        assert_eq!(judged(&outcome(200.0, 1), Some(0.8)), Vec::<String>::new());
        assert_eq!(judged(&outcome(201.0, 1), Some(0.8)), ["latency p95"]);
        assert_eq!(judged(&outcome(200.0, 2), Some(0.81)), ["errors", "pool in use"]);
        let greedy = Outcome { statements: Figure { count: 1, mean: 6.0, max: 6 }, ..outcome(1.0, 0) };
        assert_eq!(judged(&greedy, None), ["statements of a request"]);
        let unknown = Targets::of(Scenario::Soak).judge(&outcome(1.0, 0), None);
        assert_eq!(unknown.iter().filter(|verdict| verdict.holds.is_none()).count(), 2, "{unknown:?}");
    }

    #[test]
    fn a_growth_that_may_be_one_is_not_held() {
        let growth =
            |low, high| Growth { seconds: 1_200.0, mb_per_hour: f64::midpoint(low, high), low, high };
        for (low, high, holds, word) in [
            (-5.0, 9.0, Some(true), "held"),
            (-5.0, 11.0, None, "can't be told"),
            (9.0, 40.0, None, "can't be told"),
            (11.0, 40.0, Some(false), "FAILED"),
        ] {
            let verdict = judge_growth(10.0, Some(growth(low, high)));
            assert_eq!((verdict.holds, verdict.word()), (holds, word), "{verdict:?}");
        }
        assert_eq!(judge_growth(10.0, None).holds, None);
    }

    #[test]
    fn numbers_are_shown_short() {
        assert_eq!([0.1, 5.0, 12.34, 200.0, 0.0012].map(rounded), ["0.1", "5", "12.3", "200", "0.001"]);
    }
}
