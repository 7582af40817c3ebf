//! Moments in time, as the domain compares and prints them.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment in UTC, in whole microseconds since 1970: as exact as both databases keep it, so that a moment
/// read back equals the moment written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `micros` microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The moment `seconds` seconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970, never negative: the time part of a UUID version 7.
    #[must_use]
    pub fn millis(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }

    /// Whole seconds since 1970: what a JWT counts in.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The moment `span` later; the end of time rather than an overflow.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The moment `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How much later this is than `earlier`; zero when it isn't.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339 with any offset; parts finer than a microsecond are cut.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000)).ok().map(Self)
    }
}

/// The longest text of a moment.
const LONGEST: usize = "2026-09-21T14:13:20.123456Z".len();

/// A moment's text, made without an allocation: answers are full of them.
struct Written {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Written {
    /// `None` outside the years 0 to 9999, which RFC 3339 has no words for.
    fn of(moment: Timestamp) -> Option<Self> {
        let micros = u32::try_from(moment.0.rem_euclid(1_000_000)).ok()?;
        let moment = OffsetDateTime::from_unix_timestamp(moment.seconds()).ok()?;
        let year = u32::try_from(moment.year()).ok().filter(|year| *year <= 9_999)?;
        let mut written = Self { bytes: *b"0000-00-00T00:00:00.000000Z", length: LONGEST };
        written.digits(0..4, year);
        written.digits(5..7, u32::from(u8::from(moment.month())));
        written.digits(8..10, u32::from(moment.day()));
        written.digits(11..13, u32::from(moment.hour()));
        written.digits(14..16, u32::from(moment.minute()));
        written.digits(17..19, u32::from(moment.second()));
        written.digits(20..26, micros);
        // Parts of a second lose their last zeros, and a whole second its point as well.
        let kept = written.bytes[..26].iter().rposition(|byte| *byte != b'0').unwrap_or_default();
        let end = if micros == 0 { 19 } else { kept + 1 };
        written.bytes[end] = b'Z';
        written.length = end + 1;
        Some(written)
    }

    fn digits(&mut self, places: std::ops::Range<usize>, mut number: u32) {
        for place in self.bytes[places].iter_mut().rev() {
            *place = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, ending in `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Written::of(*self).ok_or(fmt::Error)?.as_str())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = Written::of(*self);
        let written = written.ok_or_else(|| serde::ser::Error::custom("no moment of the years 0 to 9999"))?;
        serializer.serialize_str(written.as_str())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn is_written_as_the_time_crate_writes_it(
            micros in -62_167_219_200_000_000_i64..253_402_300_800_000_000, whole in 0..7_u32,
        ) {
            let part = 10_i64.pow(whole);
            let moment = Timestamp(micros.div_euclid(part) * part);
            let reference = OffsetDateTime::from_unix_timestamp_nanos(i128::from(moment.0) * 1_000).unwrap();
            prop_assert_eq!(moment.to_string(), reference.format(&Rfc3339).unwrap());
        }
    }

    #[test]
    fn a_moment_that_has_no_text_is_an_error_and_no_panic() {
        for micros in [i64::MIN, i64::MAX, -62_167_219_200_000_001, 253_402_300_800_000_000] {
            assert!(serde_json::to_string(&Timestamp(micros)).is_err(), "{micros}");
        }
    }

    #[test]
    fn prints_and_reads_back_to_the_microsecond() {
        let moment = Timestamp::from_micros(1_790_000_000_123_456);
        assert_eq!(moment.to_string(), "2026-09-21T14:13:20.123456Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        assert_eq!(Timestamp::parse("2026-09-21T16:13:20.123456+02:00"), Some(moment));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn spans_saturate_instead_of_overflowing() {
        assert_eq!(Timestamp::from_micros(i64::MAX).after(Duration::from_secs(1)).micros(), i64::MAX);
        assert_eq!(Timestamp::from_micros(5).since(Timestamp::from_micros(9)), Duration::ZERO);
    }
}
