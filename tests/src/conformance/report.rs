//! The table of cases × set-ups.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::run::CaseResult;

/// So many of the slowest cases are named for each set-up.
const SLOWEST: usize = 5;

/// Holds the results of one set-up.
pub struct Column {
    /// The set-up's name.
    pub set_up: String,
    /// Its results.
    pub results: Vec<CaseResult>,
    /// How long the suite took there.
    pub took: Duration,
}

/// Gives the table, the failures with their reasons, and the closing line. A case that is missing in a set-up counts as failed there.
#[must_use]
pub fn table(columns: &[Column]) -> (String, bool) {
    let mut names: Vec<&str> = Vec::new();
    for name in columns.iter().flat_map(|column| column.results.iter().map(|result| result.name.as_str())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let by_name: Vec<BTreeMap<&str, &CaseResult>> = columns
        .iter()
        .map(|column| column.results.iter().map(|result| (result.name.as_str(), result)).collect())
        .collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(4).max(4);
    let mut out = format!("{:width$}", "case");
    for column in columns {
        let _ = write!(out, "  {}", column.set_up);
    }
    out.push('\n');
    let (mut passed, mut failed, mut reasons) = (0, 0, String::new());
    for name in &names {
        let _ = write!(out, "{name:width$}");
        for (column, results) in columns.iter().zip(&by_name) {
            let failure = match results.get(name) {
                None => Some("did not run"),
                Some(result) => result.failure.as_deref(),
            };
            let word = if failure.is_none() { "ok" } else { "FAIL" };
            let _ = write!(out, "  {word:columns$}", columns = column.set_up.len());
            if let Some(failure) = failure {
                failed += 1;
                let _ = writeln!(reasons, "FAIL {} | {name}\n     {failure}", column.set_up);
            } else {
                passed += 1;
            }
        }
        let kept = out.trim_end().len();
        out.truncate(kept);
        out.push('\n');
    }
    out.push('\n');
    out.push_str(&reasons);
    for column in columns {
        let _ = writeln!(
            out,
            "{}: {} cases in {:.1} s",
            column.set_up,
            column.results.len(),
            column.took.as_secs_f64()
        );
    }
    for column in columns {
        let mut slowest: Vec<&CaseResult> = column.results.iter().collect();
        slowest.sort_by_key(|result| std::cmp::Reverse(result.took));
        for result in slowest.iter().take(SLOWEST) {
            let _ = writeln!(out, "{}: {:5.1} s  {}", column.set_up, result.took.as_secs_f64(), result.name);
        }
    }
    let _ = writeln!(out, "{passed} passed, {failed} failed");
    (out, failed == 0 && passed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(set_up: &str, results: &[(&str, Option<&str>)]) -> Column {
        let results = results
            .iter()
            .map(|(name, failure)| CaseResult {
                name: (*name).to_owned(),
                failure: failure.map(str::to_owned),
                took: Duration::ZERO,
            })
            .collect();
        Column { set_up: set_up.to_owned(), results, took: Duration::ZERO }
    }

    #[test]
    fn counts_each_cell_and_ends_with_the_sum() {
        let (text, green) =
            table(&[column("one", &[("a", None), ("b", Some("because"))]), column("two", &[("a", None)])]);
        assert!(!green);
        assert!(text.contains("FAIL one | b\n     because"), "{text}");
        assert!(text.contains("FAIL two | b\n     did not run"), "{text}");
        assert!(text.ends_with("2 passed, 2 failed\n"), "{text}");
    }

    #[test]
    fn nothing_run_is_not_green() {
        assert!(!table(&[]).1);
        assert!(table(&[column("one", &[("a", None)])]).1);
    }
}
