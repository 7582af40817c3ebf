//! A comparison for people: a table, a page.

use std::fmt::Write as _;

use portico_measuring::{
    chart::{Bar, Chart},
    page::{Page, table},
};

use super::outcome::{Figures, Outcome, Worth, figure, shown};

/// The headers of the table of switches.
pub(crate) const HEADERS: [&str; 10] = [
    "switch",
    "asked",
    "p50 ms off → on",
    "p95 ms off → on",
    "answers/s off → on",
    "statements off → on",
    "bytes off → on",
    "off / on",
    "noise (off / off)",
    "verdict",
];

/// What the standard output shows.
pub(super) fn text(outcome: &Outcome) -> String {
    let headers = HEADERS.map(str::to_owned);
    let mut text = format!("{}\n\n{}\n\n", about(outcome), table(&headers, &rows(outcome)));
    for line in besides(outcome) {
        // Writing into a string can't fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

/// The report.
pub(super) fn page(outcome: &Outcome) -> Page {
    let bars: Vec<Bar> = outcome
        .switches
        .iter()
        .filter_map(|worth| {
            let ratio = worth.compared.first()?.ratio;
            Some(Bar { name: worth.switch.clone(), value: ratio.value, low: ratio.low, high: ratio.high })
        })
        .collect();
    let noise: Vec<Bar> = outcome
        .switches
        .iter()
        .filter_map(|worth| {
            let ratio = worth.compared.first()?.noise;
            Some(Bar { name: worth.switch.clone(), value: ratio.value, low: ratio.low, high: ratio.high })
        })
        .collect();
    let mut page = Page::new("What each optimisation is worth")
        .text(&about(outcome))
        .text(&outcome.machine.line())
        .code(&outcome.command)
        .table(&HEADERS, rows(outcome))
        .text(
            "A ratio is the geometric mean over the rounds of off / on, with its 95 % interval (Student's t on the logarithms); 2 means that on takes half. \
             Noise is the same of off against another server that is off as well. A switch counts as told apart when on differs from both of them to the same \
             side, and the nearest end of its interval lies farther from 1 than either end of the noise's.",
        )
        .chart(Chart::bars("Off / on: how many times longer it takes with the switch off", "times", Some(1.0), bars))
        .chart(Chart::bars("Off / off: the noise of the same run", "times", Some(1.0), noise))
        .heading("Besides");
    for line in besides(outcome) {
        page = page.text(&line);
    }
    page
}

fn about(outcome: &Outcome) -> String {
    let distance = match outcome.round_trip_ms {
        away if away > 0.0 => format!(", {} ms away", figure_short(away)),
        _ if outcome.database == "SQLite" => {
            ", which is never away: --db-latency measures a database that is".to_owned()
        }
        _ => String::new(),
    };
    format!(
        "Portico {} ({}), {} on {}{distance}; {} rounds of turns of {} s, {}.",
        outcome.machine.version,
        outcome.machine.commit.as_deref().unwrap_or("no commit known"),
        outcome.target,
        outcome.database,
        outcome.rounds,
        outcome.seconds,
        outcome.at,
    )
}

/// A row a switch.
pub(crate) fn rows(outcome: &Outcome) -> Vec<Vec<String>> {
    outcome.switches.iter().map(row).collect()
}

fn row(worth: &Worth) -> Vec<String> {
    let both = |of: fn(&Figures) -> Option<f64>| match (
        worth.ways.first().and_then(of),
        worth.ways.get(1).and_then(of),
    ) {
        (Some(off), Some(on)) => format!("{} → {}", figure_short(off), figure_short(on)),
        _ => "–".to_owned(),
    };
    let first = worth.compared.first();
    let what = |what: &str| if what == "p50" { String::new() } else { format!("{what} ") };
    vec![
        format!("`{}`", worth.switch),
        worth.measured.clone(),
        both(|way| Some(way.p50_ms)),
        both(|way| Some(way.p95_ms)),
        both(|way| way.per_second),
        both(|way| Some(way.statements)),
        both(|way| Some(way.bytes)),
        first.map_or_else(|| "–".to_owned(), |first| format!("{}{}", what(&first.what), shown(first.ratio))),
        first.map_or_else(|| "–".to_owned(), |first| shown(first.noise)),
        worth.words(),
    ]
}

/// What off means, and what else was compared, a line a switch.
fn besides(outcome: &Outcome) -> Vec<String> {
    outcome
        .switches
        .iter()
        .map(|worth| {
            let mut line = format!("{}: off means that {}.", worth.switch, worth.off_means);
            for compared in worth.compared.iter().skip(1) {
                let _ = write!(line, " {}: {}.", compared.what, compared.words());
            }
            if let [off, on, ..] = worth.ways.as_slice() {
                if let (Some(one), Some(other)) = (off.start_ms, on.start_ms) {
                    let _ = write!(line, " Start {} → {} ms.", figure_short(one), figure_short(other));
                }
                if let (Some(one), Some(other)) = (off.resident_mb, on.resident_mb) {
                    let _ = write!(line, " Memory {} → {} MB.", figure_short(one), figure_short(other));
                }
            }
            line
        })
        .collect()
}

/// A figure without places that say nothing.
fn figure_short(value: f64) -> String {
    let text = figure(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
