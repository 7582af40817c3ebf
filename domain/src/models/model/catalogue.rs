//! A whole catalogue of models, in memory.

use std::fmt;

use serde::{
    Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{CatalogueFault, CatalogueParser, Model, ModelFilter, ModelId};
use crate::models::{Digest, Order, PageRequest};

/// Where a stored catalogue comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueSource {
    /// The program, or the file that its configuration names instead; a newer one replaces it.
    BuiltIn,
    /// An operator's import; only the operator replaces it.
    Imported,
}

impl CatalogueSource {
    /// The word for storage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Imported => "imported",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::BuiltIn, Self::Imported].into_iter().find(|source| source.as_str() == word)
    }
}

/// Models in the order of their places, each id once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    models: Vec<Model>,
    digest: Digest,
}

impl Catalogue {
    /// Sorts models, whose ids differ.
    pub(super) fn new(mut models: Vec<Model>) -> Self {
        models.sort_by_key(Model::place);
        let mut lines = Vec::new();
        for model in &models {
            // Writing to memory doesn't fail, and every moment of a release has a text.
            let _ = serde_json::to_writer(&mut lines, model);
            lines.push(b'\n');
        }
        Self { digest: Digest::of(&lines), models }
    }

    /// Reads a file: a JSON list of models, an object with such a list as `models` and words about it besides (`about`, `as_of`), or NDJSON, a model a line.
    ///
    /// # Errors
    /// Every fault, up to a number; each names the line or model, and the member.
    pub fn parse(text: &str) -> Result<Self, Vec<CatalogueFault>> {
        let text = text.trim_start_matches('\u{feff}');
        let mut parser = CatalogueParser::default();
        if is_lines(text) {
            for (number, line) in (1..).zip(text.lines()) {
                parser.take_text(|| format!("line {number}"), line);
            }
        } else {
            let mut reader = serde_json::Deserializer::from_str(text);
            let read = reader.deserialize_any(File(&mut parser)).and_then(|()| reader.end());
            if let Err(error) = read {
                let place = format!("line {}", error.line());
                let message = if error.is_data() {
                    "must be a list of models, an object with `models`, or a model a line".to_owned()
                } else {
                    format!("is not JSON (column {})", error.column())
                };
                parser.fault(CatalogueFault { place, id: None, member: None, message });
            }
        }
        parser.finish()
    }

    /// Says whether two catalogues are the same, whatever file they come from.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// All of them, those that came out first at the front.
    #[must_use]
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// Finds one.
    #[must_use]
    pub fn by_id(&self, id: &ModelId) -> Option<&Model> {
        self.models.iter().find(|model| model.id == *id)
    }

    /// The rows of a list as storage would give them: those that `admits`, after the place, one more than the limit if there are more.
    #[must_use]
    pub fn list(&self, page: PageRequest, admits: impl Fn(&Model) -> bool) -> Vec<Model> {
        let most = page.limit as usize + 1;
        let admitted = |model: &&Model| admits(model);
        match (page.order, page.after) {
            (Order::Ascending, after) => {
                let from = after.map_or(0, |after| self.models.partition_point(|m| m.place() <= after));
                self.models[from..].iter().filter(admitted).take(most).cloned().collect()
            }
            (Order::Descending, after) => {
                let until = self.models.len();
                let until = after.map_or(until, |after| self.models.partition_point(|m| m.place() < after));
                self.models[..until].iter().rev().filter(admitted).take(most).cloned().collect()
            }
        }
    }

    /// The same for a filter.
    #[must_use]
    pub fn filtered(&self, filter: &ModelFilter, page: PageRequest) -> Vec<Model> {
        self.list(page, |model| filter.admits(model))
    }
}

/// Whether the first line that isn't empty is a model by itself.
fn is_lines(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    match serde_json::from_str::<Value>(first) {
        Ok(Value::Object(members)) => !members.contains_key("models"),
        // A list that spans lines, or an object that does.
        Ok(_) => false,
        // A broken first line of several is told as such rather than as a broken whole.
        Err(error) => !error.is_eof() && first.trim_start().starts_with('{'),
    }
}

/// Hands models over while they are read, so that a file's JSON is never in memory as a tree.
struct File<'a>(&'a mut CatalogueParser);

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("models")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut models: A) -> Result<(), A::Error> {
        let mut number = 0_u64;
        while let Some(model) = models.next_element::<Value>()? {
            number += 1;
            self.0.take(|| format!("model {number}"), model);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(member) = members.next_key::<String>()? {
            match member.as_str() {
                "models" => members.next_value_seed(Seed(&mut *self.0))?,
                "about" | "as_of" => drop(members.next_value::<String>()?),
                other => {
                    let other = other.chars().take(100).collect();
                    members.next_value::<serde::de::IgnoredAny>()?;
                    self.0.fault(CatalogueFault {
                        place: "file".to_owned(),
                        id: None,
                        member: Some(other),
                        message: "is not a member of a catalogue".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

struct Seed<'a>(&'a mut CatalogueParser);

impl<'de> serde::de::DeserializeSeed<'de> for Seed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(File(self.0))
    }
}
