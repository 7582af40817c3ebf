//! A baseline for people.

use portico_measuring::page::Page;

use super::{
    compared::{Difference, mebibytes},
    figures::Figures,
};

/// What a server at rest should take, and what is aimed at.
const MEMORY: &str = "< 100 MiB (aim 25)";
const CPU: &str = "< 5 %";

/// The whole, as a page.
pub(super) fn page(figures: &Figures, compared: Option<&[Difference]>) -> Page {
    let database = figures.database.as_deref().map(|database| format!(" on {database}")).unwrap_or_default();
    let build = figures.machine.build();
    let mut page = Page::new("Baseline")
        .text(&format!("{}{database}, {build}, {}.", figures.target, figures.at))
        .text(&format!("{}.", figures.machine.line()))
        .heading("At rest")
        .table(&["what", "figure", "target"], rest(figures))
        .heading("At a low rate")
        .table(
            &[
                "route",
                "a second",
                "requests",
                "p50 ms",
                "p95 ms",
                "p99 ms",
                "max ms",
                "statements",
                "failed",
            ],
            routes(figures),
        );
    for unknown in &figures.unknown {
        page = page.text(&format!("Not known: {unknown}."));
    }
    if let Some(differences) = compared {
        page = page.heading("Compared").table(&["what", "before", "now", "at most", ""], rows(differences));
    }
    page
}

fn rest(figures: &Figures) -> Vec<Vec<String>> {
    let row = |what: &str, figure: Option<String>, target: &str| {
        vec![what.to_owned(), figure.unwrap_or_else(|| "not known".to_owned()), target.to_owned()]
    };
    let start = |ms: Option<f64>| ms.map(|ms| format!("{ms:.0} ms"));
    let idle = figures.idle;
    vec![
        row("first start to first answer", start(figures.first_start_ms), ""),
        row("second start", start(figures.second_start_ms), ""),
        row("CPU", idle.map(|idle| format!("{:.1} %", idle.cpu_percent)), CPU),
        row("resident memory", idle.map(|idle| format!("{:.1} MiB", mebibytes(idle.resident_bytes))), MEMORY),
        row(
            "resident memory after the routes",
            figures.resident_after_bytes.map(|bytes| format!("{:.1} MiB", mebibytes(bytes))),
            "",
        ),
        row("open descriptors", idle.map(|idle| idle.descriptors.to_string()), ""),
        row("threads", idle.map(|idle| idle.threads.to_string()), ""),
    ]
}

fn routes(figures: &Figures) -> Vec<Vec<String>> {
    let row = |route: &super::figures::RouteFigures| {
        let errors: Vec<String> =
            route.errors.iter().map(|(what, count)| format!("{count} × {what}")).collect();
        vec![
            route.name.clone(),
            format!("{:.0}", route.per_second),
            route.latency.count.to_string(),
            format!("{:.2}", route.latency.p50),
            format!("{:.2}", route.latency.p95),
            format!("{:.2}", route.latency.p99),
            format!("{:.2}", route.latency.max),
            format!("{:.2}", route.statements.mean),
            if errors.is_empty() { "0".to_owned() } else { errors.join(", ") },
        ]
    };
    figures.routes.iter().map(row).collect()
}

fn rows(differences: &[Difference]) -> Vec<Vec<String>> {
    let row = |difference: &Difference| {
        let figure = |value: f64| format!("{value:.2} {}", difference.unit).trim_end().to_owned();
        vec![
            difference.what.clone(),
            figure(difference.before),
            figure(difference.now),
            figure(difference.most),
            if difference.is_beyond() { "BEYOND" } else { "" }.to_owned(),
        ]
    };
    differences.iter().map(row).collect()
}
