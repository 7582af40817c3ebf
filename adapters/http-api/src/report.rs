//! The headers that tell what a request cost and how it was let in.
//!
//! Every answer has them, so their values are slices of one buffer.

use std::{ops::Range, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use portico_domain::{meter::Meter, models::Admission};

use crate::request_id::{REQUEST_ID, RequestId};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// What the values of one answer take up, usually.
const USUAL_BYTES: usize = 256;
/// How many headers an answer has, usually. Room for them all is made at once.
pub(crate) const USUAL_HEADERS: usize = 12;

/// Sets them.
pub(crate) fn report(headers: &mut HeaderMap, id: &RequestId, meter: &Meter, spent: Duration) {
    let mut text = Text(Vec::with_capacity(USUAL_BYTES));
    let made = text.piece(|text| {
        if let RequestId::Made(id) = id {
            text.bytes(id);
        }
    });
    let timing = text.piece(|text| {
        text.bytes(b"total;dur=").millis(spent).bytes(b", db;dur=").millis(meter.storage_time());
        text.bytes(b";desc=\"").number(u64::from(meter.statements())).bytes(b"\", cache;desc=\"");
        text.bytes(meter.cache().as_str().as_bytes()).bytes(b"\"");
    });
    let policy = text.list(meter, |text, admission| {
        text.bytes(b";q=").number(u64::from(admission.quota.limit));
        text.bytes(b";w=").number(admission.quota.window.as_secs());
    });
    let limit = text.list(meter, |text, admission| {
        let reset = admission.reset_after;
        text.bytes(b";r=").number(u64::from(admission.remaining));
        // Rounded up: what is told to be there then must be.
        text.bytes(b";t=").number(reset.as_secs() + u64::from(reset.subsec_nanos() > 0));
    });
    let text = Bytes::from(text.0);
    let mut set = |name: HeaderName, piece: Range<usize>| {
        if !piece.is_empty()
            && let Ok(value) = HeaderValue::from_maybe_shared(text.slice(piece))
        {
            headers.insert(name, value);
        }
    };
    set(REQUEST_ID, made);
    set(SERVER_TIMING, timing);
    set(RATE_LIMIT_POLICY, policy);
    set(RATE_LIMIT, limit);
    if let RequestId::Sent(id) = id {
        headers.insert(REQUEST_ID, id.clone());
    }
}

/// Text that grows at its end.
struct Text(Vec<u8>);

impl Text {
    /// Where in the text `write` has written.
    fn piece(&mut self, write: impl FnOnce(&mut Self)) -> Range<usize> {
        let from = self.0.len();
        write(self);
        from..self.0.len()
    }

    /// A list of what the rate limits said, each under its policy's name.
    fn list(&mut self, meter: &Meter, item: impl Fn(&mut Self, &Admission)) -> Range<usize> {
        self.piece(|text| {
            let mut between: &[u8] = b"\"";
            meter.each_admission(|admission| {
                text.bytes(between).bytes(admission.policy.as_bytes()).bytes(b"\"");
                item(text, admission);
                between = b", \"";
            });
        })
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        let mut digits = [0; 20];
        let (mut at, mut rest) = (digits.len(), number);
        loop {
            at -= 1;
            digits[at] = digit(rest % 10);
            rest /= 10;
            if rest == 0 {
                return self.bytes(&digits[at..]);
            }
        }
    }

    /// Milliseconds with three places, as `Server-Timing` counts.
    fn millis(&mut self, span: Duration) -> &mut Self {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        let part = micros % 1_000;
        self.number(micros / 1_000).bytes(&[b'.', digit(part / 100), digit(part / 10 % 10), digit(part % 10)])
    }
}

fn digit(number: u64) -> u8 {
    b'0' + u8::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use portico_domain::{
        meter::CacheOutcome,
        models::{Gcra, Quota, Timestamp},
    };

    use super::*;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for micros in [0, 7, 10, 99, 100, 999, 1_000, 12_345, 60_000_000, u64::MAX] {
            let mut text = Text(Vec::new());
            text.millis(Duration::from_micros(micros));
            let expected = format!("{}.{:03}", micros / 1_000, micros % 1_000);
            assert_eq!(String::from_utf8(text.0).unwrap(), expected);
        }
    }

    #[test]
    fn tells_cost_and_every_limit_in_order() {
        let meter = Meter::default();
        meter.count_statements(2, Duration::from_micros(1_234));
        meter.note_cache(CacheOutcome::Miss);
        let (quota, now) = (Quota::parse("10/1m").unwrap(), Timestamp::from_seconds(1_000));
        for policy in ["one", "two", "three", "four", "five"] {
            meter.note_admission(Gcra::decide(policy, quota, None, now).admission);
        }
        let mut headers = HeaderMap::new();
        let id = RequestId::Sent(HeaderValue::from_static("r-1"));
        report(&mut headers, &id, &meter, Duration::from_micros(5_006));
        let text = |name: &str| headers[name].to_str().unwrap();
        assert_eq!(text("x-request-id"), "r-1");
        assert_eq!(text("server-timing"), "total;dur=5.006, db;dur=1.234;desc=\"2\", cache;desc=\"miss\"");
        assert_eq!(
            text("ratelimit-policy"),
            "\"one\";q=10;w=60, \"two\";q=10;w=60, \"three\";q=10;w=60, \"four\";q=10;w=60, \"five\";q=10;w=60"
        );
        assert_eq!(
            text("ratelimit"),
            "\"one\";r=9;t=6, \"two\";r=9;t=6, \"three\";r=9;t=6, \"four\";r=9;t=6, \"five\";r=9;t=6"
        );
        let mut headers = HeaderMap::new();
        report(&mut headers, &RequestId::Made([b'a'; 36]), &Meter::default(), Duration::ZERO);
        assert_eq!(headers["x-request-id"], "a".repeat(36));
        assert!(!headers.contains_key("ratelimit") && !headers.contains_key("ratelimit-policy"));
    }
}
