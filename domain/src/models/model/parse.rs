//! Reads models from JSON, strictly, and says which member of which model is wrong.

use std::{collections::HashMap, fmt};

use serde_json::{Map, Value};

use super::{Capability, Catalogue, Model, ModelId};
use crate::models::{ProviderName, Timestamp};

/// How many faults are told; a file that is wrong throughout is not worth more lines.
const MOST_FAULTS: usize = 20;
/// The most things that one model can do.
const MOST_CAPABILITIES: usize = 50;
/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// 1970 and 2200: a date outside them is a slip.
const RELEASES: std::ops::Range<i64> = 0..7_258_118_400;

/// One thing wrong with a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueFault {
    /// Where: `line 7` or `model 7`.
    pub place: String,
    /// Which model, where its id can be read.
    pub id: Option<String>,
    /// Which member of it, unless it is about all of it.
    pub member: Option<String>,
    /// What is wrong, as the end of a sentence.
    pub message: String,
}

impl fmt::Display for CatalogueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)?;
        if let Some(id) = &self.id {
            write!(f, " ({id})")?;
        }
        f.write_str(": ")?;
        if let Some(member) = &self.member {
            write!(f, "{member} ")?;
        }
        f.write_str(&self.message)
    }
}

/// Takes models in one by one and gathers every fault.
#[derive(Debug, Default)]
pub struct CatalogueParser {
    models: Vec<Model>,
    places: HashMap<ModelId, String>,
    faults: Vec<CatalogueFault>,
    /// Faults that were found and not kept.
    more: usize,
}

impl CatalogueParser {
    /// Takes one model, which stands at `place`.
    pub fn take(&mut self, place: impl FnOnce() -> String, value: Value) {
        let mut members = Members { members: Map::new(), faults: Vec::new() };
        let id = if let Value::Object(given) = value {
            members.members = given;
            members.members.get("id").and_then(Value::as_str).map(shortened)
        } else {
            members.faults.push((None, "must be an object".to_owned()));
            None
        };
        let model = members.read();
        let place = place();
        for (member, message) in members.faults {
            self.fault(CatalogueFault { place: place.clone(), id: id.clone(), member, message });
        }
        let Some(model) = model else { return };
        if let Some(first) = self.places.get(&model.id) {
            let message = format!("stands already at {first}");
            self.fault(CatalogueFault { place, id, member: Some("id".to_owned()), message });
        } else {
            self.places.insert(model.id.clone(), place);
            self.models.push(model);
        }
    }

    /// Takes one model as text: a line of NDJSON. An empty line is none.
    pub fn take_text(&mut self, place: impl FnOnce() -> String, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        match serde_json::from_str(text) {
            Ok(value) => self.take(place, value),
            Err(error) => {
                let message = format!("is not JSON (column {})", error.column());
                self.fault(CatalogueFault { place: place(), id: None, member: None, message });
            }
        }
    }

    /// Notes a fault of the whole.
    pub fn fault(&mut self, fault: CatalogueFault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        } else {
            self.more += 1;
        }
    }

    /// The catalogue.
    ///
    /// # Errors
    /// The first faults, with a last one that tells how many more there are. A catalogue without models is one too: nobody replaces what there is by nothing on purpose.
    pub fn finish(mut self) -> Result<Catalogue, Vec<CatalogueFault>> {
        let whole =
            |message: String| CatalogueFault { place: "file".to_owned(), id: None, member: None, message };
        if self.more > 0 {
            self.faults.push(whole(format!("has {} more faults", self.more)));
        } else if self.faults.is_empty() && self.models.is_empty() {
            self.faults.push(whole("has no models in it".to_owned()));
        }
        if self.faults.is_empty() { Ok(Catalogue::new(self.models)) } else { Err(self.faults) }
    }
}

/// What a fault repeats of an id that may be anything.
fn shortened(id: &str) -> String {
    id.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(100).collect()
}

struct Members {
    members: Map<String, Value>,
    faults: Vec<(Option<String>, String)>,
}

