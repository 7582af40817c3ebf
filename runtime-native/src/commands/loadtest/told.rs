//! What came of a load, for people.

use std::fmt::Write as _;

use portico_measuring::{chart::Chart, load::Percentiles, page::Page, scenarios::rounded};

use super::found::Found;

const ROUTES: [&str; 8] =
    ["route", "answers", "p50 ms", "p95 ms", "p99 ms", "max ms", "statements", "statuses"];
const VERDICTS: [&str; 4] = ["target", "limit", "measured", ""];

/// For a terminal.
pub(super) fn text(found: &Found) -> String {
    let mut text = format!("{}\n\n", summary(found));
    table(&mut text, &ROUTES, &routes(found));
    if let Some(errors) = errors(found) {
        let _ = write!(text, "\nerrors: {errors}\n");
    }
    let machine = costs(found);
    if !machine.is_empty() {
        let _ = write!(text, "\n{machine}\n");
    }
    if !found.verdicts.is_empty() {
        text.push('\n');
        table(&mut text, &VERDICTS, &verdicts(found));
    }
    if let Some(warning) = warning(found) {
        let _ = write!(text, "\n{warning}\n");
    }
    text
}

/// As a page.
pub(super) fn page(found: &Found) -> Page {
    let outcome = &found.outcome;
    let mut page = Page::new(&format!("Load test: {}", found.scenario)).text(&summary(found));
    if let Some(warning) = warning(found) {
        page = page.text(&warning);
    }
    if !found.verdicts.is_empty() {
        page = page.heading("Targets").table(&VERDICTS, verdicts(found));
    }
    page = page.heading("Routes").table(&ROUTES, routes(found));
    if let Some(errors) = errors(found) {
        page = page.text(&format!("Errors: {errors}."));
    }
    let line = |name: &str, of: fn(&portico_measuring::load::Second) -> f64| {
        (name.to_owned(), outcome.series.iter().map(|second| (second.at, of(second))).collect::<Vec<_>>())
    };
    page = page
        .heading("Over time")
        .chart(Chart::lines(
            "Latency",
            "seconds",
            "milliseconds",
            vec![
                line("p50", |second| second.p50),
                line("p95", |second| second.p95),
                line("p99", |second| second.p99),
            ],
        ))
        .chart(Chart::lines(
            "Requests",
            "seconds",
            "a second",
            vec![line("all", |second| count(second.requests)), line("failed", |second| count(second.errors))],
        ));
    if !outcome.server.is_empty() {
        let watched = |name: &str, of: fn(&portico_measuring::probe::Sample) -> f64| {
            let points = outcome.server.iter().map(|sample| (sample.seconds, of(sample)));
            vec![(name.to_owned(), points.collect())]
        };
        page = page
            .chart(Chart::lines(
                "Memory of the server",
                "seconds",
                "MB",
                watched("resident", |sample| count(sample.resident_bytes) / 1e6),
            ))
            .chart(Chart::lines(
                "Processors of the server",
                "seconds",
                "per cent of one",
                watched("CPU", |sample| sample.cpu_percent),
            ))
            .chart(Chart::lines(
                "Open descriptors of the server",
                "seconds",
                "descriptors",
                watched("descriptors", |sample| count(sample.descriptors)),
            ))
            .text(&costs(found));
    }
    page.heading("How it was measured")
        .text(&format!("{}, Portico {}, {}.", found.machine.line(), found.machine.build(), found.at))
        .text(if found.driver.starts_with("k6") {
            "The load comes from the same machine as the server unless its address says otherwise. Latency counts from when k6 sent a request; what it could not send when it was due counts as an error, \"not sent\"."
        } else {
            "The load comes from the same machine as the server unless its address says otherwise. With a rate, latency counts from the moment a request was due, so that a server that \
             stands still shows it; with users, from when it was sent."
        })
        .code(&found.command)
}

