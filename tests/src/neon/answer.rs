//! Results and errors in the JSON shape that Neon documents.

use serde_json::{Value, json};

use super::values::{write_string, write_value};
use super::wire::{Outcome, SqlError};

/// Appends one result: command, row count, fields and rows.
pub fn write_outcome(out: &mut String, outcome: &Outcome, raw: bool, array_mode: bool) -> anyhow::Result<()> {
    let (command, count) = command(&outcome.tag);
    let fields: Vec<Value> = outcome
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "dataTypeID": column.type_oid,
                "tableID": column.table,
                "columnID": column.number,
                "dataTypeSize": column.size,
                "dataTypeModifier": column.modifier,
                "format": "text",
            })
        })
        .collect();
    let head = json!({ "command": command, "rowCount": count, "rowAsArray": array_mode, "fields": fields });
    let head = head.to_string();
    // The rows go into the same object, as text: JSON columns stay byte for byte what Postgres printed.
    out.push_str(head.strip_suffix('}').unwrap_or(&head));
    out.push_str(",\"rows\":[");
    let (open, close) = if array_mode { ('[', ']') } else { ('{', '}') };
    for (position, row) in outcome.rows.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push(open);
        for (index, (column, value)) in outcome.columns.iter().zip(row).enumerate() {
            if index > 0 {
                out.push(',');
            }
            if !array_mode {
                write_string(out, &column.name);
                out.push(':');
            }
            write_value(out, value.as_deref(), column.type_oid, raw)?;
        }
        out.push(close);
    }
    out.push_str("]}");
    Ok(())
}

/// Splits a command tag into the command and its number of rows, which is null where the tag has none.
fn command(tag: &str) -> (&str, Option<i64>) {
    match tag.split_once(' ') {
        None => (tag, None),
        // `INSERT` tells an object id before the number of rows.
        Some((name, rest)) => (name, rest.rsplit(' ').next().and_then(|count| count.parse().ok())),
    }
}

/// Gives an error of Postgres in the documented shape; members that Postgres left out are null.
#[must_use]
pub fn sql_error(error: &SqlError) -> Value {
    let field = |letter: u8| error.field(letter);
    json!({
        "message": field(b'M'),
        "code": field(b'C'),
        "detail": field(b'D'),
        "hint": field(b'H'),
        "position": field(b'P'),
        "internalPosition": field(b'p'),
        "internalQuery": field(b'q'),
        "severity": field(b'V').or(field(b'S')),
        "where": field(b'W'),
        "table": field(b't'),
        "column": field(b'c'),
        "schema": field(b's'),
        "dataType": field(b'd'),
        "constraint": field(b'n'),
        "file": field(b'F'),
        "line": field(b'L'),
        "routine": field(b'R'),
    })
}

/// Gives an error of the endpoint itself in the same shape, without a SQLSTATE.
#[must_use]
pub fn own_error(message: &str) -> Value {
    let mut error = sql_error(&SqlError::default());
    error["message"] = message.into();
    error["code"] = "".into();
    error["severity"] = "".into();
    error
}

#[cfg(test)]
mod tests {
    use super::super::wire::Column;
    use super::*;

    fn outcome() -> Outcome {
        let column = |name: &str, type_oid| Column {
            name: name.into(),
            table: 0,
            number: 0,
            type_oid,
            size: 4,
            modifier: -1,
        };
        Outcome {
            columns: vec![column("n", 23), column("s", 25)],
            rows: vec![vec![Some("1".into()), None]],
            tag: "SELECT 1".into(),
        }
    }

    #[test]
    fn rows_are_objects_or_arrays() {
        let shown = |outcome: &Outcome, raw, array| {
            let mut out = String::new();
            write_outcome(&mut out, outcome, raw, array).unwrap();
            serde_json::from_str::<Value>(&out).unwrap()
        };
        assert_eq!(shown(&outcome(), false, false)["rows"], json!([{"n": 1, "s": null}]));
        let raw = shown(&outcome(), true, true);
        assert_eq!(raw["rows"], json!([["1", null]]));
        assert_eq!(raw["fields"][0]["dataTypeID"], 23);
        assert_eq!((&raw["command"], &raw["rowCount"]), (&json!("SELECT"), &json!(1)));
        assert_eq!(
            shown(&Outcome { tag: "CREATE TABLE".into(), ..Outcome::default() }, true, true)["rows"],
            json!([])
        );
    }

    #[test]
    fn command_tags_split() {
        assert_eq!(command("INSERT 0 3"), ("INSERT", Some(3)));
        assert_eq!(command("UPDATE 0"), ("UPDATE", Some(0)));
        assert_eq!(command("BEGIN"), ("BEGIN", None));
        assert_eq!(command("CREATE TABLE"), ("CREATE", None));
    }
}
