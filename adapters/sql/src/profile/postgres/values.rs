//! Values on their way into a statement's text, and out of a sampled row.

use std::fmt::Write as _;

use portico_domain::models::Timestamp;
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::driver::{Type, Value};

pub(super) const fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "boolean",
        Type::Integer => "bigint",
        Type::Text => "text",
        Type::Bytes => "bytea",
        Type::Uuid => "uuid",
        Type::Time => "timestamptz",
    }
}

pub(super) fn as_text(column: &str, kind: Type) -> String {
    match kind {
        Type::Bytes => format!("encode({column}, 'hex')"),
        Type::Time => format!("(extract(epoch FROM {column}) * 1000000)::bigint::text"),
        _ => format!("{column}::text"),
    }
}

pub(super) fn value(row: &PgRow, place: usize, kind: Type) -> Result<Value, sqlx::Error> {
    let Some(text) = row.try_get::<Option<String>, _>(place)? else { return Ok(Value::Null) };
    let value = match kind {
        Type::Bool => Some(Value::Bool(text == "true")),
        Type::Integer => text.parse().ok().map(Value::Integer),
        Type::Time => text.parse().ok().map(|micros| Value::Time(Timestamp::from_micros(micros))),
        Type::Uuid => Uuid::try_parse(&text).ok().map(Value::Uuid),
        Type::Bytes => bytes(&text).map(Value::Bytes),
        Type::Text => Some(Value::Text(text)),
    };
    value.ok_or_else(|| sqlx::Error::Decode("a sampled value is not of its parameter's type".into()))
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

pub(super) fn literal(value: &Value, kind: Type) -> String {
    let text = match value {
        Value::Null => return format!("NULL::{}", type_name(kind)),
        Value::Bool(value) => return value.to_string(),
        Value::Integer(number) => return format!("{number}::bigint"),
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Uuid(id) => format!("'{id}'"),
        Value::Time(moment) => {
            return format!(
                "('1970-01-01 00:00:00Z'::timestamptz + {}::bigint * interval '1 microsecond')",
                moment.micros()
            );
        }
        Value::Bytes(bytes) => {
            bytes.iter().fold("'\\x".to_owned(), |mut text, byte| {
                // Writing into a string can't fail.
                let _ = write!(text, "{byte:02x}");
                text
            }) + "'"
        }
    };
    format!("{text}::{}", type_name(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_literals_that_cannot_break_out() {
        let text = |value: Value, kind| literal(&value, kind);
        assert_eq!(text("it's".into(), Type::Text), "'it''s'::text");
        assert_eq!(text(vec![0_u8, 255].into(), Type::Bytes), "'\\x00ff'::bytea");
        assert_eq!(text(Value::Null, Type::Time), "NULL::timestamptz");
        assert_eq!(text((-5_i64).into(), Type::Integer), "-5::bigint");
        assert_eq!(bytes("00ff"), Some(vec![0, 255]));
        assert_eq!(bytes("0g"), None);
    }
}
