//! A part of the card for each kind of measurement.

use std::collections::BTreeSet;

use portico_domain::settings::Switch;
use portico_measuring::page::table;
use serde_json::Value;

use super::measured::Measured;
use crate::commands::compare::outcome::{Outcome, Worth, shown};

/// What each switch is worth, a row a switch, a column a run.
pub(super) fn switches(measured: &Measured) -> Option<String> {
    let runs: Vec<&Outcome> = measured.compared.values().collect();
    if runs.is_empty() {
        return None;
    }
    let mut headers = vec!["switch".to_owned(), "asked".to_owned()];
    for run in &runs {
        let away =
            if run.round_trip_ms > 0.0 { format!(", {} ms away", run.round_trip_ms) } else { String::new() };
        headers.push(format!("{}, {}{away}", run.target, run.database));
        headers.push("statements off → on".to_owned());
        headers.push("noise".to_owned());
    }
    let rows = Switch::ALL.iter().filter_map(|switch| {
        let of = |run: &&Outcome| run.switches.iter().find(|worth| worth.switch == switch.name()).cloned();
        let worths: Vec<Option<Worth>> = runs.iter().map(of).collect();
        let asked = worths.iter().flatten().next()?.measured.clone();
        let mut row = vec![format!("`{}`", switch.name()), asked];
        for worth in worths {
            row.extend(cells(worth.as_ref()));
        }
        Some(row)
    });
    let rows: Vec<_> = rows.collect();
    let mut text = table(&headers, &rows);
    let besides: Vec<String> = runs
        .iter()
        .flat_map(|run| {
            run.switches.iter().flat_map(|worth| {
                worth.compared.iter().skip(1).map(|compared| {
                    format!("- {}, `{}`, {}: {}", run.target, worth.switch, compared.what, compared.words())
                })
            })
        })
        .collect();
    if !besides.is_empty() {
        text.push_str("\n\nBesides:\n\n");
        text.push_str(&besides.join("\n"));
    }
    Some(text)
}

fn cells(worth: Option<&Worth>) -> [String; 3] {
    let Some(worth) = worth else { return ["not measured", "–", "–"].map(str::to_owned) };
    let what = match worth.compared.first() {
        Some(first) if first.what != "p50" => format!("{}: ", first.what),
        _ => String::new(),
    };
    let statements = match worth.ways.as_slice() {
        [off, on, ..] => format!("{} → {}", number(off.statements), number(on.statements)),
        _ => "–".to_owned(),
    };
    let noise = worth.compared.first().map_or_else(|| "–".to_owned(), |first| shown(first.noise));
    [format!("{what}{}", worth.words()), statements, noise]
}

/// How each load was borne, and which thresholds held.
pub(super) fn loads(measured: &Measured) -> Option<String> {
    let headers = [
        "scenario",
        "server",
        "driver",
        "load",
        "s",
        "answered/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "failed",
        "statements, mean (most)",
        "thresholds",
    ];
    let rows: Vec<Vec<String>> = measured.loads.values().map(load).collect();
    (!rows.is_empty()).then(|| table(&headers.map(str::to_owned), &rows))
}

