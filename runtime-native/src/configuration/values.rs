//! How single settings are written: spans of time, counts, addresses.

use std::{net::SocketAddr, ops::RangeInclusive, time::Duration};

const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a span such as `30s`, `15m`, `12h` or `30d`, of so many seconds.
pub(super) fn span(seconds: RangeInclusive<u64>) -> impl FnOnce(&str) -> Result<Duration, String> {
    move |text| {
        let text = text.trim();
        let parsed = UNITS.iter().find_map(|(unit, length)| {
            text.strip_suffix(*unit)?.trim_end().parse::<u64>().ok()?.checked_mul(*length)
        });
        let bounds = (*seconds.start(), *seconds.end());
        match parsed {
            Some(parsed) if seconds.contains(&parsed) => Ok(Duration::from_secs(parsed)),
            Some(_) => Err(format!("must be {} to {} seconds long", bounds.0, bounds.1)),
            None => Err("must be a time such as 30s, 15m, 12h or 30d".to_owned()),
        }
    }
}

/// Writes a span in the largest unit that divides it, so that [`span`] reads it back.
pub(super) fn show_span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (unit, length) = UNITS
        .into_iter()
        .find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length))
        .unwrap_or(('s', 1));
    format!("{}{unit}", seconds / length)
}

/// Reads a whole number within bounds.
pub(super) fn count(bounds: RangeInclusive<u32>) -> impl FnOnce(&str) -> Result<u32, String> {
    move |text| {
        let parsed = text.trim().parse().ok().filter(|count| bounds.contains(count));
        parsed.ok_or_else(|| format!("must be a whole number from {} to {}", bounds.start(), bounds.end()))
    }
}

/// Reads where to listen.
pub(super) fn listen(text: &str) -> Result<SocketAddr, &'static str> {
    text.trim()
        .parse()
        .map_err(|_| "must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080")
}

/// Reads several values with commas between them.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_shown() {
        for (text, shown) in [("30s", "30s"), ("90s", "90s"), ("120s", "2m"), ("24h", "1d"), ("0s", "0s")] {
            let read = span(0..=1_000_000)(text).unwrap();
            assert_eq!(show_span(read), shown);
            assert_eq!(span(0..=1_000_000)(shown), Ok(read));
        }
        for text in ["", "30", "s", "-1s", "1.5h", "ä", "99999999999999999999s", "300000000000000000d"] {
            assert!(span(0..=100)(text).is_err(), "{text}");
        }
        assert_eq!(span(1..=60)("2m"), Err("must be 1 to 60 seconds long".to_owned()));
    }

    #[test]
    fn counts_keep_their_bounds() {
        assert_eq!(count(1..=10)(" 10 "), Ok(10));
        assert!(count(1..=10)("0").is_err() && count(1..=10)("many").is_err());
    }

    #[test]
    fn names_are_no_addresses_to_listen_on() {
        assert!(listen("[::1]:0").is_ok());
        assert!(listen("localhost:8080").is_err() && listen("8080").is_err());
    }
}
