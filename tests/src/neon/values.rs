//! Values on their way in (JSON to Postgres text) and out (Postgres text to JSON).

use anyhow::{Context, ensure};
use postgres_types::{Kind, Type};
use serde_json::Value;

/// Turns a JSON parameter into the text that Postgres is given: a string as it is, an array as an array literal, all else as
/// its JSON text, null as NULL.
#[must_use]
pub fn parameter_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => Some(value.to_string()),
        Value::Array(items) => Some(array_literal(items)),
    }
}

fn array_literal(items: &[Value]) -> String {
    let texts: Vec<String> = items
        .iter()
        .map(|item| match item {
            Value::Null => "NULL".to_owned(),
            Value::Array(inner) => array_literal(inner),
            // JSON's quoting of a string is also that of an array element.
            Value::Bool(_) | Value::Number(_) | Value::String(_) => item.to_string(),
            Value::Object(_) => Value::String(item.to_string()).to_string(),
        })
        .collect();
    format!("{{{}}}", texts.join(","))
}

/// Appends one column value as JSON text. `raw` gives every value as a string; else numbers, booleans, JSON and arrays of
/// built-in types are told apart by the column's type.
pub fn write_value(out: &mut String, text: Option<&str>, type_oid: u32, raw: bool) -> anyhow::Result<()> {
    match text {
        None => out.push_str("null"),
        Some(text) if raw => write_string(out, text),
        Some(text) => {
            write_typed(out, text, &Type::from_oid(type_oid).unwrap_or(Type::TEXT))?;
        }
    }
    Ok(())
}

/// Appends a JSON string.
pub fn write_string(out: &mut String, text: &str) {
    out.push_str(&Value::from(text).to_string());
}

fn write_typed(out: &mut String, text: &str, kind: &Type) -> anyhow::Result<()> {
    if let Kind::Array(element) = kind.kind() {
        // Bounds such as `[0:1]={…}` have no place in JSON.
        let literal = match text.strip_prefix('[') {
            Some(rest) => rest.split_once('=').context("array bounds without an array")?.1,
            None => text,
        };
        let rest = write_array(out, literal.trim_start(), element)?;
        ensure!(rest.is_empty(), "text after an array");
        return Ok(());
    }
    match *kind {
        Type::BOOL => out.push_str(if text == "t" { "true" } else { "false" }),
        Type::INT2 | Type::INT4 => out.push_str(&text.parse::<i32>()?.to_string()),
        Type::FLOAT4 | Type::FLOAT8 => match text.parse::<f64>()? {
            number if number.is_finite() => out.push_str(&Value::from(number).to_string()),
            _ => write_string(out, text),
        },
        Type::JSON | Type::JSONB => out.push_str(text),
        _ => write_string(out, text),
    }
    Ok(())
}

/// Writes the array at the start of `text`, and gives back what follows it.
fn write_array<'a>(out: &mut String, text: &'a str, element: &Type) -> anyhow::Result<&'a str> {
    let mut rest = text.strip_prefix('{').context("an array begins with a brace")?;
    out.push('[');
    if let Some(after) = rest.strip_prefix('}') {
        out.push(']');
        return Ok(after);
    }
    loop {
        rest = if rest.starts_with('{') {
            write_array(out, rest, element)?
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (item, after) = unquoted(quoted)?;
            write_typed(out, &item, element)?;
            after
        } else {
            let end = rest.find([',', '}']).context("an array element without an end")?;
            match &rest[..end] {
                "NULL" => out.push_str("null"),
                item => write_typed(out, item, element)?,
            }
            &rest[end..]
        };
        if let Some(after) = rest.strip_prefix(',') {
            out.push(',');
            rest = after;
        } else {
            out.push(']');
            return rest.strip_prefix('}').context("an array without an end");
        }
    }
}

fn unquoted(text: &str) -> anyhow::Result<(String, &str)> {
    let mut item = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Ok((item, &text[at + 1..])),
            '\\' => item.push(letters.next().context("an escape without a letter")?.1),
            _ => item.push(letter),
        }
    }
    anyhow::bail!("a quoted element without an end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(text: &str, kind: &Type) -> Value {
        let mut out = String::new();
        write_value(&mut out, Some(text), kind.oid(), false).unwrap();
        serde_json::from_str(&out).unwrap()
    }

    #[test]
    fn parameters_become_text() {
        let texts: Vec<_> = [
            json!(null),
            json!(true),
            json!(4.5),
            json!("a\"b"),
            json!({"a": 1}),
            json!([1, null, "x\"y", [true], {"k": "v"}]),
        ]
        .iter()
        .map(parameter_text)
        .collect();
        assert_eq!(texts[..3], [None, Some("true".to_owned()), Some("4.5".to_owned())]);
        assert_eq!(texts[3].as_deref(), Some("a\"b"));
        assert_eq!(texts[4].as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(texts[5].as_deref(), Some(r#"{1,NULL,"x\"y",{true},"{\"k\":\"v\"}"}"#));
    }

    #[test]
    fn columns_become_json_by_type() {
        assert_eq!(shown("t", &Type::BOOL), json!(true));
        assert_eq!(shown("-7", &Type::INT4), json!(-7));
        assert_eq!(shown("9007199254740993", &Type::INT8), json!("9007199254740993"));
        assert_eq!(shown("1.5", &Type::FLOAT8), json!(1.5));
        assert_eq!(shown("NaN", &Type::FLOAT8), json!("NaN"));
        assert_eq!(shown(r#"{"a": [1]}"#, &Type::JSONB), json!({"a": [1]}));
        assert_eq!(shown("1.10", &Type::NUMERIC), json!("1.10"));
    }

    #[test]
    fn arrays_nest_quote_and_hold_nulls() {
        assert_eq!(shown("{}", &Type::INT4_ARRAY), json!([]));
        assert_eq!(shown("{{1,NULL},{3,4}}", &Type::INT4_ARRAY), json!([[1, null], [3, 4]]));
        assert_eq!(shown("[0:1]={5,6}", &Type::INT4_ARRAY), json!([5, 6]));
        assert_eq!(
            shown(r#"{plain,"with \"quote\"","NULL",""}"#, &Type::TEXT_ARRAY),
            json!(["plain", "with \"quote\"", "NULL", ""])
        );
    }

    #[test]
    fn a_damaged_array_is_an_error() {
        for text in ["{1", "1}", "{\"a", "{1}x", "[0:1]{1}"] {
            assert!(
                write_value(&mut String::new(), Some(text), Type::TEXT_ARRAY.oid(), false).is_err(),
                "{text}"
            );
        }
    }
}
