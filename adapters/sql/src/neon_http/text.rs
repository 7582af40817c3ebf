//! Values in Postgres' text form.

use portico_domain::models::Timestamp;
use serde_json::Value as Json;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use crate::driver::{Type, Value};

/// A parameter as the endpoint takes it.
pub(super) fn parameter(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => (*value).into(),
        // As text, so that no JSON reader on the way rounds it.
        Value::Integer(value) => value.to_string().into(),
        Value::Text(value) => value.as_str().into(),
        Value::Bytes(bytes) => {
            use std::fmt::Write as _;
            let mut hex = String::with_capacity(2 + 2 * bytes.len());
            hex.push_str("\\x");
            for byte in bytes {
                let _ = write!(hex, "{byte:02x}");
            }
            hex.into()
        }
        Value::Uuid(value) => value.hyphenated().to_string().into(),
        Value::Time(value) => moment(*value).into(),
    }
}

/// Writes a moment; one outside the years that can be written becomes what Postgres refuses as out of range.
fn moment(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.micros()) * 1_000)
        .ok()
        .and_then(|moment| {
            let (date, time) = (moment.date(), moment.time());
            let year = date.year();
            (1..=9_999).contains(&year).then(|| {
                format!(
                    "{year:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}+00",
                    u8::from(date.month()),
                    date.day(),
                    time.hour(),
                    time.minute(),
                    time.second(),
                    time.microsecond()
                )
            })
        })
        .unwrap_or_else(|| "out of range".to_owned())
}

/// Reads a column; `None` when it isn't of the declared type.
pub(super) fn value(text: Option<String>, kind: Type) -> Option<Value> {
    let Some(text) = text else { return Some(Value::Null) };
    Some(match kind {
        Type::Bool => match text.as_str() {
            "t" => Value::Bool(true),
            "f" => Value::Bool(false),
            _ => return None,
        },
        Type::Integer => Value::Integer(text.parse().ok()?),
        Type::Text => Value::Text(text),
        Type::Bytes => Value::Bytes(bytes(text.strip_prefix("\\x")?)?),
        Type::Uuid => Value::Uuid(uuid::Uuid::try_parse(&text).ok()?),
        Type::Time => Value::Time(timestamp(&text)?),
    })
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

/// Reads `2026-09-21 14:13:20.123456+00`: the form of `DateStyle` ISO, in whatever zone the session is.
fn timestamp(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_once(' ')?;
    let sign = rest.rfind(['+', '-'])?;
    let (clock, offset) = rest.split_at(sign);
    let (seconds, fraction) = clock.split_once('.').unwrap_or((clock, ""));

    let mut date = date.splitn(3, '-');
    let year: i32 = date.next()?.parse().ok()?;
    let month: u8 = date.next()?.parse().ok()?;
    let date =
        Date::from_calendar_date(year, Month::try_from(month).ok()?, date.next()?.parse().ok()?).ok()?;
    let [hour, minute, second] = three(seconds)?;
    if fraction.len() > 6 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let micros: u32 = if fraction.is_empty() { 0 } else { format!("{fraction:0<6}").parse().ok()? };
    let time = Time::from_hms_micro(hour, minute, second, micros).ok()?;

    let negative = offset.starts_with('-');
    let [hours, minutes, seconds] = three(&offset[1..])?;
    let part = |part: u8| i8::try_from(part).ok().map(|part| if negative { -part } else { part });
    let offset = UtcOffset::from_hms(part(hours)?, part(minutes)?, part(seconds)?).ok()?;
    let moment = date.with_time(time).assume_offset(offset);
    i64::try_from(moment.unix_timestamp_nanos() / 1_000).ok().map(Timestamp::from_micros)
}

/// Reads up to three numbers between colons; missing ones are zero.
fn three(text: &str) -> Option<[u8; 3]> {
    let mut parts = [0; 3];
    for (at, part) in text.split(':').enumerate() {
        *parts.get_mut(at)? = part.parse().ok()?;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_any_zone() {
        let at = Some(Timestamp::from_micros(1_790_000_000_123_456));
        assert_eq!(timestamp("2026-09-21 14:13:20.123456+00"), at);
        assert_eq!(timestamp("2026-09-21 16:13:20.123456+02"), at);
        assert_eq!(timestamp("2026-09-21 08:43:20.123456-05:30"), at);
        assert_eq!(timestamp("2026-09-21 14:13:20+00"), Some(Timestamp::from_seconds(1_790_000_000)));
        assert_eq!(
            timestamp("2026-09-21 14:13:20.5+00"),
            Some(Timestamp::from_micros(1_790_000_000_500_000))
        );
        assert_eq!(timestamp("1969-12-31 23:59:59.999999+00"), Some(Timestamp::from_micros(-1)));
        for text in [
            "infinity",
            "21/09/2026 14:13:20+00",
            "2026-09-21",
            "",
            "2026-09-21 14:13:20",
            "2026-09-21 1:2:3:4+0",
        ] {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let values = [
            (Value::Integer(i64::MIN), Type::Integer),
            (Value::Text("a\"b\\".to_owned()), Type::Text),
            (Value::Bytes(vec![0, 255, 16]), Type::Bytes),
            (Value::Uuid(uuid::Uuid::from_u128(77)), Type::Uuid),
            (Value::Time(Timestamp::from_micros(1_790_000_000_123_456)), Type::Time),
            (Value::Null, Type::Time),
        ];
        for (written, kind) in values {
            let sent = parameter(&written);
            assert_eq!(value(sent.as_str().map(str::to_owned), kind), Some(written));
        }
        assert_eq!(value(Some("t".to_owned()), Type::Bool), Some(Value::Bool(true)));
        assert_eq!(value(Some("yes".to_owned()), Type::Bool), None);
        assert_eq!(value(Some("\\xzz".to_owned()), Type::Bytes), None);
    }

    #[test]
    fn a_moment_that_cannot_be_written_is_refused_not_wrapped() {
        assert_eq!(moment(Timestamp::from_micros(i64::MAX)), "out of range");
    }
}