impl Members {
    fn read(&mut self) -> Option<Model> {
        if !self.faults.is_empty() {
            return None;
        }
        let id = self.required("id", |value| word(value, ModelId::parse, ModelId::RULE));
        let provider = self.required("provider", |value| {
            let rule =
                "must be 1–64 of a–z, 0–9, point, hyphen and underscore, beginning with a letter or digit";
            word(value, ProviderName::parse, rule)
        });
        let name = self.required("name", name);
        let context_window = self.required("context_window", |value| number(value, 1));
        let input = self.required("input_cents_per_mtok", |value| number(value, 0));
        let output = self.required("output_cents_per_mtok", |value| number(value, 0));
        let capabilities = self.required("capabilities", capabilities);
        let released_at = self.required("released_at", released);
        let enabled = self.optional("enabled", truth);
        let hosted = self.optional("hosted", truth);
        for member in std::mem::take(&mut self.members).into_iter().map(|(member, _)| shortened(&member)) {
            self.faults.push((Some(member), "is not a member of a model".to_owned()));
        }
        Some(Model {
            id: id?,
            provider: provider?,
            name: name?,
            context_window: context_window?,
            input_cents_per_mtok: input?,
            output_cents_per_mtok: output?,
            capabilities: capabilities?,
            enabled: enabled?.unwrap_or(true),
            hosted: hosted?.unwrap_or(false),
            released_at: released_at?,
        })
        .filter(|_| self.faults.is_empty())
    }

    fn required<T>(&mut self, member: &str, read: impl FnOnce(&Value) -> Result<T, String>) -> Option<T> {
        let Some(value) = self.members.remove(member) else {
            self.faults.push((Some(member.to_owned()), "is missing".to_owned()));
            return None;
        };
        self.heed(member, read(&value))
    }

    /// The outer `None` is a fault.
    #[expect(clippy::option_option, reason = "not there, and not readable")]
    fn optional<T>(
        &mut self,
        member: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<Option<T>> {
        match self.members.remove(member) {
            None => Some(None),
            Some(value) => self.heed(member, read(&value)).map(Some),
        }
    }

    fn heed<T>(&mut self, member: &str, outcome: Result<T, String>) -> Option<T> {
        outcome.map_err(|message| self.faults.push((Some(member.to_owned()), message))).ok()
    }
}

fn word<T>(value: &Value, parse: fn(&str) -> Option<T>, rule: &str) -> Result<T, String> {
    value.as_str().and_then(parse).ok_or_else(|| rule.to_owned())
}

fn name(value: &Value) -> Result<String, String> {
    let name = value.as_str().map(str::trim).filter(|name| {
        (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
    });
    let rule = || format!("must be 1–{LONGEST_NAME} characters without control characters");
    name.map(str::to_owned).ok_or_else(rule)
}

fn number(value: &Value, least: u32) -> Result<u32, String> {
    let number =
        value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number >= least);
    // The databases' whole numbers are signed; half of the range is plenty.
    let number = number.filter(|number| i32::try_from(*number).is_ok());
    number.ok_or_else(|| format!("must be a whole number from {least} to {}", i32::MAX))
}

fn capabilities(value: &Value) -> Result<Vec<Capability>, String> {
    let rule =
        || format!("must be a list of at most {MOST_CAPABILITIES} words, each of which {}", Capability::RULE);
    let words = value.as_array().filter(|words| words.len() <= MOST_CAPABILITIES).ok_or_else(rule)?;
    let words: Option<Vec<_>> = words.iter().map(|word| word.as_str().and_then(Capability::parse)).collect();
    let mut words = words.ok_or_else(rule)?;
    words.sort();
    words.dedup();
    Ok(words)
}

fn released(value: &Value) -> Result<Timestamp, String> {
    let text = value.as_str().unwrap_or_default();
    let moment = Timestamp::parse(text).or_else(|| {
        let is_date = text.len() == 10 && text.is_ascii();
        is_date.then(|| Timestamp::parse(&format!("{text}T00:00:00Z"))).flatten()
    });
    let moment = moment.filter(|moment| RELEASES.contains(&moment.seconds()));
    moment
        .ok_or_else(|| "must be a date such as 2025-08-07, or an RFC 3339 time, from 1970 to 2199".to_owned())
}

fn truth(value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}
