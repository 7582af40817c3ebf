//! What is wrong with a plan of Postgres.

use super::plan::{Measured, Node, NodeKind, Plan};
use crate::{
    driver::Dialect,
    profile::{
        conditions::{Comparison, Schema, compared, sorted_column},
        finding::{Finding, Remedy, Thresholds, Trouble},
        remedy,
    },
};

/// How many bytes a bitmap takes for each page it knows.
const BITMAP_BYTES_PER_PAGE: f64 = 64.0;

/// Names everything in a plan that is beyond a threshold. `schema` tells how large tables are and which columns they have.
#[must_use]
pub fn judge(plan: &Plan, schema: &Schema, thresholds: &Thresholds) -> Vec<Finding> {
    let mut judge = Judge { schema, thresholds, found: Vec::new() };
    plan.root.walk(&mut |node, above| judge.node(node, above));
    judge.whole(plan);
    let mut found = judge.found;
    found.sort_by_key(|finding| finding.trouble);
    found
}

struct Judge<'a> {
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

    fn node(&mut self, node: &Node, above: &[&Node]) {
        match node.kind {
            NodeKind::SeqScan => self.sequential_scan(node, above),
            NodeKind::Sort | NodeKind::IncrementalSort => self.sort(node),
            NodeKind::NestedLoop => self.nested_loop(node),
            NodeKind::Hash if node.hash_batches > 1.0 => {
                let written = node.measured.map_or(0.0, |measured| measured.temp_written);
                let kib = node.rows() * 64.0 / 1_024.0;
                let figures = vec![("batches", node.hash_batches), ("pages written", written)];
                self.add(Trouble::HashOnDisk, None, (Vec::new(), remedy::work_mem(kib)), figures);
            }
            _ => {}
        }
        if let (Some(measured), Some(table)) = (node.measured, node.table.as_deref()) {
            self.scan(node, &measured, table, above);
        }
        let loops = node.measured.map_or(0.0, |measured| measured.loops);
        if node.is_subplan && loops >= self.thresholds.loops {
            let scan = first_scan(node);
            let table = scan.and_then(|scan| scan.table.as_deref());
            let words =
                Remedy::Words("A query within an expression is asked anew for each row: join it instead");
            self.add(Trouble::NestedLoopManyLoops, table, (Vec::new(), words), vec![("loops", loops)]);
        }
    }

    fn sequential_scan(&mut self, node: &Node, above: &[&Node]) {
        let Some(table) = node.table.as_deref() else { return };
        let read = node
            .measured
            .map_or(0.0, |measured| (measured.rows + measured.removed_by_filter) / measured.loops.max(1.0));
        let rows = self.schema.rows(table).max(read);
        if rows < self.thresholds.min_rows {
            return;
        }
        let mut figures = vec![("rows of the table", rows)];
        if let Some(measured) = node.measured {
            figures.push(("rows given", measured.rows));
            if measured.removed_by_filter > 0.0 {
                figures.push(("rows removed by filter", measured.removed_by_filter));
            }
        }
        let mut columns = self.columns(node.filter.as_deref(), node, table);
        if columns.is_empty() {
            // What it is joined by is what an index could be asked.
            let join = above.iter().rev().find_map(|node| node.join_condition.as_deref());
            columns = self.columns(join, node, table);
        }
        let fix = remedy::index(Dialect::Postgres, table, &columns, &sorted_above(above));
        self.add(Trouble::SequentialScan, Some(table), fix, figures);
    }

    fn columns(&self, condition: Option<&str>, node: &Node, table: &str) -> Vec<(String, Comparison)> {
        condition.map_or_else(Vec::new, |text| compared(text, table, node.alias.as_deref(), self.schema))
    }

    fn sort(&mut self, node: &Node) {
        let input = node.inputs.first();
        let rows = input.map_or(0.0, Node::rows);
        let figures = |space: bool| {
            let mut figures = vec![("rows", rows)];
            if let Some(sort) = node.sort_space.as_ref().filter(|_| space) {
                figures.push(("KiB", sort.kib));
            }
            figures
        };
        let source = input.and_then(sorted_table);
        let keys: Option<Vec<_>> = node.sort_keys.iter().map(|key| sorted_column(key)).collect();
        let orderable = source.zip(keys).and_then(|(scan, keys)| {
            let table = scan.table.as_deref()?;
            let ours = |owner: &Option<String>| {
                owner.as_deref().is_none_or(|owner| scan.alias.as_deref() == Some(owner) || owner == table)
            };
            let all = keys.iter().all(|(owner, name, _)| ours(owner) && self.schema.has(table, name));
            let sorted: Vec<(String, bool)> =
                keys.into_iter().map(|(_, name, descending)| (name, descending)).collect();
            (all && !sorted.is_empty()).then_some((scan, table, sorted))
        });
        let on_disk = node.sort_space.as_ref().is_some_and(|sort| sort.on_disk);
        if let Some((scan, table, sorted)) = orderable
            && (rows >= self.thresholds.sorted_rows || on_disk)
        {
            let mut columns = self.columns(scan.index_condition.as_deref(), scan, table);
            columns.extend(self.columns(scan.filter.as_deref(), scan, table));
            for below in &scan.inputs {
                columns.extend(self.columns(below.index_condition.as_deref(), scan, table));
            }
            columns.retain(|(_, how)| *how == Comparison::Equal);
            let fix = remedy::index(Dialect::Postgres, table, &columns, &sorted);
            self.add(Trouble::SortAnIndexCouldGive, Some(table), fix, figures(true));
        } else if !on_disk && rows >= self.thresholds.large_sort_rows {
            let words = Remedy::Words(
                "Sort fewer rows: narrow the condition, or keep what is sorted by in an indexed column",
            );
            self.add(Trouble::LargeSort, None, (node.sort_keys.clone(), words), figures(true));
        }
        if on_disk {
            let kib = node.sort_space.as_ref().map_or(0.0, |sort| sort.kib);
            let table = source.and_then(|scan| scan.table.as_deref());
            let fix = (node.sort_keys.clone(), remedy::work_mem(kib));
            self.add(Trouble::SortOnDisk, table, fix, figures(true));
        }
    }

    fn nested_loop(&mut self, node: &Node) {
        let [outer, inner, ..] = node.inputs.as_slice() else { return };
        let loops = inner.measured.map_or(outer.expected_rows, |measured| measured.loops);
        let removed = node.measured.map_or(0.0, |measured| measured.removed_by_join);
        // A stored copy is started once and read again for each row.
        let loops = loops.max(if is_stored(inner) { outer.rows() } else { 0.0 });
        if loops < self.thresholds.loops {
            return;
        }
        let Some(scan) = first_scan(inner) else { return };
        let Some(table) = scan.table.as_deref() else { return };
        let mut figures = vec![("loops", loops)];
        if removed > 0.0 {
            figures.push(("pairs removed by join filter", removed));
        }
        if scan.index.is_some() || !scan.inputs.is_empty() {
            let words = Remedy::Words(
                "Ask for all rows at once: a list of keys, or a hash join; where the estimate is off, ANALYZE",
            );
            self.add(Trouble::NestedLoopManyLoops, Some(table), (Vec::new(), words), figures);
            return;
        }
        let mut columns = self.columns(node.join_condition.as_deref(), scan, table);
        columns.extend(self.columns(scan.filter.as_deref(), scan, table));
        let fix = remedy::index(Dialect::Postgres, table, &columns, &[]);
        self.add(Trouble::NestedLoopWithoutIndex, Some(table), fix, figures);
    }

    fn scan(&mut self, node: &Node, measured: &Measured, table: &str, above: &[&Node]) {
        let limits = self.thresholds;
        let removed = measured.removed_by_filter + measured.removed_by_recheck;
        let read = removed + measured.rows;
        if node.kind != NodeKind::SeqScan
            && removed >= limits.removed_rows
            && removed >= read * limits.removed_ratio
        {
            let mut columns = self.columns(node.index_condition.as_deref(), node, table);
            for below in &node.inputs {
                columns.extend(self.columns(below.index_condition.as_deref(), node, table));
            }
            columns.extend(self.columns(node.filter.as_deref(), node, table));
            let fix = remedy::index(Dialect::Postgres, table, &columns, &sorted_above(above));
            let figures = vec![("removed", removed), ("read", read), ("part", removed / read)];
            self.add(Trouble::RowsRemovedByFilter, Some(table), fix, figures);
        }
        if measured.heap_fetches >= limits.heap_fetches && measured.heap_fetches >= measured.rows / 2.0 {
            let fix = (Vec::new(), Remedy::Sql(format!("VACUUM (ANALYZE) {table}")));
            let figures = vec![("heap fetches", measured.heap_fetches), ("rows", measured.rows)];
            self.add(Trouble::HeapFetches, Some(table), fix, figures);
        }
        if measured.lossy_pages > 0.0 {
            let kib = (measured.lossy_pages + measured.exact_pages) * BITMAP_BYTES_PER_PAGE / 1_024.0;
            let figures = vec![("lossy pages", measured.lossy_pages), ("exact pages", measured.exact_pages)];
            self.add(Trouble::LossyBitmap, Some(table), (Vec::new(), remedy::work_mem(kib)), figures);
        }
        self.estimate(node, measured, table, above);
    }

    fn estimate(&mut self, node: &Node, measured: &Measured, table: &str, above: &[&Node]) {
        let limits = self.thresholds;
        if measured.loops < 1.0 {
            return;
        }
        let came = measured.rows / measured.loops;
        let (more, fewer) = (came / node.expected_rows.max(1.0), node.expected_rows / came.max(1.0));
        // Whoever stops early takes fewer rows than there are: that says nothing.
        let stopped = above.iter().any(|node| node.kind == NodeKind::Limit || is_join(node));
        let concerned = measured.rows.max(node.expected_rows * measured.loops);
        let off = more > limits.estimate_factor || (!stopped && fewer > limits.estimate_factor);
        if !off || concerned < limits.estimate_rows {
            return;
        }
        let conditions = [node.index_condition.as_deref(), node.filter.as_deref()];
        let below = node.inputs.iter().map(|below| below.index_condition.as_deref());
        let columns: Vec<String> = conditions
            .into_iter()
            .chain(below)
            .flat_map(|condition| self.columns(condition, node, table))
            .map(|(name, _)| name)
            .collect();
        let fix = remedy::statistics(table, &columns, self.schema);
        let figures = vec![("expected", node.expected_rows), ("came", came)];
        self.add(Trouble::BadEstimate, Some(table), (columns, fix), figures);
    }

    fn whole(&mut self, plan: &Plan) {
        let limits = self.thresholds;
        if let Some(ms) = plan.execution_ms
            && ms > limits.max_ms
        {
            let fix = (Vec::new(), Remedy::Words("The other findings say why; without any, read fewer rows"));
            self.add(Trouble::Slow, None, fix, vec![("ms", ms)]);
        }
        let Some(measured) = plan.root.measured else { return };
        if measured.pages_read < limits.pages_read {
            return;
        }
        let mut most: Option<(&str, f64)> = None;
        plan.root.walk(&mut |node, _| {
            let own = node.measured.map_or(0.0, |measured| measured.pages_read);
            let below: f64 =
                node.inputs.iter().filter_map(|node| node.measured).map(|measured| measured.pages_read).sum();
            if let Some(table) = node.table.as_deref().or(node.index.as_deref())
                && most.is_none_or(|(_, pages)| own - below > pages)
            {
                most = Some((table, own - below));
            }
        });
        let fix = Remedy::Words(
            "Run it again: if pages are read each time, the data doesn't fit into shared_buffers; read fewer pages (a covering index), or give it more memory",
        );
        let figures = vec![("pages read", measured.pages_read), ("pages hit", measured.pages_hit)];
        self.add(Trouble::ReadsFromDisk, most.map(|(table, _)| table), (Vec::new(), fix), figures);
    }
}

