use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(100);
/// How wide it is.
const WIDTH: u64 = 30;

/// Shows on the standard error how far a long command has come: a bar where a person looks, else a line a part once it is done. That it can't be
/// shown stops nothing.
pub(crate) struct Progress {
    is_seen: bool,
    label: &'static str,
    began: Instant,
    drawn: Option<Instant>,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new() -> Self {
        Self { is_seen: io::stderr().is_terminal(), label: "", began: Instant::now(), drawn: None }
    }

    /// Shows that `done` of `of` are done; a new label begins a new bar.
    pub(crate) fn show(&mut self, label: &'static str, done: u64, of: u64) {
        if self.label != label {
            (self.label, self.began, self.drawn) = (label, Instant::now(), None);
        }
        let is_done = done >= of;
        let spent = self.began.elapsed();
        if is_done {
            let ended = if self.is_seen { "\r" } else { "" };
            let _ = writeln!(io::stderr(), "{ended}{}", line(label, done, of, spent, self.is_seen));
        } else if self.is_seen && self.drawn.is_none_or(|drawn| drawn.elapsed() >= EVERY) {
            let _ = write!(io::stderr(), "\r{}", line(label, done, of, spent, true));
            let _ = io::stderr().flush();
            self.drawn = Some(Instant::now());
        }
    }
}

/// Says on the standard error what begins. That it can't be said stops nothing.
pub(crate) fn note(what: &str) {
    let _ = writeln!(io::stderr(), "{what}");
}

fn line(label: &str, done: u64, of: u64, spent: Duration, bar: bool) -> String {
    let seconds = spent.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
    let left = if done == 0 { 0.0 } else { seconds * (of.saturating_sub(done)) as f64 / done as f64 };
    let bar = if bar {
        let filled = usize::try_from(WIDTH * done / of.max(1)).unwrap_or(0);
        let empty = usize::try_from(WIDTH).unwrap_or(0).saturating_sub(filled);
        format!("[{}{}] ", "=".repeat(filled), " ".repeat(empty))
    } else {
        String::new()
    };
    let time = if done < of { format!("{left:.0} s left") } else { format!("in {seconds:.1} s") };
    // Spaces cover what a longer line left.
    let cover = if bar.is_empty() { "" } else { "      " };
    format!("{label:<10} {bar}{done} of {of}, {time}{cover}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_as_the_work_is_done() {
        let half = line("books", 5, 10, Duration::from_secs(4), true);
        assert_eq!(half.trim_end(), "books      [===============               ] 5 of 10, 4 s left");
        let done = line("books", 10, 10, Duration::from_millis(8_250), false);
        assert_eq!(done.trim_end(), "books      10 of 10, in 8.2 s");
        assert!(line("books", 0, 0, Duration::ZERO, true).contains("0 of 0, in 0.0 s"));
    }
}
