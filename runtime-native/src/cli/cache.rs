//! The options of `portico cache`.

use clap::{Args, Subcommand};
use portico_domain::{
    cache::{ArmPlan, Prefix, Tiers},
    models::ExperimentId,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Cache {
    /// Compares ways to keep cached things, each tried on an equal part of a prefix' entries.
    ///
    /// Servers need not be restarted: each looks every two seconds at what the database says.
    #[command(subcommand)]
    Experiment(Experiment),
    /// Drops everything of a prefix on all servers that share the Redis of `REDIS_URL`.
    ///
    /// Without `REDIS_URL` only a server itself can drop what it keeps; ask it then: DELETE /api/v1/admin/cache?prefix=…
    #[command(
        after_help = "Prefixes: api-key, bot, model-config, user-models, books, settings, and * for all of them.\n\n\
        Example:\n    portico cache clear api-key\n\n\
        Exit codes: 0 dropped on every server that hears Redis, 1 Redis did not answer or REDIS_URL is not set, 2 there is no such prefix."
    )]
    Clear(ClearCache),
}

#[derive(Debug, Args)]
pub(crate) struct ClearCache {
    /// Whose entries to drop.
    #[arg(value_name = "PREFIX")]
    pub(crate) prefix: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Experiment {
    /// Starts an experiment; prints its id.
    #[command(
        after_help = "An arm is a name, and after a colon what it changes: lifetime=<seconds> (1-3600), stale=<seconds> (0-86400: how long past its lifetime an entry\n\
        is still used, for api-key only while the database is away) and tiers=off|memory|shared|both. What it leaves out is as in force now.\n\n\
        Example:\n    portico cache experiment start --prefix api-key --name 'is Redis worth it' --arm control --arm local:tiers=memory,lifetime=30\n\n\
        An arm of api-key can't be given more time than the configuration gives: a revoked key must not live longer than promised.\n\n\
        Exit codes: 0 started, 1 another one of the prefix runs or the database is away, 2 not understood."
    )]
    Start(StartExperiment),
    /// Lists the newest hundred experiments.
    List(ListExperiments),
    /// Shows an experiment with what its arms came to, on all servers.
    Show(OneExperiment),
    /// Takes an experiment out of force: one that runs ends, one that is adopted gives way to the configuration.
    Stop(OneExperiment),
    /// Ends an experiment and keeps all entries of its prefix as one of its arms did, on every server and after every restart.
    #[command(
        after_help = "Adopting an arm of another experiment replaces it; `portico cache experiment stop ID` goes back to the configuration.\n\n\
        Exit codes: 0 adopted, 1 no such experiment, another one of the prefix runs, or the database is away, 2 no such arm."
    )]
    Adopt(AdoptArm),
}

#[derive(Debug, Args)]
pub(crate) struct StartExperiment {
    /// Whose entries are split: api-key, bot, model-config, user-models, books or settings.
    #[arg(long, value_name = "PREFIX", value_parser = parse_prefix)]
    pub(crate) prefix: Prefix,
    /// What it is to be called.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// One of the ways to compare; given two to four times.
    #[arg(long = "arm", value_name = "ARM", required = true, value_parser = parse_arm)]
    pub(crate) arms: Vec<ArmPlan>,
    /// Prints the whole experiment as JSON instead of its id.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListExperiments {
    /// Prints JSON, an experiment a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct OneExperiment {
    /// The experiment's id.
    #[arg(value_name = "ID", value_parser = parse_experiment)]
    pub(crate) id: ExperimentId,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AdoptArm {
    /// The experiment's id.
    #[arg(value_name = "ID", value_parser = parse_experiment)]
    pub(crate) id: ExperimentId,
    /// The arm's name.
    #[arg(value_name = "ARM")]
    pub(crate) arm: String,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_prefix(text: &str) -> Result<Prefix, &'static str> {
    Prefix::parse(text).ok_or("is not one of api-key, bot, model-config, user-models, books and settings")
}

fn parse_experiment(text: &str) -> Result<ExperimentId, &'static str> {
    ExperimentId::parse(text).ok_or("is not the id of an experiment, which is a UUID")
}

/// Reads `name` or `name:lifetime=30,stale=0,tiers=memory`.
fn parse_arm(text: &str) -> Result<ArmPlan, String> {
    let (name, changes) = text.split_once(':').unwrap_or((text, ""));
    let mut arm = ArmPlan::control(name.trim());
    for change in changes.split(',').filter(|change| !change.trim().is_empty()) {
        let (what, value) = change.split_once('=').unwrap_or((change, ""));
        let seconds = || {
            let digits = value.trim().trim_end_matches('s');
            digits.parse().map(Some).map_err(|_| format!("{} must be a whole number of seconds", what.trim()))
        };
        match what.trim() {
            "lifetime" => arm.lifetime_seconds = seconds()?,
            "stale" => arm.stale_seconds = seconds()?,
            "tiers" => arm.tiers = Some(parse_tiers(value.trim())?),
            other => return Err(format!("{other} is none of lifetime, stale and tiers")),
        }
    }
    Ok(arm)
}

fn parse_tiers(text: &str) -> Result<Tiers, String> {
    match text {
        "off" => Ok(Tiers::Off),
        "memory" => Ok(Tiers::Memory),
        "shared" => Ok(Tiers::Shared),
        "both" => Ok(Tiers::Both),
        _ => Err("tiers must be off, memory, shared or both".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arm_is_a_name_and_what_it_changes() {
        assert_eq!(parse_arm("control"), Ok(ArmPlan::control("control")));
        let arm = parse_arm("short: lifetime=10s, stale=0,tiers=memory").unwrap();
        assert_eq!(
            (arm.name.as_str(), arm.lifetime_seconds, arm.stale_seconds),
            ("short", Some(10), Some(0))
        );
        assert_eq!(arm.tiers, Some(Tiers::Memory));
        for (wrong, why) in [
            ("a:life=1", "none of"),
            ("a:lifetime", "seconds"),
            ("a:stale=-1", "seconds"),
            ("a:tiers=none", "off,"),
        ] {
            assert!(parse_arm(wrong).unwrap_err().contains(why), "{wrong}");
        }
    }
}
