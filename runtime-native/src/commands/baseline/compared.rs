//! Two baselines beside each other.

use super::figures::{Figures, KIND};
use crate::cli::Thresholds;

/// What a start may take longer whatever it took before: a busy machine's hiccup.
const START_SLACK_MS: f64 = 100.0;

/// One figure, before and now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) what: String,
    pub(super) before: f64,
    pub(super) now: f64,
    pub(super) unit: &'static str,
    /// Above which it is too much.
    pub(super) most: f64,
}

impl Difference {
    pub(super) fn is_beyond(&self) -> bool {
        self.now > self.most
    }
}

/// Reads an earlier baseline.
pub(super) fn read(text: &str) -> Result<Figures, String> {
    let figures: Figures =
        serde_json::from_str(text).map_err(|error| format!("is no baseline of portico: {error}"))?;
    if figures.kind != KIND {
        return Err(format!("is no baseline of portico, but a {}", figures.kind));
    }
    Ok(figures)
}

/// Says why two can't be compared.
pub(super) fn contradiction(earlier: &Figures, target: &str, database: Option<&str>) -> Option<String> {
    if earlier.target != target {
        return Some(format!("is of target {}, and this one of {target}", earlier.target));
    }
    match (earlier.database.as_deref(), database) {
        (Some(before), Some(now)) if before != now => Some(format!("is of {before}, and this one of {now}")),
        _ => None,
    }
}

/// What is known of both.
pub(super) fn compare(earlier: &Figures, now: &Figures, thresholds: &Thresholds) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut add = |what: &str, unit, before: Option<f64>, now: Option<f64>, most: &dyn Fn(f64) -> f64| {
        if let (Some(before), Some(now)) = (before, now) {
            differences.push(Difference { what: what.to_owned(), before, now, unit, most: most(before) });
        }
    };
    let start = |before: f64| above(before, thresholds.threshold_startup, START_SLACK_MS);
    add("first start", "ms", earlier.first_start_ms, now.first_start_ms, &start);
    add("second start", "ms", earlier.second_start_ms, now.second_start_ms, &start);
    let idle = |figures: &Figures| figures.idle.map(|idle| idle.cpu_percent);
    add("CPU at rest", "%", idle(earlier), idle(now), &|before| before + thresholds.threshold_idle_cpu);
    let memory = |figures: &Figures| figures.idle.map(|idle| mebibytes(idle.resident_bytes));
    let most_memory = |before: f64| above(before, thresholds.threshold_memory, 0.0);
    add("memory at rest", "MiB", memory(earlier), memory(now), &most_memory);
    let after = |figures: &Figures| figures.resident_after_bytes.map(mebibytes);
    add("memory afterwards", "MiB", after(earlier), after(now), &most_memory);
    for route in &now.routes {
        let Some(before) = earlier.routes.iter().find(|before| before.name == route.name) else { continue };
        let p95 = |before: f64| above(before, thresholds.threshold_p95, thresholds.threshold_p95_ms);
        let name = |what: &str| format!("{}: {what}", route.name);
        add(&name("p95"), "ms", Some(before.latency.p95), Some(route.latency.p95), &p95);
        let statements = |before: f64| before + thresholds.threshold_statements;
        add(&name("statements"), "", Some(before.statements.mean), Some(route.statements.mean), &statements);
        add(&name("failed"), "", Some(count(before.failed)), Some(count(route.failed)), &|before| before);
    }
    differences
}

/// So many percent more, and at any rate so much.
fn above(before: f64, percent: f64, slack: f64) -> f64 {
    (before * (1.0 + percent / 100.0)).max(before + slack)
}

#[expect(clippy::cast_precision_loss, reason = "shown rounded")]
pub(super) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

#[expect(clippy::cast_precision_loss, reason = "a few at most")]
fn count(failed: u64) -> f64 {
    failed as f64
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portico_measuring::{
        load::{Figure, Percentiles},
        machine::Machine,
    };

    use super::*;
    use crate::commands::baseline::figures::{Idle, RouteFigures};

    const USUAL: Thresholds = Thresholds {
        threshold_p95: 50.0,
        threshold_p95_ms: 1.0,
        threshold_memory: 20.0,
        threshold_startup: 100.0,
        threshold_idle_cpu: 3.0,
        threshold_statements: 0.5,
    };

    fn figures(p95: f64, resident_bytes: u64, failed: u64) -> Figures {
        Figures {
            kind: KIND.to_owned(),
            at: String::new(),
            commit: None,
            machine: Machine::read(),
            target: "native".to_owned(),
            database: Some("SQLite".to_owned()),
            seconds: 1,
            first_start_ms: Some(80.0),
            second_start_ms: None,
            idle: Some(Idle { cpu_percent: 0.1, resident_bytes, descriptors: 20, threads: 6 }),
            resident_after_bytes: None,
            routes: vec![RouteFigures {
                name: "health".to_owned(),
                per_second: 20.0,
                latency: Percentiles { p95, ..Percentiles::default() },
                failed,
                errors: BTreeMap::new(),
                statements: Figure::default(),
            }],
            unknown: Vec::new(),
        }
    }

    fn beyond(earlier: &Figures, now: &Figures) -> Vec<String> {
        let differences = compare(earlier, now, &USUAL);
        differences.into_iter().filter(Difference::is_beyond).map(|difference| difference.what).collect()
    }

    #[test]
    fn only_what_is_beyond_its_threshold_is_told() {
        let mib = 1024 * 1024;
        let earlier = figures(4.0, 20 * mib, 0);
        assert!(beyond(&earlier, &earlier).is_empty());
        assert!(beyond(&earlier, &figures(6.0, 24 * mib, 0)).is_empty());
        assert_eq!(beyond(&earlier, &figures(6.1, 20 * mib, 0)), ["health: p95"]);
        assert_eq!(beyond(&earlier, &figures(4.0, 25 * mib, 0)), ["memory at rest"]);
        assert_eq!(beyond(&earlier, &figures(4.0, 20 * mib, 1)), ["health: failed"]);
        // Half a millisecond isn't worth a word, whatever part it is.
        assert!(beyond(&figures(0.2, 20 * mib, 0), &figures(0.7, 20 * mib, 0)).is_empty());
        // A hundred milliseconds aren't either, where it is the start.
        let slower = Figures { first_start_ms: Some(179.0), ..earlier.clone() };
        assert!(beyond(&earlier, &slower).is_empty());
        let slow = Figures { first_start_ms: Some(181.0), ..earlier.clone() };
        assert_eq!(beyond(&earlier, &slow), ["first start"]);
    }

    #[test]
    fn what_is_known_of_one_alone_is_not_compared() {
        let earlier = figures(4.0, 0, 0);
        let now = Figures { idle: None, first_start_ms: None, routes: Vec::new(), ..earlier.clone() };
        assert_eq!(compare(&earlier, &now, &USUAL), []);
    }

    #[test]
    fn what_is_no_baseline_of_the_same_thing_is_refused() {
        let earlier = figures(4.0, 0, 0);
        let text = serde_json::to_string(&earlier).unwrap();
        assert_eq!(read(&text).unwrap().routes.len(), 1);
        assert!(read("{}").unwrap_err().contains("is no baseline"));
        assert!(read(&text.replace("\"baseline\"", "\"load\"")).unwrap_err().contains("but a load"));
        assert_eq!(contradiction(&earlier, "native", Some("SQLite")), None);
        assert_eq!(contradiction(&earlier, "native", None), None);
        assert!(contradiction(&earlier, "worker", Some("SQLite")).is_some());
        assert!(contradiction(&earlier, "native", Some("Postgres")).is_some());
    }
}
