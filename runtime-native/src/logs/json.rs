//! Log lines as JSON objects.
//!
//! Every request is logged, so a line is written by hand into a buffer that its thread keeps: `tracing-subscriber`'s own JSON costs more than the request.

use std::{
    cell::RefCell,
    fmt::{self, Write},
};

use portico_domain::ports::Clock;
use portico_in_process::SystemClock;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

use super::writer::Lines;

/// What a thread's buffer keeps of its memory after a line that was longer.
const KEPT: usize = 4 * 1_024;

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Writes each event as `{"timestamp": …, "level": …, the event's fields, "target": …}`. Spans, of which there are none here, are not told.
pub(super) struct JsonLines(pub(super) Lines);

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        LINE.with(|kept| {
            // A value that logs while it is being written finds the buffer taken.
            match kept.try_borrow_mut() {
                Ok(mut line) => self.write(event, &mut line),
                Err(_) => self.write(event, &mut String::new()),
            }
        });
    }
}

impl JsonLines {
    fn write(&self, event: &Event<'_>, line: &mut String) {
        line.clear();
        render(event, line);
        self.0.push(line.as_bytes());
        line.shrink_to(KEPT);
    }
}

fn render(event: &Event<'_>, line: &mut String) {
    let metadata = event.metadata();
    // Writing to a string doesn't fail.
    let _ = write!(line, "{{\"timestamp\":\"{}\",\"level\":\"", SystemClock.now());
    line.push_str(metadata.level().as_str());
    line.push('"');
    event.record(&mut Members(line));
    line.push_str(",\"target\":\"");
    let _ = Escaped(line).write_str(metadata.target());
    line.push_str("\"}\n");
}

/// Writes fields as members, each after a comma.
struct Members<'a>(&'a mut String);

impl Members<'_> {
    /// Names stand in the source, as words: none needs to be escaped.
    fn name(&mut self, field: &Field) {
        self.0.push_str(",\"");
        self.0.push_str(field.name());
        self.0.push_str("\":");
    }

    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        self.name(field);
        let _ = write!(self.0, "{value}");
    }

    fn whole(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(digit @ 0..=9) => self.0.push(char::from(b'0' + digit)),
            _ => {
                let _ = write!(self.0, "{number}");
            }
        }
    }

    fn thousandths(&mut self, number: f64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and below 10¹²")]
        let number = number as u64;
        self.whole(number / 1_000);
        let part = number % 1_000;
        if part != 0 {
            let digits = [part / 100, part / 10 % 10, part % 10];
            let kept = 3 - digits.iter().rev().take_while(|digit| **digit == 0).count();
            self.0.push('.');
            self.0.extend(
                digits[..kept].iter().map(|digit| char::from(b'0' + u8::try_from(*digit).unwrap_or(0))),
            );
        }
    }
}

impl Visit for Members<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.name(field);
        self.0.push('"');
        let _ = write!(Escaped(self.0), "{value:?}");
        self.0.push('"');
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.0.push('"');
        let _ = Escaped(self.0).write_str(value);
        self.0.push('"');
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        let thousandths = (value * 1e3).round();
        if !value.is_finite() {
            // JSON has no words for what is no number.
            self.bare(field, "null");
        } else if (0.0..1e12).contains(&thousandths) && (thousandths / 1e3).total_cmp(&value).is_eq() {
            // Times are of this kind. The shortest digits of any number cost several times as much.
            self.name(field);
            self.thousandths(thousandths);
        } else {
            // With an exponent: written out, the largest numbers have three hundred digits.
            self.bare(field, format_args!("{value:e}"));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.name(field);
        self.whole(value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }
}

/// Writes text into a JSON string (RFC 8259, section 7).
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let must_be_escaped = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
        // Looks at every byte, not just up to the first, so that it can look at many at once.
        if !text.as_bytes().iter().fold(false, |found, byte| found | must_be_escaped(byte)) {
            self.0.push_str(text);
            return Ok(());
        }
        let mut rest = text;
        while let Some(at) = rest.as_bytes().iter().position(must_be_escaped) {
            self.0.push_str(&rest[..at]);
            match rest.as_bytes()[at] {
                b'"' => self.0.push_str("\\\""),
                b'\\' => self.0.push_str("\\\\"),
                b'\n' => self.0.push_str("\\n"),
                b'\r' => self.0.push_str("\\r"),
                b'\t' => self.0.push_str("\\t"),
                other => write!(self.0, "\\u{other:04x}")?,
            }
            rest = &rest[at + 1..];
        }
        self.0.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::logs::writer;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let (lines, flush) = writer::start(kept.clone(), |_| String::new());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(JsonLines(lines)), log);
        drop(flush);
        let bytes = kept.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }

    #[test]
    fn a_line_has_its_fields_in_their_kinds() {
        let lines = logged(|| {
            tracing::info!(
                target: "portico::request",
                request_id = "r-1", status = 200_u16, ms = 0.125, gone = f64::NAN, yes = true, code = None::<&str>,
                method = %"GET", less = -1_i64,
                "request"
            );
        });
        assert_eq!(lines.len(), 1);
        let mut line = lines[0].clone();
        let at = line["timestamp"].take();
        assert!(portico_domain::models::Timestamp::parse(at.as_str().unwrap()).is_some());
        assert_eq!(
            line,
            json!({
                "timestamp": null, "level": "INFO", "message": "request", "request_id": "r-1", "status": 200, "ms": 0.125,
                "gone": null, "yes": true, "method": "GET", "less": -1, "target": "portico::request",
            })
        );
    }

    #[test]
    fn numbers_read_back_as_they_were() {
        let numbers = [0.0, 0.001, 0.01, 0.1, 1.0, 12.345, 29_999.999, 1e15, -0.5, 1e-7, 1e300];
        let lines = logged(|| numbers.iter().for_each(|number| tracing::info!(number = *number)));
        let read: Vec<f64> = lines.iter().map(|line| line["number"].as_f64().unwrap()).collect();
        assert_eq!(read, numbers);
    }

    #[test]
    fn whatever_a_client_sends_stays_inside_its_string() {
        let path = "/\"},{\\\n\r\t\u{1}\u{7f}ü😀";
        let lines = logged(|| {
            tracing::warn!(path, shown = ?path, "{path}");
        });
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["path"], path);
        assert_eq!(lines[0]["message"], path);
        assert_eq!(lines[0]["shown"], format!("{path:?}"));
    }

    /// Logs while it is being logged.
    struct Talkative;

    impl fmt::Debug for Talkative {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::info!("inner");
            f.write_str("outer")
        }
    }

    #[test]
    fn a_value_that_logs_does_not_disturb_the_line_it_is_in() {
        let lines = logged(|| tracing::info!(value = ?Talkative, "told"));
        assert!(lines.iter().any(|line| line["value"] == "outer"), "{lines:?}");
    }
}