fn load(value: &Value) -> Vec<String> {
    let text = |name: &str| value[name].as_str().unwrap_or("–").to_owned();
    let outcome = &value["outcome"];
    let latency = |name: &str| cell(&outcome["latency"][name]);
    let failed: u64 =
        outcome["errors"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    let verdicts = value["verdicts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let broken: Vec<String> = verdicts
        .iter()
        .filter(|verdict| verdict["holds"].as_bool() == Some(false))
        .map(|verdict| {
            format!(
                "{} {} (limit {})",
                plain(&verdict["what"]),
                plain(&verdict["measured"]),
                plain(&verdict["limit"])
            )
        })
        .collect();
    let thresholds = match (value["measured"].as_bool(), verdicts.len(), broken.is_empty()) {
        (Some(false), ..) => "NOT MEASURED: the driver could not keep the rate".to_owned(),
        (_, 0, _) => "none".to_owned(),
        (_, count, true) => {
            let told = |verdict: &&Value| verdict["holds"].as_bool().is_none();
            match verdicts.iter().filter(told).count() {
                0 => format!("all {count} held"),
                unclear => format!("{} of {count} held, {unclear} can't be told", count - unclear),
            }
        }
        (_, _, false) => format!("NOT HELD: {}", broken.join("; ")),
    };
    vec![
        text("scenario"),
        format!("{} {}", text("target"), text("database")).trim().to_owned(),
        text("driver"),
        text("load"),
        cell(&outcome["seconds"]),
        cell(&outcome["per_second"]),
        latency("p50"),
        latency("p95"),
        latency("p99"),
        format!("{failed} of {}", plain(&outcome["requests"])),
        format!("{} ({})", cell(&outcome["statements"]["mean"]), plain(&outcome["statements"]["max"])),
        thresholds,
    ]
}

/// What a server takes at rest and under little load: every figure that the files name.
pub(super) fn baselines(measured: &Measured) -> Option<String> {
    let mut flat: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for (name, value) in &measured.baselines {
        let mut figures = Vec::new();
        for (member, value) in value.as_object().into_iter().flatten() {
            if !["kind", "at", "commit", "machine", "command"].contains(&member.as_str()) {
                flatten(member, value, &mut figures);
            }
        }
        flat.push((name.clone(), figures));
    }
    if flat.is_empty() {
        return None;
    }
    let mut seen = BTreeSet::new();
    let names: Vec<String> = flat
        .iter()
        .flat_map(|(_, figures)| figures.iter().map(|(name, _)| name.clone()))
        .filter(|name| seen.insert(name.clone()))
        .collect();
    let headers: Vec<String> =
        std::iter::once("figure".to_owned()).chain(flat.iter().map(|(name, _)| name.clone())).collect();
    let rows: Vec<Vec<String>> = names
        .into_iter()
        .map(|name| {
            let of = |figures: &[(String, String)]| {
                figures
                    .iter()
                    .find(|(other, _)| *other == name)
                    .map_or_else(|| "–".to_owned(), |(_, value)| value.clone())
            };
            let cells: Vec<String> = flat.iter().map(|(_, figures)| of(figures)).collect();
            std::iter::once(name).chain(cells).collect()
        })
        .collect();
    Some(table(&headers, &rows))
}

/// Numbers and words at any depth. Lists are of things with names, or series, which a card doesn't show.
fn flatten(name: &str, value: &Value, figures: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(member, value)| flatten(&format!("{name} {member}"), value, figures));
        }
        Value::Array(members) => {
            for member in members {
                let Some(own) = member["name"].as_str() else { continue };
                let rest = member.as_object().into_iter().flatten().filter(|(name, _)| *name != "name");
                rest.for_each(|(name, value)| flatten(&format!("{own} {name}"), value, figures));
            }
        }
        Value::Number(bytes) if name.ends_with("_bytes") => {
            let mb = bytes.as_f64().map_or_else(String::new, |bytes| number(bytes / 1e6));
            figures.push((name.trim_end_matches("_bytes").replace('_', " ") + " MB", mb));
        }
        Value::Number(_) => figures.push((name.replace('_', " "), cell(value))),
        Value::String(text) => figures.push((name.replace('_', " "), text.clone())),
        Value::Bool(_) | Value::Null => {}
    }
}

/// The Worker's benches, a table each.
pub(super) fn worker(measured: &Measured) -> Option<String> {
    let tables: Vec<String> = measured
        .worker
        .iter()
        .filter_map(|(bench, rows)| {
            let headers: Vec<String> = rows.first()?.as_object()?.keys().cloned().collect();
            let rows: Vec<Vec<String>> =
                rows.iter().map(|row| headers.iter().map(|header| plain(&row[header])).collect()).collect();
            Some(format!("`runtime-worker/bench/run {bench}`\n\n{}", table(&headers, &rows)))
        })
        .collect();
    (!tables.is_empty()).then(|| tables.join("\n\n"))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}

fn cell(value: &Value) -> String {
    value.as_f64().map_or_else(|| plain(value), number)
}

/// A number with three figures or so.
fn number(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
