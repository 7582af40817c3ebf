//! The report as a table: a line a statement, and below it what is wrong and what helps.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use portico_sql::profile::{Finding, Profiled, Remedy, Repeat, Repeats};

/// What came of a statement over all its samples and plans.
struct Line<'a> {
    statement: &'a str,
    ms: Option<f64>,
    rows: Option<f64>,
    /// Each kind of finding once, at its first.
    findings: Vec<(&'a Finding, &'a Profiled)>,
    note: Option<&'a str>,
}

/// Writes the statements, the slowest first.
pub(super) fn write(out: &mut dyn Write, profiled: &[Profiled]) -> io::Result<()> {
    let lines = lines(profiled);
    writeln!(out, "{:>10}  {:>9}  {:>8}  statement", "worst ms", "most rows", "findings")?;
    for line in &lines {
        writeln!(
            out,
            "{:>10}  {:>9}  {:>8}  {}",
            line.ms.map_or_else(|| "–".to_owned(), |ms| format!("{ms:.3}")),
            line.rows.map_or_else(|| "–".to_owned(), |rows| format!("{rows:.0}")),
            line.findings.len(),
            line.statement
        )?;
        for (finding, profiled) in &line.findings {
            writeln!(out, "{:>12}{finding} [{} plan: {}]", "- ", profiled.planned.as_str(), profiled.shape)?;
            let (what, semicolon) = match &finding.remedy {
                Remedy::Sql(_) => ("try: ", ";"),
                Remedy::Words(_) => ("", "."),
            };
            writeln!(out, "{:>12}{what}{}{semicolon}", "", finding.remedy)?;
        }
        if let Some(note) = line.note {
            writeln!(out, "{:>12}{note}", "note: ")?;
        }
    }
    let wrong = lines.iter().filter(|line| !line.findings.is_empty()).count();
    writeln!(out, "\n{} statements, {wrong} with findings", lines.len())
}

fn lines(profiled: &[Profiled]) -> Vec<Line<'_>> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines: Vec<Line<'_>> = Vec::new();
    let most = |one: Option<f64>, other: Option<f64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    };
    for one in profiled {
        let place = *places.entry(&one.statement).or_insert(lines.len());
        if place == lines.len() {
            let statement = one.statement.as_str();
            lines.push(Line { statement, ms: None, rows: None, findings: Vec::new(), note: None });
        }
        let line = &mut lines[place];
        line.ms = most(line.ms, one.ms);
        line.rows = most(line.rows, one.rows);
        line.note = line.note.or(one.note.as_deref());
        for finding in &one.findings {
            let known = |(other, _): &(&Finding, &Profiled)| {
                other.trouble == finding.trouble && other.table == finding.table
            };
            if !line.findings.iter().any(known) {
                line.findings.push((finding, one));
            }
        }
    }
    lines.sort_by(|one, other| other.ms.unwrap_or(0.0).total_cmp(&one.ms.unwrap_or(0.0)));
    lines
}

/// Writes what repeats.
pub(super) fn write_repeats(out: &mut dyn Write, repeats: &Repeats) -> io::Result<()> {
    if repeats.found.is_empty() {
        return writeln!(out, "{} requests: no statement ran many times in one", repeats.requests);
    }
    writeln!(out, "{:>7}  {:>8}  {:<40}  route", "at most", "requests", "statement")?;
    for repeat in &repeats.found {
        writeln!(
            out,
            "{:>7}  {:>8}  {:<40}  {} (worst: request {})",
            repeat.most, repeat.requests, repeat.statement, repeat.route, repeat.request_id
        )?;
    }
    writeln!(out, "\nN+1 reads in {} requests. {}.", repeats.requests, Repeat::REMEDY)
}
