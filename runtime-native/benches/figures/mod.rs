//! Medians, percentiles, and when to run at all.

#![allow(dead_code, unreachable_pub, reason = "each bench uses its part of this")]

use std::time::Duration;

/// Whether this is a run of `cargo bench`, and not one of the tests that only want to see it compile.
pub fn is_wanted() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// The value of `--name value`, or the default.
pub fn option(name: &str, default: u64) -> u64 {
    let mut arguments = std::env::args();
    let given = arguments.find(|argument| *argument == format!("--{name}")).and_then(|_| arguments.next());
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("--{name} takes a whole number")))
}

/// The value of `--name value`, if it is given.
pub fn text_option(name: &str) -> Option<String> {
    let mut arguments = std::env::args();
    arguments.find(|argument| *argument == format!("--{name}"))?;
    arguments.next()
}

/// Whether `--name` is given.
pub fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == format!("--{name}"))
}

/// The value below which `percent` of them lie.
pub fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index"
    )]
    let index = ((sorted.len() as f64 * percent / 100.0).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// Milliseconds.
pub fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}
