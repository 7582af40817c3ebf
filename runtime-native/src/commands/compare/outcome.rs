//! What came out, as `--json` writes and `portico report` reads it.

use portico_measuring::{
    machine::Machine,
    statistics::{Ratio, percentile, ratio},
};
use serde::{Deserialize, Serialize};

/// What the JSON of a comparison says it is.
pub(crate) const KIND: &str = "compare";

/// A whole run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) kind: String,
    pub(crate) at: String,
    pub(crate) commit: Option<String>,
    pub(crate) machine: Machine,
    /// `native` or `worker`.
    pub(crate) target: String,
    /// `SQLite` or `Postgres`.
    pub(crate) database: String,
    pub(crate) round_trip_ms: f64,
    pub(crate) rounds: u32,
    pub(crate) seconds: u32,
    /// How to do it again.
    pub(crate) command: String,
    pub(crate) switches: Vec<Worth>,
}

/// What became of one switch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Worth {
    /// Its name.
    pub(crate) switch: String,
    /// What was asked.
    pub(crate) measured: String,
    /// What off means here.
    pub(crate) off_means: String,
    /// Why there are no figures, where there are none.
    pub(crate) skipped: Option<String>,
    /// Off, on, and off once more.
    pub(crate) ways: Vec<Figures>,
    /// Each thing that was compared, the one that counts first.
    pub(crate) compared: Vec<Compared>,
}

/// What one way came to, over all rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// `off`, `on` or `off again`.
    pub(crate) way: String,
    /// How many answers.
    pub(crate) answers: u64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    /// Answers a second; none where single first answers were timed.
    pub(crate) per_second: Option<f64>,
    /// Statements of the database an answer, as the server says.
    pub(crate) statements: f64,
    /// Bytes of a body.
    pub(crate) bytes: f64,
    /// From the process' start to its first answer, where servers were started anew.
    pub(crate) start_ms: Option<f64>,
    /// What the process held then.
    pub(crate) resident_mb: Option<f64>,
}

/// One thing that was compared: how many times more it is with the switch off.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// What, such as `p50`.
    pub(crate) what: String,
    /// Off against on, the better way up: 2 means that on is twice as good.
    pub(crate) ratio: Ratio,
    /// The same of off again against on; not in files of versions that did not look at it.
    #[serde(default)]
    pub(crate) again: Option<Ratio>,
    /// Off against off again: what can come of nothing.
    pub(crate) noise: Ratio,
}

/// What may be said of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// On is better.
    Worth,
    /// On is worse.
    Costs,
    /// Nobody can tell.
    Noise,
}

impl Compared {
    /// Pairs the rounds' figures, smaller being better.
    pub(crate) fn smaller(what: &str, off: &[f64], on: &[f64], again: &[f64]) -> Self {
        Self {
            what: what.to_owned(),
            ratio: ratio(off, on),
            again: Some(ratio(again, on)),
            noise: ratio(off, again),
        }
    }

    /// The same where larger is better.
    pub(crate) fn larger(what: &str, off: &[f64], on: &[f64], again: &[f64]) -> Self {
        Self {
            what: what.to_owned(),
            ratio: ratio(on, off),
            again: Some(ratio(on, again)),
            noise: ratio(again, off),
        }
    }

    /// Off and on are told apart where on differs from *both* servers that are off, to the same side, and by more than those two may differ from each other:
    /// the end of the interval that is nearest to 1 lies beyond the end of the noise's that is farthest from it. On a machine so busy that two equal servers
    /// may differ by so much, nothing smaller than that may be called anything.
    pub(crate) fn verdict(&self) -> Verdict {
        let is_better = self.ratio.value > 1.0;
        let differs = |ratio: Ratio| ratio.tells() && (ratio.value > 1.0) == is_better;
        let ends = |ratio: Ratio| (ratio.low.ln().abs(), ratio.high.ln().abs());
        let (one, other) = ends(self.ratio);
        let (low, high) = ends(self.noise);
        if !differs(self.ratio) || !self.again.is_none_or(differs) || one.min(other) <= low.max(high) {
            Verdict::Noise
        } else if is_better {
            Verdict::Worth
        } else {
            Verdict::Costs
        }
    }

