//! A plan of Postgres, read from `EXPLAIN (FORMAT JSON)` into typed nodes.

use serde_json::Value;

/// What a node does. Those that nothing is said about are told apart by name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// Reads a table from end to end.
    SeqScan,
    /// Finds rows by an index, and reads them in the table.
    IndexScan,
    /// Finds rows by an index that holds all that is wanted.
    IndexOnlyScan,
    /// Reads the pages of a table that an index named.
    BitmapHeapScan,
    /// Gathers those pages from an index.
    BitmapIndexScan,
    /// For each row of its first input asks the second.
    NestedLoop,
    /// Joins through a table of hashes.
    HashJoin,
    /// Builds that table.
    Hash,
    /// Sorts its input.
    Sort,
    /// Sorts runs of an input that is sorted by its first keys.
    IncrementalSort,
    /// Stops after some rows.
    Limit,
    /// Any other.
    Other(String),
}

impl NodeKind {
    fn parse(name: &str) -> Self {
        match name {
            "Seq Scan" => Self::SeqScan,
            "Index Scan" => Self::IndexScan,
            "Index Only Scan" => Self::IndexOnlyScan,
            "Bitmap Heap Scan" => Self::BitmapHeapScan,
            "Bitmap Index Scan" => Self::BitmapIndexScan,
            "Nested Loop" => Self::NestedLoop,
            "Hash Join" => Self::HashJoin,
            "Hash" => Self::Hash,
            "Sort" => Self::Sort,
            "Incremental Sort" => Self::IncrementalSort,
            "Limit" => Self::Limit,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The name in Postgres' own words.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::SeqScan => "Seq Scan",
            Self::IndexScan => "Index Scan",
            Self::IndexOnlyScan => "Index Only Scan",
            Self::BitmapHeapScan => "Bitmap Heap Scan",
            Self::BitmapIndexScan => "Bitmap Index Scan",
            Self::NestedLoop => "Nested Loop",
            Self::HashJoin => "Hash Join",
            Self::Hash => "Hash",
            Self::Sort => "Sort",
            Self::IncrementalSort => "Incremental Sort",
            Self::Limit => "Limit",
            Self::Other(name) => name,
        }
    }
}

/// What was counted while a node ran. Rows are those of all its loops together.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Measured {
    /// How often it was started.
    pub loops: f64,
    /// The rows it gave.
    pub rows: f64,
    /// The rows it read and threw away by its filter.
    pub removed_by_filter: f64,
    /// The pairs of rows that a join threw away.
    pub removed_by_join: f64,
    /// The rows that an index named and that were not meant.
    pub removed_by_recheck: f64,
    /// The rows that an index-only scan had to look up in the table.
    pub heap_fetches: f64,
    /// Pages of a bitmap that it remembered whole, because its rows had no room in memory.
    pub lossy_pages: f64,
    /// Pages of a bitmap whose rows it remembered.
    pub exact_pages: f64,
    /// Pages found in shared buffers, by this node and those below it.
    pub pages_hit: f64,
    /// Pages read from outside them, by this node and those below it.
    pub pages_read: f64,
    /// Pages of temporary files written, by this node and those below it.
    pub temp_written: f64,
}

/// How a sort went.
#[derive(Debug, Clone, PartialEq)]
pub struct SortSpace {
    /// Whether it went to disk.
    pub on_disk: bool,
    /// How much room it took, in KiB.
    pub kib: f64,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it does.
    pub kind: NodeKind,
    /// The table it reads or writes.
    pub table: Option<String>,
    /// What the statement calls that table.
    pub alias: Option<String>,
    /// The index it uses.
    pub index: Option<String>,
    /// The rows that were expected of one loop.
    pub expected_rows: f64,
    /// What an index is asked.
    pub index_condition: Option<String>,
    /// What rows are compared with after they were read.
    pub filter: Option<String>,
    /// What pairs of rows are compared by.
    pub join_condition: Option<String>,
    /// What is sorted by.
    pub sort_keys: Vec<String>,
    /// How sorting went.
    pub sort_space: Option<SortSpace>,
    /// Into how many parts a hash had to be split; more than one went to disk.
    pub hash_batches: f64,
    /// Whether it is a query within an expression, which may be asked anew for each row.
    pub is_subplan: bool,
    /// What was counted; `None` where the statement was only planned.
    pub measured: Option<Measured>,
    /// What it takes its rows from.
    pub inputs: Vec<Node>,
}

/// A whole plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Its last step.
    pub root: Node,
    /// How long planning took, where that was told.
    pub planning_ms: Option<f64>,
    /// How long running took, with the triggers; `None` where the statement was only planned.
    pub execution_ms: Option<f64>,
}

/// A text that is no plan as Postgres writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a plan in Postgres' JSON")]
pub struct NotAPlan;

