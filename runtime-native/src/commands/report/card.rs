//! The parts together, and their place in a file.

use std::{collections::BTreeSet, fmt::Write as _};

use anyhow::bail;
use portico_measuring::page::table;

use super::{measured::Measured, sections};

const BEGIN: &str = "<!-- card: written by `portico report --card docs/performance.md` -->";
/// What the beginning is known by, whatever else it says.
const BEGINS: &str = "<!-- card:";
const END: &str = "<!-- /card -->";

/// The whole card as Markdown, in the same order and words for the same files.
pub(super) fn render(measured: &Measured) -> String {
    let parts = [
        ("What each optimisation is worth", sections::switches(measured), "`portico compare`", COMPARE),
        ("Load", sections::loads(measured), "`portico loadtest` or `tests/load/run`", LOAD),
        ("At rest and under little load", sections::baselines(measured), "`portico baseline`", BASELINE),
        (
            "The Worker's size and first answer",
            sections::worker(measured),
            "`runtime-worker/bench/run`",
            WORKER,
        ),
    ];
    let mut text = String::from("## The performance card\n\n");
    text.push_str("`tests/load/measure` measures all of this anew and writes it here; each part by itself says how below it.\n");
    // Writing into a string can't fail.
    for (title, part, by, note) in &parts {
        match part {
            Some(part) => {
                let _ = write!(text, "\n### {title}\n\n{part}\n\n{note}\n");
            }
            None => {
                let _ = write!(text, "\n### {title}\n\nMISSING: there is no result of {by} in the folder.\n");
            }
        }
    }
    let lacking = lacking(measured);
    if !lacking.is_empty() {
        let _ = write!(text, "\n### What is missing\n\n");
        for lack in &lacking {
            let _ = writeln!(text, "- {lack}");
        }
    }
    let headers = ["file", "what", "when", "commit", "machine"].map(str::to_owned);
    let _ = write!(text, "\n### Measured on\n\n{}\n", table(&headers, &measured.sources()));
    let commands: BTreeSet<&str> = measured
        .compared
        .values()
        .map(|outcome| outcome.command.as_str())
        .chain(
            measured
                .loads
                .values()
                .chain(measured.baselines.values())
                .filter_map(|value| value["command"].as_str()),
        )
        .collect();
    if !commands.is_empty() {
        let _ = write!(text, "\nBy these commands, on an otherwise idle machine:\n\n```\n");
        for command in &commands {
            let _ = writeln!(text, "{command}");
        }
        text.push_str("```\n");
    }
    text
}

const COMPARE: &str = "Off / on, the geometric mean over the rounds with its 95 % interval: ×2 means that on takes half the time of off. Noise is the same of off against another server that is off as well, in the same run. A switch is told apart from noise when its interval leaves \
    out 1 and it differs by more than the noise does. `portico compare --help` says how to measure one.";
const LOAD: &str = "With a rate, latency counts from the moment a request was due. The load comes from the same machine as the server.";
const BASELINE: &str =
    "`portico baseline --help` says how it is measured, and how to compare with an earlier one.";
const WORKER: &str = "*plain* is a Worker that answers by one `worker::Response` and does nothing else.";

/// What a whole card has and this one hasn't.
fn lacking(measured: &Measured) -> Vec<String> {
    let mut lacking = Vec::new();
    for target in ["native", "worker"] {
        if !measured.compared.is_empty()
            && !measured.compared.values().any(|outcome| outcome.target == target)
        {
            lacking.push(format!("`portico compare` of the target {target}"));
        }
    }
    if !measured.loads.is_empty() {
        for scenario in ["health", "login", "keys", "messages", "chats", "catalogue", "mixed", "soak"] {
            if !measured.loads.values().any(|load| load["scenario"] == scenario) {
                lacking.push(format!("the load `{scenario}`"));
            }
        }
    }
    if !measured.worker.is_empty() {
        for bench in ["size", "start"] {
            if !measured.worker.contains_key(bench) {
                lacking.push(format!("`runtime-worker/bench/run {bench} --json`"));
            }
        }
    }
    lacking.extend(measured.unknown.iter().map(|name| format!("what `{name}.json` holds is not known here")));
    lacking
}

/// Puts the card where the last one is, or below everything.
pub(super) fn placed(file: &str, card: &str) -> anyhow::Result<String> {
    let card = format!("{BEGIN}\n\n{}\n{END}", card.trim_end().to_owned() + "\n");
    match (file.find(BEGINS), file.find(END)) {
        (Some(begin), Some(end)) if begin < end => {
            Ok(format!("{}{card}{}", &file[..begin], &file[end + END.len()..]))
        }
        (None, None) if file.trim().is_empty() => Ok(format!("{card}\n")),
        (None, None) => Ok(format!("{}\n\n{card}\n", file.trim_end())),
        _ => bail!(
            "the file has only one of `{BEGINS} … -->` and `{END}`, or has them the wrong way round; nothing was written"
        ),
    }
}

#[cfg(test)]
mod tests;