    /// The verdict in words, such as `worth ×2.9 (2.7–3.1)`.
    pub(crate) fn words(&self) -> String {
        match self.verdict() {
            Verdict::Worth => format!("worth {}", shown(self.ratio)),
            Verdict::Costs => format!("costs {}", shown(inverse(self.ratio))),
            Verdict::Noise => format!("can't be told from noise: {}", shown(self.ratio)),
        }
    }
}

impl Worth {
    /// The verdict on what counts, or why there is none.
    pub(crate) fn words(&self) -> String {
        match (&self.skipped, self.compared.first()) {
            (Some(why), _) => format!("not measured: {why}"),
            (None, Some(first)) => first.words(),
            (None, None) => "nothing was compared".to_owned(),
        }
    }
}

/// A ratio with its interval, such as `×2.9 (2.7–3.1)`.
pub(crate) fn shown(ratio: Ratio) -> String {
    let high = if ratio.high > 1e6 { "∞".to_owned() } else { figure(ratio.high) };
    format!("×{} ({}–{high})", figure(ratio.value), figure(ratio.low))
}

fn inverse(ratio: Ratio) -> Ratio {
    let turned = |value: f64| if value > 0.0 { (1.0 / value).min(f64::MAX) } else { f64::MAX };
    Ratio { value: turned(ratio.value), low: turned(ratio.high), high: turned(ratio.low), level: ratio.level }
}

/// A number with the places that mean something.
pub(crate) fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 2.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

/// One turn, or several of one round together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turn {
    /// Milliseconds of each answer.
    pub(crate) times: Vec<f64>,
    pub(crate) statements: u64,
    pub(crate) bytes: u64,
    pub(crate) seconds: f64,
    /// One for each server that was started.
    pub(crate) starts: Vec<f64>,
    pub(crate) resident: Vec<f64>,
}

