use std::{
    io::{self, Write},
    sync::Arc,
};

use anyhow::Context;
use portico_crypto::SystemEntropy;
use portico_domain::{
    cache::{ArmPlan, Comparison, Estimate, Experiment, ExperimentPlan, ExperimentState, Tiers},
    flows::cache_operations::{ExperimentError, ManageExperiments},
    models::{Order, PageRequest},
};
use portico_http_api::ExperimentAnswer;
use portico_in_process::SystemClock;

use super::say;
use crate::{Failure, cli, configuration::Configuration, storage};

/// So many are listed.
const LISTED: u32 = 100;

/// Starts, lists, shows, stops an experiment, or adopts an arm of it.
pub(crate) async fn experiment(configuration: &Configuration, what: cli::Experiment) -> Result<(), Failure> {
    let store = storage::open_ready(configuration, Arc::new(SystemClock)).await?;
    let manage = ManageExperiments {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        experiments: Arc::clone(&store.repositories.experiments),
        results: Arc::clone(&store.repositories.experiment_results),
        policies: configuration.settings.cache,
        conduct: None,
    };
    let told = perform(&manage, what, configuration).await;
    store.close().await;
    let told = told?;
    Ok(say(|out| out.write_all(&told))?)
}

async fn perform(
    manage: &ManageExperiments,
    what: cli::Experiment,
    configuration: &Configuration,
) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    match what {
        cli::Experiment::Start(cli::StartExperiment { prefix, name, arms, json }) => {
            let plan = ExperimentPlan { prefix, name: name.trim().to_owned(), arms };
            let started = manage.start(plan).await.map_err(failure)?;
            if json { write_json(&mut out, &started, None)? } else { writeln!(out, "{}", started.id)? }
        }
        cli::Experiment::List(options) => {
            let page = PageRequest { limit: LISTED, after: None, order: Order::Descending };
            let page = manage.list(page).await.with_context(|| configuration.database.shown())?;
            if options.json {
                for experiment in &page.items {
                    write_json(&mut out, experiment, None)?;
                }
            } else {
                write_list(&mut out, &page.items)?;
            }
        }
        cli::Experiment::Show(options) => {
            let (experiment, comparison) = manage.show(options.id).await.map_err(failure)?;
            if options.json {
                write_json(&mut out, &experiment, Some(&comparison))?;
            } else {
                write_report(&mut out, &experiment, &comparison)?;
            }
        }
        cli::Experiment::Stop(options) => {
            let stopped = manage.stop(options.id).await.map_err(failure)?;
            write_outcome(&mut out, &stopped, options.json)?;
        }
        cli::Experiment::Adopt(options) => {
            let adopted = manage.adopt(options.id, &options.arm).await.map_err(failure)?;
            write_outcome(&mut out, &adopted, options.json)?;
        }
    }
    Ok(out)
}

/// What makes no sense is a fault of the command line; the rest did not succeed.
fn failure(error: ExperimentError) -> Failure {
    match error {
        ExperimentError::Invalid(faults) => Failure::Usage(
            faults.into_iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect(),
        ),
        other => Failure::Failed(other.into()),
    }
}

fn write_json(out: &mut Vec<u8>, experiment: &Experiment, report: Option<&Comparison>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &ExperimentAnswer::of(experiment, report))?;
    writeln!(out)
}

fn write_outcome(out: &mut Vec<u8>, experiment: &Experiment, json: bool) -> io::Result<()> {
    if json {
        write_json(out, experiment, None)
    } else {
        writeln!(out, "{} is {}", experiment.id, state(experiment))
    }
}

fn state(experiment: &Experiment) -> String {
    match &experiment.state {
        ExperimentState::Running => "running".to_owned(),
        ExperimentState::Stopped => "stopped".to_owned(),
        ExperimentState::Adopted(arm) => format!("adopted: {arm}"),
    }
}

fn write_list(out: &mut Vec<u8>, experiments: &[Experiment]) -> io::Result<()> {
    if experiments.is_empty() {
        return writeln!(
            out,
            "There are no experiments. `portico cache experiment start --help` says how to start one."
        );
    }
    writeln!(out, "{:<36}  {:<12}  {:<27}  {:<24}  name", "id", "prefix", "started", "state")?;
    for one in experiments {
        let prefix = one.prefix.as_str().trim_end_matches(':');
        writeln!(
            out,
            "{}  {prefix:<12}  {:<27}  {:<24}  {}",
            one.id,
            one.started_at.to_string(),
            state(one),
            one.name
        )?;
    }
    Ok(())
}

fn write_report(out: &mut Vec<u8>, experiment: &Experiment, comparison: &Comparison) -> io::Result<()> {
    let prefix = experiment.prefix.as_str().trim_end_matches(':');
    let ended = experiment.ended_at.map_or_else(|| "now".to_owned(), |ended| ended.to_string());
    writeln!(
        out,
        "{} ({prefix}), {}, from {} to {ended}",
        experiment.name,
        state(experiment),
        experiment.started_at
    )?;
    writeln!(
        out,
        "\n{:<16}  {:>9}  {:>9}  {:>25}  {:>27}  {:>27}  {:>6}  changes",
        "arm", "reads", "hits", "hit rate, 95 %", "load ms, 95 %", "age ms, 95 %", "errors"
    )?;
    for (arm, plan) in comparison.arms.iter().zip(&experiment.arms) {
        writeln!(
            out,
            "{:<16}  {:>9}  {:>9}  {:>25}  {:>27}  {:>27}  {:>6}  {}",
            arm.name,
            arm.reads,
            arm.hits,
            estimate(&arm.hit_rate, 4),
            estimate(&arm.load_ms, 2),
            estimate(&arm.age_ms, 0),
            arm.errors,
            changes(plan)
        )?;
    }
    writeln!(out, "\n{}", comparison.verdict)
}

fn estimate(figure: &Estimate, digits: usize) -> String {
    let Some(mean) = figure.mean else { return "–".to_owned() };
    match figure.low.zip(figure.high) {
        None => format!("{mean:.digits$}"),
        Some((low, high)) => format!("{mean:.digits$} ({low:.digits$}–{high:.digits$})"),
    }
}

fn changes(plan: &ArmPlan) -> String {
    let tiers = plan.tiers.map(|tiers| match tiers {
        Tiers::Off => "tiers=off",
        Tiers::Memory => "tiers=memory",
        Tiers::Shared => "tiers=shared",
        Tiers::Both => "tiers=both",
    });
    let parts = [
        plan.lifetime_seconds.map(|seconds| format!("lifetime={seconds}")),
        plan.stale_seconds.map(|seconds| format!("stale={seconds}")),
        tiers.map(str::to_owned),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing".to_owned() } else { parts.join(",") }
}
