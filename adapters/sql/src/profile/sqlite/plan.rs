//! A plan of `SQLite`, read from the rows of `EXPLAIN QUERY PLAN` into typed steps.

/// How a step finds its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It reads all of the table.
    Table,
    /// By the number that the table is kept in order of.
    RowId,
    /// By an index, and then in the table; `covering` when the index holds all that is wanted.
    Index {
        /// Which.
        name: String,
        /// Whether the table isn't looked at.
        covering: bool,
    },
    /// By an index that is built for this statement and then thrown away.
    Automatic,
    /// As a virtual table sees fit.
    Virtual,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reads all that there is, in the order of the table or of an index.
    Scan {
        /// The table, or what the statement calls it.
        table: String,
        /// What is read.
        access: Access,
    },
    /// Reads what a condition names.
    Search {
        /// The table, or what the statement calls it.
        table: String,
        /// What is asked.
        access: Access,
        /// The condition, as in `author=? AND created_at<?`.
        condition: String,
    },
    /// Sorts, for `ORDER BY`, `GROUP BY` or `DISTINCT`.
    TempBTree(String),
    /// A query within an expression that is asked anew for each row.
    Correlated,
    /// Anything that nothing is said about.
    Other(String),
}

/// A step and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The step.
    pub step: Step,
    /// The steps below it.
    pub below: Vec<Node>,
}

/// Reads the rows of `EXPLAIN QUERY PLAN`: id, id of the step above (0 for none), text.
#[must_use]
pub fn parse(rows: &[(i64, i64, String)]) -> Vec<Node> {
    below(rows, 0)
}

fn below(rows: &[(i64, i64, String)], above: i64) -> Vec<Node> {
    let children = rows.iter().filter(|(id, parent, _)| *parent == above && *id != above);
    children.map(|(id, _, text)| Node { step: step(text), below: below(rows, *id) }).collect()
}

fn step(text: &str) -> Step {
    if let Some(what) = text.strip_prefix("USE TEMP B-TREE FOR ") {
        return Step::TempBTree(what.to_owned());
    }
    if text.starts_with("CORRELATED ") {
        return Step::Correlated;
    }
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !matches!(verb, "SCAN" | "SEARCH") {
        return Step::Other(text.to_owned());
    }
    let (table, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    // Rows without a table, and (in brackets) queries within.
    if table == "CONSTANT" || table.starts_with('(') || rest.starts_with("SUBQUERY") {
        return Step::Other(text.to_owned());
    }
    let (table, rest) = (table.to_owned(), rest.trim_end_matches(" LEFT-JOIN"));
    let (how, condition) = match rest.find(" (") {
        Some(place) => (&rest[..place], rest[place + 2..].trim_end_matches(')').to_owned()),
        None => (rest, String::new()),
    };
    let access = access(how);
    if verb == "SCAN" { Step::Scan { table, access } } else { Step::Search { table, access, condition } }
}

fn access(how: &str) -> Access {
    let index = |name: &str, covering| Access::Index { name: name.to_owned(), covering };
    if how.contains("AUTOMATIC") {
        Access::Automatic
    } else if how.starts_with("VIRTUAL TABLE") {
        Access::Virtual
    } else if how.starts_with("USING INTEGER PRIMARY KEY") {
        Access::RowId
    } else if let Some(name) = how.strip_prefix("USING COVERING INDEX ") {
        index(name, true)
    } else if let Some(name) = how.strip_prefix("USING INDEX ") {
        index(name, false)
    } else {
        Access::Table
    }
}

impl Node {
    /// Shows this step and all below it to `look`.
    pub fn walk<'a>(&'a self, look: &mut dyn FnMut(&'a Self)) {
        look(self);
        for below in &self.below {
            below.walk(look);
        }
    }

    /// The step in a few words.
    #[must_use]
    pub fn shape(&self) -> String {
        let own = match &self.step {
            Step::Scan { table, access } => format!("scan {table}{}", shown(access)),
            Step::Search { table, access, .. } => format!("search {table}{}", shown(access)),
            Step::TempBTree(what) => format!("sort for {what}"),
            Step::Correlated => "for each row".to_owned(),
            Step::Other(text) => text.to_lowercase(),
        };
        if self.below.is_empty() {
            return own;
        }
        let below: Vec<String> = self.below.iter().map(Self::shape).collect();
        format!("{own} > ({})", below.join(" + "))
    }
}

fn shown(access: &Access) -> String {
    match access {
        Access::Table | Access::Virtual => String::new(),
        Access::RowId => " by row id".to_owned(),
        Access::Index { name, .. } => format!(" by {name}"),
        Access::Automatic => " by an automatic index".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(table: &str, access: Access, condition: &str) -> Step {
        Step::Search { table: table.to_owned(), access, condition: condition.to_owned() }
    }

    #[test]
    fn lines_become_steps() {
        let index = |name: &str, covering| Access::Index { name: format!("{name}_idx"), covering };
        for (text, expected) in [
            ("SCAN books", Step::Scan { table: "books".to_owned(), access: Access::Table }),
            (
                "SCAN b USING COVERING INDEX books_idx",
                Step::Scan { table: "b".to_owned(), access: index("books", true) },
            ),
            (
                "SEARCH books USING INDEX books_idx (author=? AND (created_at,id)<(?,?))",
                search("books", index("books", false), "author=? AND (created_at,id)<(?,?"),
            ),
            ("SEARCH u USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN", search("u", Access::RowId, "rowid=?")),
            (
                "SEARCH i USING AUTOMATIC COVERING INDEX (order_id=?)",
                search("i", Access::Automatic, "order_id=?"),
            ),
            ("SCAN f VIRTUAL TABLE INDEX 1:", Step::Scan { table: "f".to_owned(), access: Access::Virtual }),
            ("SCAN CONSTANT ROW", Step::Other("SCAN CONSTANT ROW".to_owned())),
            ("USE TEMP B-TREE FOR ORDER BY", Step::TempBTree("ORDER BY".to_owned())),
            ("CORRELATED SCALAR SUBQUERY 1", Step::Correlated),
        ] {
            assert_eq!(step(text), expected, "{text}");
        }
    }

    #[test]
    fn steps_stand_below_the_ones_they_belong_to() {
        let rows = [
            (3, 0, "CO-ROUTINE h".to_owned()),
            (7, 3, "SEARCH d USING INDEX days (day>?)".to_owned()),
            (20, 0, "SCAN h".to_owned()),
        ];
        let plan = parse(&rows);
        assert_eq!((plan.len(), plan[0].below.len()), (2, 1));
        assert_eq!(plan[0].shape(), "co-routine h > (search d by days)");
    }
}
