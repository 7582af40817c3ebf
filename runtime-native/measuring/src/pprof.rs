//! Profiles in the format of Go's tools (`profile.proto` of google/pprof, compressed by gzip), which `go tool pprof`, Grafana and others read.
//!
//! Written with functions alone: no addresses and no mappings, so that a file can be read on any machine, without the program that it is of.

mod message;

use std::{
    collections::{BTreeMap, HashMap},
    io::{Read as _, Write as _},
};

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use prost::Message as _;

/// The most that a profile may unpack to: what it is read from may be anybody's file.
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// What a number of a profile counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// What, such as `cpu` or `inuse_space`.
    pub what: String,
    /// In which unit, such as `nanoseconds` or `bytes`.
    pub unit: String,
}

impl Counted {
    /// Names both.
    #[must_use]
    pub fn new(what: &str, unit: &str) -> Self {
        Self { what: what.to_owned(), unit: unit.to_owned() }
    }
}

/// Where something happened, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Functions, the innermost first.
    pub frames: Vec<String>,
    /// One for each of the profile's [`Profile::counted`].
    pub values: Vec<i64>,
}

/// A profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What the numbers of a stack count; readers show the last unless told otherwise.
    pub counted: Vec<Counted>,
    /// What stood between two samples.
    pub period: (Counted, i64),
    /// When it was taken, in nanoseconds since 1970.
    pub at_nanos: i64,
    /// Over how many nanoseconds; 0 for a moment's state.
    pub over_nanos: i64,
    /// What was seen.
    pub stacks: Vec<Stack>,
}

/// How much of a profile is one function's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Its own.
    pub own: i64,
    /// With that of whatever it called.
    pub whole: i64,
}

