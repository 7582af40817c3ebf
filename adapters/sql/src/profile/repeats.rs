//! The same statement many times in one request: what an N+1 read looks like from outside.
//!
//! A server that is told `PORTICO_RECORD_STATEMENTS=FILE` writes a line a request:
//!
//! ```json
//! {"request_id":"r-1","route":"GET /api/v1/orders","path":"/api/v1/orders","status":200,"statements":[{"name":"orders_list_desc","rows":20,"micros":310}]}
//! ```

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A route that ran one statement many times in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeat {
    /// Method and path with its places, as in `GET /api/v1/orders/{id}`.
    pub route: String,
    /// The statement.
    pub statement: String,
    /// How often it ran in the worst request.
    pub most: u64,
    /// How many requests ran it too often.
    pub requests: u64,
    /// A request to look at: the worst.
    pub request_id: String,
}

/// What a recording comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repeats {
    /// How many requests were recorded.
    pub requests: u64,
    /// The routes to look at, the worst first.
    pub found: Vec<Repeat>,
}

/// A line that is no record of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not the record of a request: {why}")]
pub struct Unreadable {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Repeats {
    /// Reads a recording. A statement that ran `threshold` times or more in one request is told. A last line without its end is a write that was
    /// under way, and is left out.
    ///
    /// # Errors
    /// [`Unreadable`], for the first line that is no record.
    pub fn read(recording: &str, threshold: u64) -> Result<Self, Unreadable> {
        let mut requests = 0;
        let mut found: BTreeMap<(String, String), Repeat> = BTreeMap::new();
        let whole = recording.rfind('\n').map_or("", |end| &recording[..end]);
        for (place, line) in whole.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |why| Unreadable { line: place + 1, why };
            let record: Value = serde_json::from_str(line).map_err(|_| wrong("it is no JSON"))?;
            let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
            let route = text("route").ok_or(wrong("it names no route"))?;
            let request_id = text("request_id").unwrap_or_default();
            let statements = record.get("statements").and_then(Value::as_array);
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            for sent in statements.ok_or(wrong("it lists no statements"))? {
                let name =
                    sent.get("name").and_then(Value::as_str).ok_or(wrong("a statement has no name"))?;
                *counts.entry(name).or_default() += 1;
            }
            requests += 1;
            for (name, count) in counts.into_iter().filter(|(_, count)| *count >= threshold.max(2)) {
                let key = (route.clone(), name.to_owned());
                let repeat = found.entry(key).or_insert_with(|| Repeat {
                    route: route.clone(),
                    statement: name.to_owned(),
                    most: 0,
                    requests: 0,
                    request_id: String::new(),
                });
                repeat.requests += 1;
                if count > repeat.most {
                    (repeat.most, repeat.request_id) = (count, request_id.clone());
                }
            }
        }
        let mut found: Vec<Repeat> = found.into_values().collect();
        found.sort_by_key(|repeat| std::cmp::Reverse(repeat.most));
        Ok(Self { requests, found })
    }
}

impl Repeat {
    /// As a member of a report.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "finding": "n_plus_one",
            "route": self.route,
            "statement": self.statement,
            "most_in_one_request": self.most,
            "requests": self.requests,
            "request_id": self.request_id,
            "remedy": { "sql": null, "advice": Self::REMEDY },
        })
    }

    /// What helps.
    pub const REMEDY: &str =
        "Ask for all rows in one statement: a join, or a list of keys (= ANY($1), json_each($1))";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str, route: &str, statements: &[&str]) -> String {
        let statements: Vec<Value> =
            statements.iter().map(|name| json!({ "name": name, "rows": 1, "micros": 9 })).collect();
        json!({ "request_id": id, "route": route, "status": 200, "statements": statements }).to_string()
            + "\n"
    }

    #[test]
    fn a_statement_for_each_row_is_found_with_its_worst_request() {
        let list = "GET /api/v1/orders";
        let one = [vec!["orders_list"], vec!["order_items_of"; 5]].concat();
        let many = [vec!["orders_list"], vec!["order_items_of"; 20]].concat();
        let recording =
            line("a", list, &one) + &line("b", list, &many) + &line("c", "GET /health", &[]) + "\n";
        let repeats = Repeats::read(&recording, 3).unwrap();
        assert_eq!(repeats.requests, 3);
        assert_eq!(
            repeats.found,
            [Repeat {
                route: list.to_owned(),
                statement: "order_items_of".to_owned(),
                most: 20,
                requests: 2,
                request_id: "b".to_owned(),
            }]
        );
        assert_eq!(repeats.found[0].to_json()["finding"], "n_plus_one");
        assert_eq!(Repeats::read(&recording, 21).unwrap().found, []);
    }

    #[test]
    fn different_statements_and_repetitions_over_requests_are_no_repetition() {
        let line = line("a", "GET /api/v1/books", &["one", "two", "three"]);
        assert_eq!(Repeats::read(&line.repeat(10), 2).unwrap(), Repeats { requests: 10, found: Vec::new() });
    }

    #[test]
    fn what_is_no_record_is_named_and_a_cut_end_is_left_out() {
        let good = line("a", "GET /", &[]);
        let cut = format!("{good}{{\"route\": \"GE");
        assert_eq!(Repeats::read(&cut, 2).unwrap().requests, 1);
        for (bad, why) in [
            ("x", "it is no JSON"),
            ("{}", "it names no route"),
            ("{\"route\":\"/\"}", "it lists no statements"),
        ] {
            let told = Repeats::read(&format!("{good}{bad}\n"), 2).unwrap_err();
            assert_eq!(told, Unreadable { line: 2, why });
        }
    }
}
