//! Tables of functions.

use std::{cmp::Reverse, collections::BTreeMap, fmt::Write as _};

use portico_measuring::pprof::{Profile, Share};

/// How many functions are told.
const TOP: usize = 30;
/// What allocates for others: the functions of these crates are passed over when it is told whose memory it is.
const PLUMBING: [&str; 8] =
    ["alloc::", "core::", "std::", "hashbrown::", "bytes::", "smallvec::", "tikv_jemallocator::", "__r"];

/// Whose CPU time it was.
pub(super) fn cpu(profile: &Profile) -> String {
    let total = profile.total().max(1);
    let shares = profile.by_function(|frames| frames.first());
    let mut lines: Vec<(&str, Share)> = shares.into_iter().filter(|(_, share)| share.own > 0).collect();
    lines.sort_by_key(|(name, share)| (Reverse(share.own), *name));
    let mut text = format!(
        "{} of CPU time in {} s\n\n{:>10} {:>7} {:>10} {:>7}  function\n",
        milliseconds(profile.total()),
        profile.over_nanos / 1_000_000_000,
        "own",
        "",
        "with calls",
        ""
    );
    if lines.is_empty() {
        text.push_str("no thread worked when it was looked: the server was as good as at rest\n");
    }
    for (name, share) in lines.into_iter().take(TOP) {
        // Writing into a text doesn't fail.
        let _ = writeln!(
            text,
            "{:>10} {:>6.1}% {:>10} {:>6.1}%  {name}",
            milliseconds(share.own),
            percent(share.own, total),
            milliseconds(share.whole),
            percent(share.whole, total)
        );
    }
    text
}

/// Whose memory grew or shrank.
pub(super) fn heap(before: &Profile, after: &Profile) -> String {
    let (earlier, later) = (before.by_function(owner), after.by_function(owner));
    let mut changes: BTreeMap<&str, (i64, Share)> = BTreeMap::new();
    for (name, share) in &earlier {
        let change = changes.entry(name).or_default();
        change.1 = Share { own: change.1.own - share.own, whole: change.1.whole - share.whole };
    }
    for (name, share) in &later {
        let change = changes.entry(name).or_default();
        change.0 = share.own;
        change.1 = Share { own: change.1.own + share.own, whole: change.1.whole + share.whole };
    }
    let mut lines: Vec<_> = changes.into_iter().filter(|(_, (_, change))| change.own != 0).collect();
    lines.sort_by_key(|(name, (_, change))| (Reverse(change.own.abs()), *name));
    let mut text = format!(
        "in use: {} before, {} after ({})\n\n{:>12} {:>12} {:>12}  function (what allocates for others counts as theirs)\n",
        bytes(before.total()),
        bytes(after.total()),
        signed(after.total() - before.total()),
        "own change",
        "own now",
        "with calls"
    );
    if lines.is_empty() {
        text.push_str("nothing changed that was sampled\n");
    }
    for (name, (now, change)) in lines.into_iter().take(TOP) {
        let _ = writeln!(
            text,
            "{:>12} {:>12} {:>12}  {name}",
            signed(change.own),
            bytes(now),
            signed(change.whole)
        );
    }
    text
}

/// The innermost function that allocated for itself.
fn owner(frames: &[String]) -> Option<&String> {
    frames.iter().find(|name| !is_plumbing(name)).or(frames.first())
}

/// `<alloc::vec::Vec<T> as …>::…` is plumbing, and so is `<T as alloc::…>::…`.
fn is_plumbing(name: &str) -> bool {
    let path = name.trim_start_matches(['<', '&', '(']).trim_start_matches("dyn ");
    let path = match path.split_once(" as ") {
        Some((kind, of)) if !kind.contains("::") => of,
        _ => path,
    };
    PLUMBING.iter().any(|crates| path.starts_with(crates))
}

#[expect(clippy::cast_precision_loss, reason = "shown rounded")]
fn percent(part: i64, of: i64) -> f64 {
    100.0 * part as f64 / of as f64
}

/// Nanoseconds for people.
#[expect(clippy::cast_precision_loss, reason = "shown rounded")]
pub(super) fn milliseconds(nanos: i64) -> String {
    format!("{:.0} ms", nanos as f64 / 1e6)
}

/// Bytes for people.
#[expect(clippy::cast_precision_loss, reason = "shown rounded")]
pub(super) fn bytes(bytes: i64) -> String {
    let value = bytes as f64;
    match bytes.unsigned_abs() {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", value / 1_024.0),
        _ => format!("{:.2} MiB", value / 1_048_576.0),
    }
}

fn signed(change: i64) -> String {
    if change > 0 { format!("+{}", bytes(change)) } else { bytes(change) }
}

#[cfg(test)]
mod tests {
    use portico_measuring::pprof::{Counted, Stack};

    use super::*;

    fn profile(stacks: &[(&[&str], i64)]) -> Profile {
        let stacks = stacks.iter().map(|(frames, value)| Stack {
            frames: frames.iter().map(|&frame| frame.to_owned()).collect(),
            values: vec![*value],
        });
        Profile {
            counted: vec![Counted::new("inuse_space", "bytes")],
            period: (Counted::new("space", "bytes"), 1),
            at_nanos: 0,
            over_nanos: 3_000_000_000,
            stacks: stacks.collect(),
        }
    }

    #[test]
    fn memory_is_told_as_whose_it_is() {
        let before = profile(&[
            (&["alloc::alloc::exchange_malloc", "portico::cache", "main"], 2_048),
            (&["portico::gone"], 500),
        ]);
        let after = profile(&[
            (&["<alloc::vec::Vec<T> as core::clone::Clone>::clone", "portico::cache", "main"], 5_120),
            (&["<T as alloc::slice::hack::ConvertVec>::to_vec"], 10),
        ]);
        let told = heap(&before, &after);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[0], "in use: 2.5 KiB before, 5.0 KiB after (+2.5 KiB)");
        assert_eq!(
            lines[3].split_whitespace().collect::<Vec<_>>().join(" "),
            "+3.0 KiB 5.0 KiB +3.0 KiB portico::cache"
        );
        assert_eq!(
            lines[4].split_whitespace().collect::<Vec<_>>().join(" "),
            "-500 B 0 B -500 B portico::gone"
        );
        assert!(lines[5].ends_with("<T as alloc::slice::hack::ConvertVec>::to_vec"), "{told}");
        assert!(heap(&before, &before).contains("nothing changed"));
    }

    #[test]
    fn time_is_told_by_function_the_costliest_first() {
        let told = cpu(&profile(&[(&["a", "main"], 30_000_000), (&["b", "main"], 10_000_000)]));
        assert!(told.starts_with("40 ms of CPU time in 3 s"), "{told}");
        let lines: Vec<String> =
            told.lines().skip(3).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(lines, ["30 ms 75.0% 30 ms 75.0% a", "10 ms 25.0% 10 ms 25.0% b"]);
    }
}
