//! The table of budgets in `docs/performance.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context;

use crate::harness::paths;

const BEGIN: &str = "<!-- budgets: written by `target/debug/budgets --write` -->";
const END: &str = "<!-- /budgets -->";

/// What one request asked of the database: names of statements and the rows they gave, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked(pub Vec<(String, u64)>);

impl Asked {
    fn statements(&self) -> String {
        if self.0.is_empty() {
            return "–".to_owned();
        }
        // What runs more than once stands once, with how often.
        let mut counts: Vec<(&str, u64)> = Vec::new();
        for (name, _) in &self.0 {
            match counts.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name, 1)),
            }
        }
        let shown = counts.iter().map(|(name, count)| match count {
            1 => format!("`{name}`"),
            more => format!("`{name}` × {more}"),
        });
        shown.collect::<Vec<_>>().join(", ")
    }

    /// How often the statement ran that ran most.
    #[must_use]
    pub fn most_repeated(&self) -> usize {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, _) in &self.0 {
            *counts.entry(name).or_default() += 1;
        }
        counts.into_values().max().unwrap_or_default()
    }

    fn rows(&self) -> u64 {
        self.0.iter().map(|(_, rows)| rows).sum()
    }
}

/// One line: a route in some situation, and what it asked.
#[derive(Clone, Debug)]
pub struct Line {
    /// Method and path with its places.
    pub route: String,
    /// The situation.
    pub how: String,
    /// How many statements it may ask.
    pub most: usize,
    /// What it asked of `SQLite` and of Postgres; none where that is another thing each time.
    pub measured: Option<(Asked, Asked)>,
}

/// Writes the table.
#[must_use]
pub fn render(lines: &[Line]) -> String {
    let mut text = String::from("| route | statements | rows | which |\n| --- | --- | --- | --- |\n");
    for line in lines {
        let how = if line.how.is_empty() { String::new() } else { format!(", {}", line.how) };
        let Some((sqlite, postgres)) = &line.measured else {
            let most = line.most;
            // Writing into a string can't fail.
            let _ = writeln!(
                text,
                "| `{}`{how} | {most} at most | | as much as there is to tell of what servers saw meanwhile |",
                line.route
            );
            continue;
        };
        let both = |one: String, other: String| {
            if one == other { one } else { format!("{one}; SQLite: {other}") }
        };
        let _ = writeln!(
            text,
            "| `{}`{how} | {} | {} | {} |",
            line.route,
            both(postgres.0.len().to_string(), sqlite.0.len().to_string()),
            both(postgres.rows().to_string(), sqlite.rows().to_string()),
            both(postgres.statements(), sqlite.statements()),
        );
    }
    text
}

/// Gives the page that holds the table.
#[must_use]
pub fn page() -> PathBuf {
    paths::workspace().join("docs/performance.md")
}

/// Puts the table between its marks in a page's text.
pub fn put(page: &str, table: &str) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("no line {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("no line {END}"))?;
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

/// Tells whether the page holds this table.
pub fn is_current(table: &str) -> anyhow::Result<bool> {
    let text = fs::read_to_string(page())?;
    Ok(put(&text, table)? == text)
}

/// Writes the table into the page.
pub fn write(table: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(page())?;
    Ok(fs::write(page(), put(&text, table)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(statements: &[(&str, u64)]) -> Asked {
        Asked(statements.iter().map(|(name, rows)| ((*name).to_owned(), *rows)).collect())
    }

    #[test]
    fn a_line_tells_both_databases_where_they_differ() {
        let (sqlite, postgres) = (asked(&[("a", 1)]), asked(&[("a", 1), ("b", 2), ("b", 3)]));
        assert_eq!(postgres.most_repeated(), 2);
        let measured = Some((sqlite, postgres));
        let line = Line { route: "GET /x".to_owned(), how: "cold".to_owned(), most: 5, measured };
        let unsteady = Line { measured: None, how: String::new(), ..line.clone() };
        let table = render(&[unsteady, line]);
        assert!(table.contains("| `GET /x` | 5 at most | |"), "{table}");
        assert!(
            table.ends_with("| `GET /x`, cold | 3; SQLite: 1 | 6; SQLite: 1 | `a`, `b` × 2; SQLite: `a` |\n"),
            "{table}"
        );
    }

    #[test]
    fn the_table_stands_between_its_marks() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let written = put(&page, "new\n").unwrap();
        assert_eq!(written, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(put(&written, "new\n").unwrap(), written);
        assert!(put("nothing", "new").is_err());
    }
}
