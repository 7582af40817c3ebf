use serde::Serialize;

use super::{ArmTally, Experiment, intervals::Estimate};

/// What one arm of an experiment came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmReport {
    /// The arm.
    pub name: String,
    /// The part of the prefix' entries that it is given.
    pub share: f64,
    /// Reads.
    pub reads: u64,
    /// Reads that did not wait for the source.
    pub hits: u64,
    /// The part of reads that were hits.
    pub hit_rate: Estimate,
    /// How long loads took, in milliseconds.
    pub load_ms: Estimate,
    /// How old entries were when they answered, in milliseconds.
    pub age_ms: Estimate,
    /// Loads that failed.
    pub errors: u64,
    /// How many processes or isolates have seen it.
    pub servers: u64,
}

/// An experiment's arms beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// In the experiment's order.
    pub arms: Vec<ArmReport>,
    /// What can be said of them, as sentences.
    pub verdict: String,
}

/// What all servers saw of one arm.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmResult {
    /// The arm's name.
    pub arm: String,
    /// The sums over servers.
    pub tally: ArmTally,
    /// How many processes or isolates have told.
    pub servers: u64,
}

impl Comparison {
    /// Compares what was seen of an experiment's arms.
    ///
    /// The intervals take observations for independent. Reads of one key are not quite that, so they are the least uncertainty, not all of it.
    #[must_use]
    pub fn of(experiment: &Experiment, results: &[ArmResult]) -> Self {
        let report = |arm: &super::ArmPlan| {
            let of_arm = || results.iter().filter(|result| result.arm == arm.name);
            let tally = of_arm().fold(ArmTally::default(), |sum, result| sum.plus(result.tally));
            ArmReport {
                name: arm.name.clone(),
                share: 1.0 / f64::from(u8::try_from(experiment.arms.len()).unwrap_or(u8::MAX)),
                reads: tally.reads,
                hits: tally.hits,
                hit_rate: Estimate::of_proportion(tally.hits, tally.reads),
                load_ms: Estimate::of_mean(tally.loads, tally.load_ms, tally.load_ms_squared),
                age_ms: Estimate::of_mean(tally.hits, tally.age_ms, tally.age_ms_squared),
                errors: tally.errors,
                servers: of_arm().map(|result| result.servers).sum(),
            }
        };
        let arms: Vec<_> = experiment.arms.iter().map(report).collect();
        let hit_rates = sentence("hit rate", "highest", &arms, true, |arm| &arm.hit_rate);
        let load_times = sentence("load time", "lowest", &arms, false, |arm| &arm.load_ms);
        let verdict = format!("{hit_rates} {load_times}");
        Self { arms, verdict }
    }
}

fn sentence(
    what: &str,
    best: &str,
    arms: &[ArmReport],
    most: bool,
    of: impl Fn(&ArmReport) -> &Estimate,
) -> String {
    let unknown: Vec<_> =
        arms.iter().filter(|arm| of(arm).low.is_none()).map(|arm| arm.name.as_str()).collect();
    if !unknown.is_empty() {
        return format!("Too little was seen of {} to compare the {what}.", listed(&unknown));
    }
    let mean = |arm: &&ArmReport| of(arm).mean.unwrap_or_default();
    let by_mean = |a: &&ArmReport, b: &&ArmReport| mean(a).total_cmp(&mean(b));
    let leader = if most { arms.iter().max_by(by_mean) } else { arms.iter().min_by(by_mean) };
    let Some(leader) = leader else { return format!("There is no {what} to compare.") };
    let near: Vec<_> = arms
        .iter()
        .filter(|arm| arm.name != leader.name && !of(arm).is_apart_from(of(leader)))
        .map(|arm| arm.name.as_str())
        .collect();
    if near.is_empty() {
        format!("The {what} of ‘{}’ is the {best}, and its interval is apart from all others.", leader.name)
    } else {
        format!(
            "The {what} of ‘{}’ is the {best} so far, but its interval is not apart from that of {}: no difference is shown between them.",
            leader.name,
            listed(&near)
        )
    }
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("‘{one}’"),
        [most @ .., last] => format!("‘{}’ and ‘{last}’", most.join("’, ‘")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cache::{ArmPlan, ExperimentState, Prefix},
        models::{ExperimentId, Timestamp},
    };

    fn experiment(names: &[&str]) -> Experiment {
        Experiment {
            id: ExperimentId::generate(Timestamp::from_seconds(1), [1; 10]),
            prefix: Prefix::ApiKey,
            name: "off or on".to_owned(),
            arms: names.iter().map(|name| ArmPlan::control(*name)).collect(),
            state: ExperimentState::Running,
            started_at: Timestamp::from_seconds(1),
            ended_at: None,
        }
    }

    fn seen(arm: &str, reads: u64, hits: u64, load_ms: f64) -> ArmResult {
        let loads = 10;
        let tally = ArmTally {
            reads,
            hits,
            loads,
            load_ms: load_ms * 10.0,
            // Each a tenth above or below the mean.
            load_ms_squared: load_ms * load_ms * 1.01 * 10.0,
            ..ArmTally::default()
        };
        ArmResult { arm: arm.to_owned(), tally, servers: 1 }
    }

    #[test]
    fn servers_are_added_up_and_the_verdict_says_what_is_apart() {
        let results = [
            seen("off", 500, 0, 5.0),
            seen("on", 300, 270, 5.1),
            seen("on", 200, 190, 5.1),
            seen("gone", 9, 9, 1.0),
        ];
        let comparison = Comparison::of(&experiment(&["off", "on"]), &results);
        let [off, on] = &comparison.arms[..] else { panic!("{comparison:?}") };
        assert_eq!((off.reads, off.hits, off.servers), (500, 0, 1));
        assert_eq!((on.reads, on.hits, on.servers), (500, 460, 2));
        assert!((on.share - 0.5).abs() < 1e-9);
        assert_eq!(
            comparison.verdict,
            "The hit rate of ‘on’ is the highest, and its interval is apart from all others. The load time of ‘off’ is the lowest so far, but its \
             interval is not apart from that of ‘on’: no difference is shown between them."
        );
    }

    #[test]
    fn too_little_is_said_to_be_too_little() {
        let comparison = Comparison::of(&experiment(&["a", "b", "c"]), &[seen("a", 5, 1, 1.0)]);
        assert_eq!(
            comparison.verdict,
            "Too little was seen of ‘b’ and ‘c’ to compare the hit rate. Too little was seen of ‘b’ and ‘c’ to compare the load time."
        );
    }
}
