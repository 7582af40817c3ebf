//! What can be wrong with a plan, and what helps.

use std::fmt;

use serde_json::{Value, json};

/// What is wrong, as engineers call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// A table, or a whole index, is read from end to end.
    SequentialScan,
    /// Rows are sorted in an order that an index keeps them in.
    SortAnIndexCouldGive,
    /// One side of a join is read anew for each row of the other, without an index.
    NestedLoopWithoutIndex,
    /// One side of a join is asked very often, if by an index.
    NestedLoopManyLoops,
    /// `SQLite` builds an index for the one statement.
    AutomaticIndex,
    /// Most of the rows that are read are thrown away.
    RowsRemovedByFilter,
    /// Sorting had too little memory.
    SortOnDisk,
    /// Many rows are sorted, in an order that no index gives.
    LargeSort,
    /// Hashing had too little memory.
    HashOnDisk,
    /// An index-only scan reads the table after all.
    HeapFetches,
    /// Many pages were not in memory.
    ReadsFromDisk,
    /// A bitmap forgot which rows of its pages were meant.
    LossyBitmap,
    /// Many more, or many fewer rows came than were planned for.
    BadEstimate,
    /// It took too long.
    Slow,
}

impl Trouble {
    /// Its word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SequentialScan => "sequential_scan",
            Self::SortAnIndexCouldGive => "sort_an_index_could_give",
            Self::NestedLoopWithoutIndex => "nested_loop_without_index",
            Self::NestedLoopManyLoops => "nested_loop_many_loops",
            Self::AutomaticIndex => "automatic_index",
            Self::RowsRemovedByFilter => "rows_removed_by_filter",
            Self::SortOnDisk => "sort_on_disk",
            Self::LargeSort => "large_sort",
            Self::HashOnDisk => "hash_on_disk",
            Self::HeapFetches => "heap_fetches",
            Self::ReadsFromDisk => "reads_from_disk",
            Self::LossyBitmap => "lossy_bitmap",
            Self::BadEstimate => "bad_estimate",
            Self::Slow => "slow",
        }
    }

    /// Whether no statement of this program may have it, on data of whatever size.
    #[must_use]
    pub const fn is_forbidden(self) -> bool {
        matches!(
            self,
            Self::SequentialScan
                | Self::SortAnIndexCouldGive
                | Self::NestedLoopWithoutIndex
                | Self::AutomaticIndex
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SequentialScan => "sequential scan",
            Self::SortAnIndexCouldGive => "sort that an index could give",
            Self::NestedLoopWithoutIndex => "nested loop without an index",
            Self::NestedLoopManyLoops => "nested loop with many loops",
            Self::AutomaticIndex => "automatic index",
            Self::RowsRemovedByFilter => "rows removed by filter",
            Self::SortOnDisk => "sort on disk",
            Self::LargeSort => "large sort in memory",
            Self::HashOnDisk => "hash on disk",
            Self::HeapFetches => "heap fetches",
            Self::ReadsFromDisk => "reads from disk",
            Self::LossyBitmap => "lossy bitmap",
            Self::BadEstimate => "bad row estimate",
            Self::Slow => "slow",
        })
    }
}

/// What helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// SQL to look at and run.
    Sql(String),
    /// Something that no single statement does.
    Words(&'static str),
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(sql) => f.write_str(sql),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// One thing that is wrong with a statement's plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What.
    pub trouble: Trouble,
    /// The table it is about, where it is about one.
    pub table: Option<String>,
    /// The columns that decide.
    pub columns: Vec<String>,
    /// What was counted: names and numbers.
    pub figures: Vec<(&'static str, f64)>,
    /// What helps.
    pub remedy: Remedy,
}

impl Finding {
    /// As a member of a report.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let figures: serde_json::Map<String, Value> =
            self.figures.iter().map(|(name, figure)| ((*name).to_owned(), number(*figure))).collect();
        let (sql, words) = match &self.remedy {
            Remedy::Sql(sql) => (Some(sql.as_str()), None),
            Remedy::Words(words) => (None, Some(*words)),
        };
        json!({
            "finding": self.trouble.as_str(),
            "table": self.table,
            "columns": self.columns,
            "figures": figures,
            "remedy": { "sql": sql, "advice": words },
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.trouble)?;
        if let Some(table) = &self.table {
            write!(f, " of {table}")?;
        }
        if !self.columns.is_empty() {
            write!(f, " ({})", self.columns.join(", "))?;
        }
        for (place, (name, figure)) in self.figures.iter().enumerate() {
            let between = if place == 0 { ": " } else { ", " };
            write!(f, "{between}{name} {}", number(*figure))?;
        }
        Ok(())
    }
}

/// Whole numbers without a point, others with two places at most.
fn number(figure: f64) -> Value {
    let rounded = (figure * 100.0).round() / 100.0;
    #[expect(clippy::cast_possible_truncation, reason = "what is whole and in range is exact")]
    if rounded.fract() == 0.0 && rounded.abs() < 9e15 { json!(rounded as i64) } else { json!(rounded) }
}

/// From where on something is worth telling.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// How long a statement may take.
    pub max_ms: f64,
    /// How many rows a table may have and still be read from end to end.
    pub min_rows: f64,
    /// How many rows may be sorted where an index could have given them so.
    pub sorted_rows: f64,
    /// How many rows may be sorted in memory where none could.
    pub large_sort_rows: f64,
    /// How often one side of a join may be asked.
    pub loops: f64,
    /// What part of the rows that are read may be thrown away, from 0 to 1.
    pub removed_ratio: f64,
    /// How many rows may be thrown away, whatever part they are.
    pub removed_rows: f64,
    /// How many rows an index-only scan may look up in the table.
    pub heap_fetches: f64,
    /// How many pages of 8 KiB may be read from outside the shared buffers.
    pub pages_read: f64,
    /// How many times more or fewer rows may come than were planned for.
    pub estimate_factor: f64,
    /// How many rows must be concerned for a wrong estimate to be told.
    pub estimate_rows: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            max_ms: 100.0,
            min_rows: 1_000.0,
            sorted_rows: 1_000.0,
            large_sort_rows: 10_000.0,
            loops: 1_000.0,
            removed_ratio: 0.9,
            removed_rows: 1_000.0,
            heap_fetches: 1_000.0,
            pages_read: 1_000.0,
            estimate_factor: 10.0,
            estimate_rows: 1_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_in_a_line_and_as_json() {
        let finding = Finding {
            trouble: Trouble::SequentialScan,
            table: Some("books".to_owned()),
            columns: vec!["author".to_owned()],
            figures: vec![("rows", 10_000.0), ("part", 0.987_6)],
            remedy: Remedy::Sql("CREATE INDEX CONCURRENTLY ON books (author)".to_owned()),
        };
        assert_eq!(finding.to_string(), "sequential scan of books (author): rows 10000, part 0.99");
        let told = finding.to_json();
        assert_eq!((&told["finding"], &told["figures"]["rows"]), (&json!("sequential_scan"), &json!(10_000)));
        assert_eq!(told["remedy"]["sql"], "CREATE INDEX CONCURRENTLY ON books (author)");
    }
}