impl Plan {
    /// Reads what `EXPLAIN (FORMAT JSON)` gave.
    ///
    /// # Errors
    /// [`NotAPlan`].
    pub fn parse(json: &str) -> Result<Self, NotAPlan> {
        let parsed: Value = serde_json::from_str(json).map_err(|_| NotAPlan)?;
        let whole = parsed.get(0).ok_or(NotAPlan)?;
        let root = node(whole.get("Plan").ok_or(NotAPlan)?).ok_or(NotAPlan)?;
        Ok(Self {
            root,
            planning_ms: whole.get("Planning Time").and_then(Value::as_f64),
            execution_ms: whole.get("Execution Time").and_then(Value::as_f64),
        })
    }
}

impl Node {
    /// Shows this node and all below it to `look`, each with the ones above it, the nearest last.
    pub fn walk<'a>(&'a self, look: &mut dyn FnMut(&'a Self, &[&'a Self])) {
        fn descend<'a>(
            node: &'a Node,
            above: &mut Vec<&'a Node>,
            look: &mut dyn FnMut(&'a Node, &[&'a Node]),
        ) {
            look(node, above);
            above.push(node);
            for input in &node.inputs {
                descend(input, above, look);
            }
            above.pop();
        }
        descend(self, &mut Vec::new(), look);
    }

    /// The rows it gave over all loops, or was expected to give in one where nothing was counted.
    #[must_use]
    pub fn rows(&self) -> f64 {
        self.measured.map_or(self.expected_rows, |measured| measured.rows)
    }

    /// The plan in a line: `Limit > Index Scan books_created_at_id_idx`.
    #[must_use]
    pub fn shape(&self) -> String {
        let mut text = self.kind.name().to_owned();
        for name in [&self.index, &self.table].into_iter().flatten().take(1) {
            text.push(' ');
            text.push_str(name);
        }
        match self.inputs.as_slice() {
            [] => text,
            [only] => format!("{text} > {}", only.shape()),
            several => {
                let shapes: Vec<String> = several.iter().map(Self::shape).collect();
                format!("{text} > ({})", shapes.join(" + "))
            }
        }
    }
}

fn node(value: &Value) -> Option<Node> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let number = |name: &str| value.get(name).and_then(Value::as_f64).unwrap_or_default();
    // Postgres tells rows as the mean of the loops.
    let loops = value.get("Actual Loops").and_then(Value::as_f64);
    let measured = loops.map(|loops| Measured {
        loops,
        rows: number("Actual Rows") * loops,
        removed_by_filter: number("Rows Removed by Filter") * loops,
        removed_by_join: number("Rows Removed by Join Filter") * loops,
        removed_by_recheck: number("Rows Removed by Index Recheck") * loops,
        heap_fetches: number("Heap Fetches"),
        lossy_pages: number("Lossy Heap Blocks"),
        exact_pages: number("Exact Heap Blocks"),
        pages_hit: number("Shared Hit Blocks"),
        pages_read: number("Shared Read Blocks"),
        temp_written: number("Temp Written Blocks"),
    });
    let keys = value.get("Sort Key").and_then(Value::as_array).into_iter().flatten();
    let sort_space = text("Sort Space Type")
        .map(|kind| SortSpace { on_disk: kind == "Disk", kib: number("Sort Space Used") })
        .or_else(|| incremental_space(value));
    let inputs = value.get("Plans").and_then(Value::as_array).into_iter().flatten();
    Some(Node {
        kind: NodeKind::parse(value.get("Node Type")?.as_str()?),
        table: text("Relation Name"),
        alias: text("Alias"),
        index: text("Index Name"),
        expected_rows: number("Plan Rows"),
        index_condition: text("Index Cond").or_else(|| text("TID Cond")),
        filter: text("Filter"),
        join_condition: text("Hash Cond").or_else(|| text("Merge Cond")).or_else(|| text("Join Filter")),
        sort_keys: keys.filter_map(|key| key.as_str().map(str::to_owned)).collect(),
        sort_space,
        hash_batches: number("Hash Batches"),
        is_subplan: text("Parent Relationship").as_deref() == Some("SubPlan"),
        measured,
        inputs: inputs.map(node).collect::<Option<Vec<_>>>()?,
    })
}

/// An incremental sort tells of its groups: the worst of them counts.
fn incremental_space(value: &Value) -> Option<SortSpace> {
    let group = |kind: &str, space: &str| {
        let groups = ["Full-sort Groups", "Pre-sorted Groups"];
        let peaks = groups.iter().filter_map(|name| {
            value.get(name)?.get(kind)?.get("Peak Sort Space Used").and_then(Value::as_f64)
        });
        peaks.reduce(f64::max).map(|kib| SortSpace { on_disk: space == "Disk", kib })
    };
    group("Sort Space Disk", "Disk").or_else(|| group("Sort Space Memory", "Memory"))
}