impl Turn {
    /// Puts what another turn of the same way came to beside it.
    pub(crate) fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.statements += other.statements;
        self.bytes += other.bytes;
        self.seconds += other.seconds;
        self.starts.extend(other.starts);
        self.resident.extend(other.resident);
    }

    pub(crate) fn p50(&self) -> f64 {
        percentile(&self.times, 50.0)
    }

    pub(crate) fn p95(&self) -> f64 {
        percentile(&self.times, 95.0)
    }

    pub(crate) fn per_second(&self) -> f64 {
        if self.seconds > 0.0 { count(self.times.len()) / self.seconds } else { 0.0 }
    }

    pub(crate) fn bytes_each(&self) -> f64 {
        each(self.bytes, self.times.len())
    }

    pub(crate) fn start(&self) -> f64 {
        percentile(&self.starts, 50.0)
    }

    pub(crate) fn resident_mb(&self) -> f64 {
        percentile(&self.resident, 50.0)
    }

    /// Sums up all rounds of a way.
    pub(crate) fn figures(&self, way: &str) -> Figures {
        Figures {
            way: way.to_owned(),
            answers: self.times.len() as u64,
            p50_ms: self.p50(),
            p95_ms: self.p95(),
            per_second: (self.seconds > 0.0).then(|| self.per_second()),
            statements: each(self.statements, self.times.len()),
            bytes: self.bytes_each(),
            start_ms: (!self.starts.is_empty()).then(|| self.start()),
            resident_mb: (!self.resident.is_empty()).then(|| self.resident_mb()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer answers than an f64 counts exactly")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "shown rounded")]
fn each(sum: u64, of: usize) -> f64 {
    if of == 0 { 0.0 } else { sum as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_cost_and_noise_are_told_apart() {
        let off = [10.0, 10.5, 9.8, 10.1];
        let again = [10.1, 10.3, 9.9, 10.0];
        let told = |on: [f64; 4]| Compared::smaller("p50", &off, &on, &again);
        assert_eq!(told([5.0, 5.2, 4.9, 5.1]).verdict(), Verdict::Worth);
        assert!(told([5.0, 5.2, 4.9, 5.1]).words().starts_with("worth ×2.0"));
        assert_eq!(told([20.0, 21.0, 19.5, 20.0]).verdict(), Verdict::Costs);
        assert!(
            told([20.0, 21.0, 19.5, 20.0]).words().starts_with("costs ×1.99"),
            "{}",
            told([20.0, 21.0, 19.5, 20.0]).words()
        );
        assert_eq!(told(off).verdict(), Verdict::Noise);
        assert_eq!(told([9.0, 12.0, 8.0, 12.0]).verdict(), Verdict::Noise);
        assert!(told(again).words().starts_with("can't be told from noise"));
        let rates = Compared::larger("rate", &off, &[20.0, 21.0, 19.5, 20.0], &again);
        assert_eq!(rates.verdict(), Verdict::Worth);
    }

    #[test]
    fn a_difference_no_larger_than_between_off_and_off_is_noise() {
        let (off, on, again) = ([10.0; 3], [9.5, 9.51, 9.49], [11.0, 9.0, 11.9]);
        assert!(Compared::smaller("p50", &off, &on, &again).ratio.tells());
        assert_eq!(Compared::smaller("p50", &off, &on, &again).verdict(), Verdict::Noise);
    }

    #[test]
    fn what_two_equal_servers_may_differ_by_is_noise_even_where_they_hardly_did() {
        // Off and off again come to the same on average, by luck: their interval is from ×0.83 to ×1.2.
        let (off, on, again) = ([10.0; 4], [9.5, 9.49, 9.51, 9.5], [11.0, 9.0, 11.1, 9.1]);
        let told = Compared::smaller("p50", &off, &on, &again);
        assert!(told.ratio.tells() && told.ratio.value > 1.05 && told.noise.value < 1.01, "{told:?}");
        assert_eq!(told.verdict(), Verdict::Noise);
    }

    #[test]
    fn on_has_to_differ_from_both_that_are_off() {
        let near = |value: f64| Ratio { value, low: value * 0.99, high: value * 1.01, level: 0.95 };
        let of = |again| Compared { what: String::new(), ratio: near(1.5), again, noise: near(1.01) };
        assert_eq!(of(Some(near(1.4))).verdict(), Verdict::Worth);
        assert_eq!(of(Some(near(0.7))).verdict(), Verdict::Noise);
        assert_eq!(of(Some(near(1.005))).verdict(), Verdict::Noise);
        // A file of an earlier version.
        let mut file = serde_json::to_value(of(None)).unwrap();
        file.as_object_mut().unwrap().remove("again");
        assert_eq!(serde_json::from_value::<Compared>(file).unwrap().verdict(), Verdict::Worth);
    }

    #[test]
    fn of_equal_servers_hardly_any_is_told_apart() {
        let mut state = 1_u64;
        // The sum of four even numbers is normal enough.
        let mut round = || {
            let mut even = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(1_u32 << 31)
            };
            10.0 * ((0..4).map(|_| even()).sum::<f64>() * 0.1).exp()
        };
        let mut side = || (0..8).map(|_| round()).collect::<Vec<_>>();
        let told = (0..2_000)
            .filter(|_| Compared::smaller("p50", &side(), &side(), &side()).verdict() != Verdict::Noise)
            .count();
        assert!(told <= 20, "{told} of 2000");
    }

    #[test]
    fn turns_add_up() {
        let turn = |time, statements| Turn {
            times: vec![time; 2],
            statements,
            seconds: 0.5,
            bytes: 8,
            ..Turn::default()
        };
        let mut both = turn(1.0, 2);
        both.add(turn(3.0, 0));
        let figures = both.figures("off");
        assert_eq!((figures.answers, figures.per_second), (4, Some(4.0)));
        assert!((figures.statements - 0.5).abs() < 1e-9 && (figures.p50_ms - 2.0).abs() < 1e-9);
        assert_eq!((figures.start_ms, Turn::default().figures("on").per_second), (None, None));
    }
}
