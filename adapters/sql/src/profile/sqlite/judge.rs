//! What is wrong with a plan of `SQLite`. Its plans hold no counts, so that tables' sizes and the statement's time stand in for them.

use std::collections::BTreeMap;

use super::plan::{Access, Node, Step};
use crate::{
    driver::Dialect,
    profile::{
        conditions::{Comparison, Schema, Token, compared, sorted_column, tokens},
        finding::{Finding, Remedy, Thresholds, Trouble},
        remedy,
    },
};

/// Names everything in the plan of `text` that is beyond a threshold. `ms` is how long the statement took, where it was run.
#[must_use]
pub fn judge(
    text: &str,
    plan: &[Node],
    schema: &Schema,
    ms: Option<f64>,
    thresholds: &Thresholds,
) -> Vec<Finding> {
    let names = aliases(text, schema);
    let mut judge = Judge { text, names: &names, schema, thresholds, found: Vec::new() };
    judge.group(plan);
    if let Some(ms) = ms.filter(|ms| *ms > thresholds.max_ms) {
        let fix = (Vec::new(), Remedy::Words("The other findings say why; without any, read fewer rows"));
        judge.add(Trouble::Slow, None, fix, vec![("ms", ms)]);
    }
    let mut found = judge.found;
    found.sort_by_key(|finding| finding.trouble);
    found
}

struct Judge<'a> {
    text: &'a str,
    names: &'a BTreeMap<String, String>,
    schema: &'a Schema,
    thresholds: &'a Thresholds,
    found: Vec<Finding>,
}

impl Judge<'_> {
    fn add(
        &mut self,
        trouble: Trouble,
        table: Option<&str>,
        (columns, remedy): (Vec<String>, Remedy),
        figures: Vec<(&'static str, f64)>,
    ) {
        let table = table.map(str::to_owned);
        self.found.push(Finding { trouble, table, columns, figures, remedy });
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Scan { table: name, access: Access::Table | Access::Index { .. } | Access::RowId } => {
                let Some(table) = self.names.get(name) else { return };
                let rows = self.schema.rows(table);
                if rows >= self.thresholds.min_rows {
                    let columns = compared(self.text, table, Some(name), self.schema);
                    let fix = remedy::index(Dialect::Sqlite, table, &columns, &[]);
                    self.add(Trouble::SequentialScan, Some(table), fix, vec![("rows of the table", rows)]);
                }
            }
            Step::Search { table: name, access: Access::Automatic, condition } => {
                let Some(table) = self.names.get(name) else { return };
                let rows = self.schema.rows(table);
                if rows >= self.thresholds.min_rows {
                    let asked = condition.split(" AND ").filter_map(|part| {
                        let end = part.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
                        Some((part[..end].to_owned(), Comparison::Equal))
                    });
                    let asked: Vec<_> = asked.collect();
                    let fix = remedy::index(Dialect::Sqlite, table, &asked, &[]);
                    self.add(Trouble::AutomaticIndex, Some(table), fix, vec![("rows of the table", rows)]);
                }
            }
            _ => {}
        }
    }

    /// Steps that stand beside each other are one query: what sorts there sorts what is read there.
    fn group(&mut self, nodes: &[Node]) {
        for node in nodes {
            self.step(&node.step);
            self.group(&node.below);
        }
        if nodes.iter().any(|node| matches!(&node.step, Step::TempBTree(what) if what.ends_with("ORDER BY")))
        {
            self.sort(nodes);
        }
    }

    /// Whether a step may bring many rows at a time: all of a table, or those of a key that isn't unique.
    fn brings_many(&self, step: &Step, name: &str, table: &str) -> bool {
        match step {
            Step::Scan { table: read, access } => read == name && !matches!(access, Access::Virtual),
            Step::Search { table: read, access, condition } => {
                let asked = condition.matches("=?").count();
                let unique = match access {
                    Access::RowId => condition.starts_with("rowid=?"),
                    Access::Index { name, .. } => self.schema.unique_columns(table, name) == Some(asked),
                    _ => false,
                };
                read == name && !unique
            }
            _ => false,
        }
    }

    /// How many rows are sorted isn't told; a table of so many rows can bring as many.
    fn sort(&mut self, nodes: &[Node]) {
        for keys in orders(self.text) {
            let columns: Option<Vec<_>> = keys.iter().map(|key| sorted_column(key)).collect();
            let Some(columns) = columns else { continue };
            let table = self.names.iter().find(|(alias, table)| {
                let all = columns.iter().all(|(owner, name, _)| {
                    owner.as_deref().is_none_or(|owner| owner == alias.as_str())
                        && self.schema.has(table, name)
                });
                all && self.schema.rows(table) >= self.thresholds.sorted_rows
                    && nodes.iter().any(|node| self.brings_many(&node.step, alias, table))
            });
            let Some((alias, table)) = table else { continue };
            let mut equal = compared(self.text, table, Some(alias), self.schema);
            equal.retain(|(_, how)| *how == Comparison::Equal);
            let sorted: Vec<(String, bool)> =
                columns.into_iter().map(|(_, name, descending)| (name, descending)).collect();
            let fix = remedy::index(Dialect::Sqlite, table, &equal, &sorted);
            let figures = vec![("rows of the table", self.schema.rows(table))];
            self.add(Trouble::SortAnIndexCouldGive, Some(table), fix, figures);
        }
    }
}

