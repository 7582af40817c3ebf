//! The index that would help, as SQL.

use super::{
    conditions::{Comparison, Schema},
    finding::Remedy,
};
use crate::driver::Dialect;

const NO_INDEX: Remedy = Remedy::Words(
    "No condition here can be asked of an index: narrow what is read, or keep what is asked in a column",
);

/// The index on these columns, in the order in which it serves them; columns that are sorted by come after those that are compared by equality and
/// stand for bounds on themselves.
pub(crate) fn index(
    dialect: Dialect,
    table: &str,
    compared: &[(String, Comparison)],
    sorted: &[(String, bool)],
) -> (Vec<String>, Remedy) {
    if let Some((column, how)) =
        compared.iter().find(|(_, how)| matches!(how, Comparison::Words | Comparison::Pattern))
    {
        let class = if *how == Comparison::Pattern { " gin_trgm_ops" } else { "" };
        let sql = format!("CREATE INDEX CONCURRENTLY ON {table} USING gin ({column}{class})");
        return (vec![column.clone()], Remedy::Sql(sql));
    }
    let equal = compared.iter().filter(|(_, how)| *how == Comparison::Equal).map(|(name, _)| (name, false));
    let bounds = compared.iter().filter(|(_, how)| *how == Comparison::Range).map(|(name, _)| (name, false));
    // An index is read backwards as well: only where orders differ does it matter which way a column goes.
    let mixed = sorted.iter().any(|(_, descending)| *descending != sorted[0].1);
    let sorted = sorted.iter().map(|(name, descending)| (name, mixed && *descending));
    let mut columns: Vec<(String, bool)> = Vec::new();
    for (name, descending) in equal.chain(sorted).chain(bounds) {
        if columns.iter().all(|(known, _)| known != name) {
            columns.push((name.clone(), descending));
        }
    }
    if columns.is_empty() {
        return (Vec::new(), NO_INDEX);
    }
    let written: Vec<String> = columns
        .iter()
        .map(|(name, descending)| format!("{name}{}", if *descending { " DESC" } else { "" }))
        .collect();
    let names: Vec<String> = columns.into_iter().map(|(name, _)| name).collect();
    let sql = match dialect {
        Dialect::Postgres => format!("CREATE INDEX CONCURRENTLY ON {table} ({})", written.join(", ")),
        Dialect::Sqlite => {
            format!("CREATE INDEX {table}_{}_idx ON {table} ({})", names.join("_"), written.join(", "))
        }
    };
    (names, Remedy::Sql(sql))
}

/// Enough memory for one step, in whole MB: what it took and as much again.
pub(crate) fn work_mem(kib: f64) -> Remedy {
    let mb = (kib * 2.0 / 1_024.0).ceil().max(8.0);
    Remedy::Sql(format!("SET work_mem = '{mb:.0}MB'"))
}

/// Fresh statistics, or a view of how columns hang together.
pub(crate) fn statistics(table: &str, columns: &[String], schema: &Schema) -> Remedy {
    let known: Vec<&str> =
        columns.iter().map(String::as_str).filter(|column| schema.has(table, column)).collect();
    Remedy::Sql(if known.len() > 1 {
        let name = format!("{table}_{}_stats", known.join("_"));
        format!("CREATE STATISTICS {name} ON {} FROM {table}; ANALYZE {table}", known.join(", "))
    } else {
        format!("ANALYZE {table}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(
        dialect: Dialect,
        compared: &[(&str, Comparison)],
        sorted: &[(&str, bool)],
    ) -> (Vec<String>, String) {
        let compared: Vec<_> = compared.iter().map(|(name, how)| ((*name).to_owned(), *how)).collect();
        let sorted: Vec<_> = sorted.iter().map(|(name, down)| ((*name).to_owned(), *down)).collect();
        let (columns, remedy) = index(dialect, "books", &compared, &sorted);
        (columns, remedy.to_string())
    }

    #[test]
    fn equalities_come_first_then_the_order_then_bounds() {
        let compared =
            [("author", Comparison::Equal), ("created_at", Comparison::Range), ("price", Comparison::Range)];
        let (columns, told) = sql(Dialect::Postgres, &compared, &[("created_at", true), ("id", true)]);
        assert_eq!(columns, ["author", "created_at", "id", "price"]);
        assert_eq!(told, "CREATE INDEX CONCURRENTLY ON books (author, created_at, id, price)");
        let (_, told) = sql(Dialect::Sqlite, &[], &[("created_at", true), ("id", false)]);
        assert_eq!(told, "CREATE INDEX books_created_at_id_idx ON books (created_at DESC, id)");
    }

    #[test]
    fn words_and_patterns_want_an_inverted_index() {
        let (_, told) = sql(Dialect::Postgres, &[("search", Comparison::Words)], &[]);
        assert_eq!(told, "CREATE INDEX CONCURRENTLY ON books USING gin (search)");
        let (_, told) = sql(Dialect::Postgres, &[("title", Comparison::Pattern)], &[]);
        assert_eq!(told, "CREATE INDEX CONCURRENTLY ON books USING gin (title gin_trgm_ops)");
        assert!(sql(Dialect::Postgres, &[], &[]).1.starts_with("No condition"));
    }

    #[test]
    fn statistics_of_one_column_are_refreshed_and_of_several_are_joined() {
        let schema = super::super::conditions::schema(&[("books", 1.0, &["a", "b"])]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(statistics("books", &names(&["a"]), &schema).to_string(), "ANALYZE books");
        let both = statistics("books", &names(&["a", "b"]), &schema).to_string();
        assert_eq!(both, "CREATE STATISTICS books_a_b_stats ON a, b FROM books; ANALYZE books");
        assert_eq!(work_mem(10_000.0).to_string(), "SET work_mem = '20MB'");
    }
}
