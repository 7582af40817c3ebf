//! The files of a folder, each read as what it says it is.

use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use serde_json::Value;

use crate::commands::compare::outcome::{KIND as COMPARE, Outcome};

/// What was measured, by kind; within a kind by the file's name.
#[derive(Debug, Default)]
pub(super) struct Measured {
    /// What switches are worth.
    pub(super) compared: BTreeMap<String, Outcome>,
    /// How loads were borne, by `portico loadtest` or k6.
    pub(super) loads: BTreeMap<String, Value>,
    /// What a server takes at rest.
    pub(super) baselines: BTreeMap<String, Value>,
    /// The Worker's benches, by what they measure: `size`, `start`, `bridge`, `keys`.
    pub(super) worker: BTreeMap<String, Vec<Value>>,
    /// Files that say of themselves nothing that is known here.
    pub(super) unknown: Vec<String>,
}

impl Measured {
    /// Reads every `.json` of a folder.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let listed = std::fs::read_dir(folder).with_context(|| {
            format!("reading {}: measure something first, with --json into it", folder.display())
        })?;
        let mut measured = Self::default();
        let mut paths = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        for path in paths {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            // The Worker's benches print an object a line.
            for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
                let value = value.with_context(|| format!("{} is no JSON", path.display()))?;
                measured.add(&name, value).with_context(|| path.display().to_string())?;
            }
        }
        Ok(measured)
    }

    fn add(&mut self, name: &str, value: Value) -> anyhow::Result<()> {
        match value["kind"].as_str() {
            Some(COMPARE) => {
                self.compared.insert(name.to_owned(), serde_json::from_value(value)?);
            }
            Some("loadtest" | "k6") => {
                self.loads.insert(name.to_owned(), value);
            }
            Some("baseline") => {
                self.baselines.insert(name.to_owned(), value);
            }
            Some(_) => self.unknown.push(name.to_owned()),
            None => {
                let benches = value.as_object().into_iter().flatten();
                let mut known = false;
                for (bench, rows) in
                    benches.filter(|(bench, _)| ["size", "start", "bridge", "keys"].contains(&bench.as_str()))
                {
                    self.worker.insert(bench.clone(), rows.as_array().cloned().unwrap_or_default());
                    known = true;
                }
                if !known {
                    self.unknown.push(name.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Where each result comes from: file, what it is, when, commit, machine.
    pub(super) fn sources(&self) -> Vec<Vec<String>> {
        let text = |value: &Value, name: &str| value[name].as_str().unwrap_or("–").to_owned();
        let mut rows: Vec<Vec<String>> = self
            .compared
            .iter()
            .map(|(name, outcome)| {
                let commit = commit(outcome.commit.as_deref(), outcome.machine.dirty);
                let what = format!("{} on {}", outcome.target, outcome.database);
                vec![
                    name.clone(),
                    format!("compare, {what}"),
                    outcome.at.clone(),
                    commit,
                    outcome.machine.line(),
                ]
            })
            .collect();
        for (name, value) in self.loads.iter().chain(&self.baselines) {
            let machine =
                serde_json::from_value::<portico_measuring::machine::Machine>(value["machine"].clone());
            let (line, dirty) =
                machine.map_or((String::from("–"), false), |machine| (machine.line(), machine.dirty));
            let commit = commit(value["commit"].as_str(), dirty);
            rows.push(vec![name.clone(), text(value, "kind"), text(value, "at"), commit, line]);
        }
        rows
    }
}

fn commit(commit: Option<&str>, dirty: bool) -> String {
    match commit {
        Some(commit) if dirty => format!("{commit}, with changes"),
        Some(commit) => commit.to_owned(),
        None => "–".to_owned(),
    }
}