/// What a statement calls its tables, the tables' own names among them.
fn aliases(text: &str, schema: &Schema) -> BTreeMap<String, String> {
    const KEYWORDS: [&str; 16] = [
        "WHERE",
        "ON",
        "JOIN",
        "LEFT",
        "INNER",
        "CROSS",
        "SET",
        "ORDER",
        "GROUP",
        "LIMIT",
        "USING",
        "UNION",
        "RETURNING",
        "VALUES",
        "INDEXED",
        "SELECT",
    ];
    let tokens = tokens(text);
    let mut found = BTreeMap::new();
    for (place, token) in tokens.iter().enumerate() {
        let Token::Name(table) = token else { continue };
        if !schema.tables.contains_key(table) {
            continue;
        }
        found.insert(table.clone(), table.clone());
        let mut next = tokens[place + 1..].iter();
        let alias = match next.next() {
            Some(Token::Name(word)) if word.eq_ignore_ascii_case("AS") => next.next(),
            other => other,
        };
        if let Some(Token::Name(alias)) = alias
            && KEYWORDS.iter().all(|word| !alias.eq_ignore_ascii_case(word))
        {
            found.insert(alias.clone(), table.clone());
        }
    }
    found
}

/// The keys of each `ORDER BY` of a statement.
fn orders(text: &str) -> Vec<Vec<String>> {
    let plain: String =
        text.lines().map(|line| line.split("--").next().unwrap_or("")).collect::<Vec<_>>().join(" ");
    let words: Vec<&str> = plain.split_whitespace().collect();
    let plain = words.join(" ");
    let mut found = Vec::new();
    for (place, _) in plain.match_indices("ORDER BY ") {
        let (mut depth, mut keys, mut key) = (0_i32, Vec::new(), String::new());
        let rest = &plain[place + "ORDER BY ".len()..];
        for (at, letter) in rest.char_indices() {
            let ends = [" LIMIT ", " RETURNING ", " UNION ", " ON CONFLICT "];
            if depth == 0 && (letter == ')' || ends.iter().any(|end| rest[at..].starts_with(end))) {
                break;
            }
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            if depth == 0 && letter == ',' {
                keys.push(std::mem::take(&mut key).trim().to_owned());
            } else {
                key.push(letter);
            }
        }
        keys.push(key.trim().to_owned());
        found.push(keys);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{conditions::schema, sqlite::plan::parse};

    fn judged(text: &str, lines: &[&str]) -> Vec<Finding> {
        let schema = schema(&[
            ("books", 10_000.0, &["id", "author", "title", "created_at"]),
            ("order_items", 20_000.0, &["order_id", "book_id"]),
            ("cache_adoptions", 3.0, &["prefix"]),
        ]);
        let rows: Vec<_> = (1..).zip(lines).map(|(id, line)| (id, 0, (*line).to_owned())).collect();
        judge(text, &parse(&rows), &schema, Some(5.0), &Thresholds::default())
    }

    #[test]
    fn a_scan_is_told_by_the_tables_own_name() {
        let found = judged("SELECT b.id FROM books AS b WHERE b.title = $1", &["SCAN b"]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].trouble, found[0].table.as_deref()), (Trouble::SequentialScan, Some("books")));
        assert_eq!(found[0].remedy.to_string(), "CREATE INDEX books_title_idx ON books (title)");
        let found = judged("SELECT id FROM books", &["SCAN books USING COVERING INDEX books_id_idx"]);
        assert_eq!(found[0].trouble, Trouble::SequentialScan);
    }

    #[test]
    fn small_tables_and_rows_that_a_condition_names_are_nothing_to_tell() {
        assert_eq!(judged("SELECT prefix FROM cache_adoptions", &["SCAN cache_adoptions"]), []);
        let search = "SEARCH books USING INDEX books_id_idx (id=?)";
        assert_eq!(judged("SELECT title FROM books WHERE id = $1", &[search]), []);
        assert_eq!(judged("SELECT value FROM json_each($1) AS f", &["SCAN f VIRTUAL TABLE INDEX 1:"]), []);
    }

    #[test]
    fn a_sort_by_columns_names_the_index_and_one_by_an_expression_is_let_be() {
        let lines = ["SEARCH books USING INDEX books_author_idx (author=?)", "USE TEMP B-TREE FOR ORDER BY"];
        let text = "-- Lists. ORDER BY nothing\nSELECT id FROM books WHERE author = $1\nORDER BY created_at DESC, id DESC LIMIT $2";
        let found = judged(text, &lines);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].trouble, Trouble::SortAnIndexCouldGive);
        assert_eq!(
            found[0].remedy.to_string(),
            "CREATE INDEX books_author_created_at_id_idx ON books (author, created_at, id)"
        );
        let ranked = "SELECT id FROM books WHERE author = $1 ORDER BY bm25(books_search), id";
        assert_eq!(judged(ranked, &lines), []);
    }

    #[test]
    fn rows_that_a_unique_key_names_are_few_to_sort() {
        let lines = [
            "SCAN f VIRTUAL TABLE INDEX 1:",
            "SEARCH b USING INDEX books_id_key (id=?)",
            "USE TEMP B-TREE FOR ORDER BY",
        ];
        let text = "SELECT b.title FROM json_each($1) AS f CROSS JOIN books AS b ON b.id = f.value ORDER BY b.created_at, b.id";
        let mut schema = schema(&[("books", 10_000.0, &["id", "title", "created_at"])]);
        let rows: Vec<_> = (1..).zip(lines).map(|(id, line)| (id, 0, line.to_owned())).collect();
        let found = |schema: &Schema| judge(text, &parse(&rows), schema, None, &Thresholds::default()).len();
        assert_eq!(found(&schema), 1);
        if let Some(table) = schema.tables.get_mut("books") {
            table.unique.insert("books_id_key".to_owned(), 1);
        }
        assert_eq!(found(&schema), 0);
    }

    #[test]
    fn an_automatic_index_is_one_that_should_be_there() {
        let line = "SEARCH i USING AUTOMATIC COVERING INDEX (order_id=?)";
        let found = judged("SELECT i.book_id FROM order_items i WHERE i.order_id = $1", &[line]);
        assert_eq!(found[0].trouble, Trouble::AutomaticIndex);
        assert_eq!(
            found[0].remedy.to_string(),
            "CREATE INDEX order_items_order_id_idx ON order_items (order_id)"
        );
    }

    #[test]
    fn time_is_told_from_its_threshold_on() {
        let schema = Schema::default();
        let found = judge("SELECT 1", &[], &schema, Some(100.5), &Thresholds::default());
        assert_eq!((found.len(), found[0].trouble), (1, Trouble::Slow));
    }
}