impl Profile {
    /// Writes it, compressed.
    ///
    /// # Errors
    /// None that happens: it is written into memory.
    pub fn encode(&self) -> Result<Vec<u8>> {
        let mut strings = Strings::default();
        strings.place("");
        let mut functions: HashMap<&str, u64> = HashMap::new();
        let mut message = message::Profile {
            sample_type: self.counted.iter().map(|counted| strings.value_type(counted)).collect(),
            period_type: Some(strings.value_type(&self.period.0)),
            period: self.period.1,
            time_nanos: self.at_nanos,
            duration_nanos: self.over_nanos,
            ..message::Profile::default()
        };
        for stack in &self.stacks {
            let mut location_id = Vec::with_capacity(stack.frames.len());
            for frame in &stack.frames {
                let next = functions.len() as u64 + 1;
                let id = *functions.entry(frame).or_insert(next);
                if id == next {
                    let name = strings.place(frame);
                    message.function.push(message::Function {
                        id,
                        name,
                        system_name: name,
                        ..Default::default()
                    });
                    let line = vec![message::Line { function_id: id, line: 0 }];
                    message.location.push(message::Location { id, line, ..Default::default() });
                }
                location_id.push(id);
            }
            message.sample.push(message::Sample { location_id, value: stack.values.clone() });
        }
        message.string_table = strings.all;
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&message.encode_to_vec())?;
        Ok(packed.finish()?)
    }

    /// Reads one, compressed or not.
    ///
    /// # Errors
    /// It isn't one, or contradicts itself.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut unpacked = Vec::new();
        let plain = if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut reader = GzDecoder::new(bytes).take(MOST_BYTES + 1);
            reader.read_to_end(&mut unpacked).context("unpacking the profile")?;
            ensure!(
                unpacked.len() as u64 <= MOST_BYTES,
                "the profile unpacks to more than {MOST_BYTES} bytes"
            );
            &unpacked[..]
        } else {
            bytes
        };
        let message = message::Profile::decode(plain).context("this is no profile")?;
        ensure!(!message.sample_type.is_empty(), "this is no profile: it counts nothing");
        let string = |index: i64| {
            let found = usize::try_from(index).ok().and_then(|index| message.string_table.get(index));
            found.cloned().context("the profile names a text that it doesn't have")
        };
        let counted = |of: &message::ValueType| {
            Ok::<_, anyhow::Error>(Counted { what: string(of.r#type)?, unit: string(of.unit)? })
        };
        let mut names = HashMap::new();
        for function in &message.function {
            names.insert(function.id, string(function.name)?);
        }
        let mut places: HashMap<u64, Vec<String>> = HashMap::new();
        for location in &message.location {
            let mut frames = Vec::with_capacity(location.line.len().max(1));
            for line in &location.line {
                let name = names.get(&line.function_id);
                frames.push(name.context("the profile names a function that it doesn't have")?.clone());
            }
            if frames.is_empty() {
                frames.push(format!("{:#x}", location.address));
            }
            places.insert(location.id, frames);
        }
        let mut stacks = Vec::with_capacity(message.sample.len());
        for sample in &message.sample {
            let mut frames = Vec::with_capacity(sample.location_id.len());
            for id in &sample.location_id {
                let Some(place) = places.get(id) else {
                    bail!("the profile names a place that it doesn't have")
                };
                frames.extend_from_slice(place);
            }
            ensure!(
                sample.value.len() == message.sample_type.len(),
                "a sample of the profile counts other things than the profile"
            );
            stacks.push(Stack { frames, values: sample.value.clone() });
        }
        Ok(Self {
            counted: message.sample_type.iter().map(counted).collect::<Result<_>>()?,
            period: match &message.period_type {
                Some(of) => (counted(of)?, message.period),
                None => (Counted::new("", ""), message.period),
            },
            at_nanos: message.time_nanos,
            over_nanos: message.duration_nanos,
            stacks,
        })
    }

    /// The sum of what is counted last, over all stacks.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.stacks.iter().map(Stack::value).sum()
    }

    /// What of the last of the counted is each function's. `own_frame` says which frame of a stack, innermost first, what happened there is put down to.
    #[must_use]
    pub fn by_function<'a>(
        &'a self,
        own_frame: impl Fn(&'a [String]) -> Option<&'a String>,
    ) -> BTreeMap<&'a str, Share> {
        let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
        for stack in &self.stacks {
            if let Some(own) = own_frame(&stack.frames) {
                shares.entry(own).or_default().own += stack.value();
            }
            // One that calls itself has its callees' once.
            let mut seen: Vec<&str> = stack.frames.iter().map(String::as_str).collect();
            seen.sort_unstable();
            seen.dedup();
            for frame in seen {
                shares.entry(frame).or_default().whole += stack.value();
            }
        }
        shares
    }

    /// What came since `earlier`, a stack each, negative where it became less; stacks that stayed as they are aren't in it.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let mut grown: BTreeMap<&[String], i64> = BTreeMap::new();
        for stack in &self.stacks {
            *grown.entry(&stack.frames).or_default() += stack.value();
        }
        for stack in &earlier.stacks {
            *grown.entry(&stack.frames).or_default() -= stack.value();
        }
        let changed = grown.into_iter().filter(|(_, by)| *by != 0);
        Self {
            counted: self.counted.last().cloned().into_iter().collect(),
            period: self.period.clone(),
            at_nanos: self.at_nanos,
            over_nanos: self.at_nanos.saturating_sub(earlier.at_nanos),
            stacks: changed.map(|(frames, by)| Stack { frames: frames.to_vec(), values: vec![by] }).collect(),
        }
    }
}

impl Stack {
    /// What is counted last.
    #[must_use]
    pub fn value(&self) -> i64 {
        self.values.last().copied().unwrap_or_default()
    }
}

/// Texts, each once.
#[derive(Default)]
struct Strings {
    places: HashMap<String, i64>,
    all: Vec<String>,
}

impl Strings {
    fn place(&mut self, text: &str) -> i64 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = i64::try_from(self.all.len()).unwrap_or(i64::MAX);
        self.all.push(text.to_owned());
        self.places.insert(text.to_owned(), place);
        place
    }

    fn value_type(&mut self, counted: &Counted) -> message::ValueType {
        message::ValueType { r#type: self.place(&counted.what), unit: self.place(&counted.unit) }
    }
}

#[cfg(test)]
mod tests;
