//! Plans as Postgres 15 gave them, each with one thing wrong.

use super::{judge, plan::Plan};
use crate::profile::{
    conditions::{Schema, schema},
    finding::{Finding, Thresholds, Trouble},
};

fn known() -> Schema {
    schema(&[
        ("shelf", 20_000.0, &["id", "author", "title", "copies", "created_at", "search"]),
        ("loan", 20_000.0, &["shelf_id", "reader", "kind", "kind_name"]),
        ("archive", 60_000.0, &["id", "kind", "body"]),
    ])
}

fn judged(json: &str, thresholds: &Thresholds) -> Vec<Finding> {
    judge(&Plan::parse(json).unwrap(), &known(), thresholds)
}

fn only(json: &str, trouble: Trouble) -> Finding {
    let found = judged(json, &Thresholds::default());
    found.into_iter().find(|finding| finding.trouble == trouble).expect("the plan's fault is found")
}

fn figure(finding: &Finding, name: &str) -> f64 {
    finding.figures.iter().find(|(known, _)| *known == name).map(|(_, figure)| *figure).expect("a figure")
}

#[test]
fn a_good_plan_has_nothing_to_tell() {
    assert_eq!(judged(include_str!("plans/good.json"), &Thresholds::default()), []);
}

#[test]
fn a_sequential_scan_names_the_index_that_its_filter_wants() {
    let finding = only(include_str!("plans/sequential_scan.json"), Trouble::SequentialScan);
    assert_eq!(finding.table.as_deref(), Some("shelf"));
    assert_eq!(finding.columns, ["author", "created_at"]);
    assert_eq!(finding.remedy.to_string(), "CREATE INDEX CONCURRENTLY ON shelf (author, created_at)");
    assert!(figure(&finding, "rows removed by filter") > 19_000.0);
    let limits = Thresholds { min_rows: 50_000.0, ..Thresholds::default() };
    assert_eq!(judged(include_str!("plans/sequential_scan.json"), &limits), []);
}

#[test]
fn what_was_only_planned_is_judged_by_the_tables_size() {
    let finding = only(include_str!("plans/planned_only.json"), Trouble::SequentialScan);
    assert!((figure(&finding, "rows of the table") - 20_000.0).abs() < 0.5);
    assert_eq!(finding.columns, ["author"]);
}

#[test]
fn a_sort_names_the_index_that_keeps_its_order() {
    let finding = only(include_str!("plans/sort.json"), Trouble::SortAnIndexCouldGive);
    assert_eq!(finding.remedy.to_string(), "CREATE INDEX CONCURRENTLY ON shelf (created_at, id)");
    assert!(figure(&finding, "rows") > 1_000.0);
}

#[test]
fn a_sort_on_disk_by_an_expression_wants_memory_and_no_index() {
    let found = judged(include_str!("plans/sort_on_disk.json"), &Thresholds::default());
    assert!(found.iter().all(|finding| finding.trouble != Trouble::SortAnIndexCouldGive));
    let finding = only(include_str!("plans/sort_on_disk.json"), Trouble::SortOnDisk);
    assert!(finding.remedy.to_string().starts_with("SET work_mem = '"), "{}", finding.remedy);
    assert!(figure(&finding, "KiB") > 500.0);
}

#[test]
fn a_nested_loop_over_a_stored_copy_wants_an_index_on_what_it_joins_by() {
    let finding = only(include_str!("plans/nested_loop.json"), Trouble::NestedLoopWithoutIndex);
    assert_eq!(finding.table.as_deref(), Some("loan"));
    assert!((figure(&finding, "loops") - 1_999.0).abs() < 0.5);
    assert!(finding.columns.contains(&"reader".to_owned()), "{:?}", finding.columns);
}

#[test]
fn many_loops_are_told_also_where_an_index_is_asked() {
    let finding = only(include_str!("plans/many_loops.json"), Trouble::NestedLoopManyLoops);
    assert_eq!((finding.table.as_deref(), figure(&finding, "loops")), (Some("shelf"), 20_000.0));
    let finding = only(include_str!("plans/subplan.json"), Trouble::NestedLoopManyLoops);
    assert_eq!((finding.table.as_deref(), figure(&finding, "loops")), (Some("loan"), 1_999.0));
}

#[test]
fn rows_removed_by_a_filter_belong_into_the_index() {
    let finding = only(include_str!("plans/removed_by_filter.json"), Trouble::RowsRemovedByFilter);
    assert_eq!(finding.columns, ["author", "id"]);
    assert!(figure(&finding, "part") > 0.99);
}

#[test]
fn a_hash_in_parts_and_a_lossy_bitmap_want_memory() {
    let finding = only(include_str!("plans/hash_on_disk.json"), Trouble::HashOnDisk);
    assert!((figure(&finding, "batches") - 16.0).abs() < 0.5);
    let finding = only(include_str!("plans/lossy_bitmap.json"), Trouble::LossyBitmap);
    assert!(figure(&finding, "lossy pages") > 1_000.0);
    assert_eq!(finding.remedy.to_string(), "SET work_mem = '8MB'");
}

#[test]
fn an_index_only_scan_that_reads_the_table_wants_a_vacuum() {
    let finding = only(include_str!("plans/heap_fetches.json"), Trouble::HeapFetches);
    assert_eq!(finding.remedy.to_string(), "VACUUM (ANALYZE) loan");
}

#[test]
fn columns_that_hang_together_mislead_the_planner() {
    let limits = Thresholds { estimate_rows: 100.0, ..Thresholds::default() };
    let found = judged(include_str!("plans/bad_estimate.json"), &limits);
    let finding = found.iter().find(|finding| finding.trouble == Trouble::BadEstimate).unwrap();
    assert_eq!((figure(finding, "expected"), figure(finding, "came")), (1.0, 200.0));
    assert!(finding.remedy.to_string().starts_with("CREATE STATISTICS loan_"), "{}", finding.remedy);
}

#[test]
fn pages_from_disk_name_the_table_that_was_read() {
    let finding = only(include_str!("plans/reads_from_disk.json"), Trouble::ReadsFromDisk);
    assert_eq!(finding.table.as_deref(), Some("archive"));
}

#[test]
fn time_is_told_from_its_threshold_on() {
    let limits = Thresholds { max_ms: 0.001, ..Thresholds::default() };
    let found = judged(include_str!("plans/good.json"), &limits);
    assert_eq!((found.len(), found[0].trouble), (1, Trouble::Slow));
}

#[test]
fn what_is_no_plan_is_refused() {
    for text in ["", "[]", "{}", "[{\"Plan\": {}}]", "[{\"Plan\": {\"Plans\": []}}]"] {
        assert!(Plan::parse(text).is_err(), "{text}");
    }
}