fn summary(found: &Found) -> String {
    let outcome = &found.outcome;
    let server = match (found.target.as_str(), found.database.as_str()) {
        ("", _) => "a server that was named".to_owned(),
        (target, database) => format!("{target} on {database}"),
    };
    let capacity = found
        .capacity
        .map(|capacity| format!(" (it can do {} a second)", rounded(capacity)))
        .unwrap_or_default();
    let Percentiles { p50, p95, p99, max, .. } = outcome.latency;
    format!(
        "{}, {server}, driver {}: {}{capacity} for {:.0} s. {} requests, {} answered a second, {} failed ({} %); latency p50 {} p95 {} p99 {} max {} ms; {} statements a request, {} at most.",
        found.scenario,
        found.driver,
        found.load,
        outcome.seconds,
        outcome.requests,
        rounded(outcome.per_second),
        outcome.failed(),
        rounded(outcome.error_rate() * 100.0),
        rounded(p50),
        rounded(p95),
        rounded(p99),
        rounded(max),
        rounded(outcome.statements.mean),
        outcome.statements.max,
    )
}

fn routes(found: &Found) -> Vec<Vec<String>> {
    let outcome = &found.outcome;
    let route = |(name, latency): (&String, &Percentiles)| {
        let statements = outcome.statements_by_name.get(name).copied().unwrap_or_default();
        let statuses = outcome.statuses.get(name).into_iter().flatten();
        let statuses: Vec<_> = statuses.map(|(status, count)| format!("{status}: {count}")).collect();
        vec![
            name.clone(),
            latency.count.to_string(),
            rounded(latency.p50),
            rounded(latency.p95),
            rounded(latency.p99),
            rounded(latency.max),
            format!("{} (≤ {})", rounded(statements.mean), statements.max),
            statuses.join(", "),
        ]
    };
    outcome.by_name.iter().map(route).collect()
}

fn verdicts(found: &Found) -> Vec<Vec<String>> {
    let verdicts = found.verdicts.iter();
    verdicts
        .map(|one| vec![one.what.clone(), one.limit.clone(), one.measured.clone(), one.word().to_owned()])
        .collect()
}

fn errors(found: &Found) -> Option<String> {
    let errors: Vec<_> =
        found.outcome.errors.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
    (!errors.is_empty()).then(|| errors.join(", "))
}

/// What the server took of the machine.
fn costs(found: &Found) -> String {
    let mut told = Vec::new();
    let samples = &found.outcome.server;
    if let (Some(last), Some(length)) = (samples.last(), u32::try_from(samples.len()).ok()) {
        let cpu = samples.iter().map(|sample| sample.cpu_percent).sum::<f64>() / f64::from(length);
        let most = samples.iter().map(|sample| sample.resident_bytes).max().unwrap_or_default();
        let descriptors = samples.iter().map(|sample| sample.descriptors).max().unwrap_or_default();
        told.push(format!(
            "server: CPU {} % of a core on average, memory {} MB at most and {} MB at the end, {descriptors} descriptors at most",
            rounded(cpu),
            rounded(count(most) / 1e6),
            rounded(count(last.resident_bytes) / 1e6),
        ));
    }
    if let Some(pool) = found.pool {
        let per_cent = |part: f64| rounded(part * 100.0);
        told.push(format!(
            "pool: {} % in use on average, {} % at most",
            per_cent(pool.mean),
            per_cent(pool.max)
        ));
    }
    told.join("; ")
}

fn warning(found: &Found) -> Option<String> {
    let late = found.outcome.late;
    if !found.measured {
        return Some(format!(
            "NOT MEASURED: the driver itself began {late} of {} requests more than 10 ms late. It tells of the machine, not of the server: lower the rate, or load from another machine.",
            found.outcome.requests
        ));
    }
    (late > 0).then(|| format!("The driver began {late} requests more than 10 ms after they were due."))
}

#[expect(clippy::cast_precision_loss, reason = "shown rounded")]
fn count(number: u64) -> f64 {
    number as f64
}

fn table(text: &mut String, head: &[&str], rows: &[Vec<String>]) {
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    for row in all() {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Names to the left, numbers to the right.
            let gap = " ".repeat(width - cell.chars().count());
            let is_name = place == 0 || place + 1 == row.len();
            let (before, after) =
                if is_name { (cell.as_str(), gap.as_str()) } else { (gap.as_str(), cell.as_str()) };
            line.extend([before, after, "  "]);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
