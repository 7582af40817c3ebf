//! One line of the journal: `<bytes of the payload> <checksum> <payload as JSON>`.
//!
//! JSON escapes line breaks, so that a line is a record. Length and checksum tell a torn or damaged line from a whole one.

use portico_domain::models::{Digest, Fact};
use serde::{Deserialize, Serialize};

const CHECKSUM_DIGITS: usize = 16;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// These facts were taken, under this number.
    Taken { number: u64, facts: Vec<Fact> },
    /// The facts under these numbers are written; each pair is a first and a last number.
    Written(Vec<(u64, u64)>),
}

impl Entry {
    /// The line, with its line break.
    pub(super) fn to_line(&self) -> Result<String, serde_json::Error> {
        let payload = serde_json::to_string(self)?;
        Ok(format!("{} {} {payload}\n", payload.len(), checksum(&payload)))
    }

    /// Reads a line without its line break; `None` when it isn't whole.
    pub(super) fn from_line(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(line).ok()?;
        let (length, rest) = line.split_once(' ')?;
        let (sum, payload) = rest.split_once(' ')?;
        if length.parse() != Ok(payload.len()) || sum != checksum(payload) {
            return None;
        }
        serde_json::from_str(payload).ok()
    }

    /// Says that these numbers, in rising order, are written.
    pub(super) fn written(numbers: &[u64]) -> Self {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for &number in numbers {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == number => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        Self::Written(ranges)
    }
}

fn checksum(payload: &str) -> String {
    let mut digits = Digest::of(payload.as_bytes()).to_hex();
    digits.truncate(CHECKSUM_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use portico_domain::models::{Timestamp, UserId};

    use super::*;

    fn taken() -> Entry {
        let user_id = UserId::generate(Timestamp::from_seconds(1_790_000_000), [1; 10]);
        let at = Timestamp::from_micros(1_790_000_000_123_456);
        Entry::Taken { number: 7, facts: vec![Fact::SignedIn { user_id, at }] }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        for entry in [taken(), Entry::written(&[1, 2, 3, 7, 9, 10])] {
            let line = entry.to_line().unwrap();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Entry::from_line(line.trim_end().as_bytes()), Some(entry));
        }
        assert_eq!(Entry::written(&[1, 2, 3, 7, 9, 10]), Entry::Written(vec![(1, 3), (7, 7), (9, 10)]));
    }

    #[test]
    fn no_damaged_line_is_read() {
        let line = taken().to_line().unwrap();
        let line = line.trim_end().as_bytes();
        for cut in 0..line.len() {
            assert_eq!(Entry::from_line(&line[..cut]), None, "cut at {cut}");
        }
        for at in 0..line.len() {
            let mut damaged = line.to_vec();
            damaged[at] ^= 1;
            assert_eq!(Entry::from_line(&damaged), None, "damaged at {at}");
        }
    }
}