fn is_join(node: &Node) -> bool {
    let other = matches!(&node.kind, NodeKind::Other(name) if name == "Merge Join");
    matches!(node.kind, NodeKind::NestedLoop | NodeKind::HashJoin) || other
}

fn is_stored(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Other(name) if name == "Materialize" || name == "CTE Scan")
}

/// The first scan of a table at or below a node.
fn first_scan(node: &Node) -> Option<&Node> {
    if node.table.is_some() {
        return Some(node);
    }
    node.inputs.iter().find_map(first_scan)
}

/// The one table whose rows come to a sort as they were read: through nothing that joins or adds up.
fn sorted_table(node: &Node) -> Option<&Node> {
    if node.table.is_some() {
        let is_scan = matches!(
            node.kind,
            NodeKind::SeqScan | NodeKind::IndexScan | NodeKind::IndexOnlyScan | NodeKind::BitmapHeapScan
        );
        return is_scan.then_some(node);
    }
    match (&node.kind, node.inputs.as_slice()) {
        (NodeKind::Other(name), [only]) if name == "Gather" || name == "Result" => sorted_table(only),
        _ => None,
    }
}

/// The columns that what is above a scan sorts by, where it sorts by columns alone.
fn sorted_above(above: &[&Node]) -> Vec<(String, bool)> {
    let Some(sort) = above.iter().rev().find(|node| node.kind == NodeKind::Sort) else { return Vec::new() };
    let keys: Option<Vec<_>> = sort.sort_keys.iter().map(|key| sorted_column(key)).collect();
    keys.unwrap_or_default().into_iter().map(|(_, name, descending)| (name, descending)).collect()
}
