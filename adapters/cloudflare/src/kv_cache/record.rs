use std::time::Duration;

use portico_domain::{
    cache::Subject,
    models::Timestamp,
    ports::{SharedEntry, Unavailable},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::SERVICE;

/// KV takes values of up to 25 MiB.
const LARGEST_BYTES: usize = 25 << 20;

/// What stands under an entry's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// The entry.
    Entry(SharedEntry),
    /// That it was dropped, and when: a load that began before then may not fill the place.
    Dropped(Timestamp),
}

#[derive(Serialize, Deserialize)]
struct EntryText {
    /// By the clock of whoever loaded it, in microseconds.
    loaded_at: i64,
    load_micros: u64,
    subjects: Vec<u16>,
    /// Left out when it is known that there is no such thing; `null` is a value like any other.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    value: Option<Box<RawValue>>,
}

#[derive(Serialize, Deserialize)]
struct DroppedText {
    dropped_at: i64,
}

fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl Record {
    /// Reads a record. What another version wrote and this one can't read is as good as absent.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(entry) = serde_json::from_str::<EntryText>(text) {
            let subjects: Option<Vec<Subject>> =
                entry.subjects.into_iter().map(Subject::from_place).collect();
            return Some(Self::Entry(SharedEntry {
                value: entry.value.map(|value| Box::<str>::from(value).into_string().into_bytes()),
                subjects: subjects?,
                loaded_at: Timestamp::from_micros(entry.loaded_at),
                load_time: Duration::from_micros(entry.load_micros),
            }));
        }
        let dropped = serde_json::from_str::<DroppedText>(text).ok()?;
        Some(Self::Dropped(Timestamp::from_micros(dropped.dropped_at)))
    }

    /// When what stands here began to be true: nothing that was loaded before may take its place.
    pub(super) const fn since(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.loaded_at,
            Self::Dropped(at) => *at,
        }
    }
}

/// The text of an entry; `None` when it is larger than KV takes.
pub(super) fn write_entry(entry: &SharedEntry) -> Result<Option<String>, Unavailable> {
    let unwritable = |cause: serde_json::Error| Unavailable::new(SERVICE, format!("an entry: {cause}"));
    let raw = |bytes: &Vec<u8>| serde_json::from_slice::<Box<RawValue>>(bytes).map_err(unwritable);
    let text = EntryText {
        loaded_at: entry.loaded_at.micros(),
        load_micros: u64::try_from(entry.load_time.as_micros()).unwrap_or(u64::MAX),
        subjects: entry.subjects.iter().map(|subject| subject.place()).collect(),
        value: entry.value.as_ref().map(raw).transpose()?,
    };
    let text = serde_json::to_string(&text).map_err(unwritable)?;
    Ok((text.len() < LARGEST_BYTES).then_some(text))
}

/// The text that says that something was dropped.
pub(super) fn write_dropped(at: Timestamp) -> String {
    format!(r#"{{"dropped_at":{}}}"#, at.micros())
}

#[cfg(test)]
mod tests {
    use portico_domain::cache::Prefix;

    use super::*;

    fn entry(value: Option<&[u8]>) -> SharedEntry {
        SharedEntry {
            value: value.map(<[u8]>::to_vec),
            subjects: vec![Subject::all_of(Prefix::Bot), Subject::of(Prefix::Bot, b"one")],
            loaded_at: Timestamp::from_micros(1_700_000_000_123_456),
            load_time: Duration::from_micros(1_234),
        }
    }

    #[test]
    fn entries_come_back_as_they_were_and_null_is_not_absence() {
        for value in [Some(&b"{\"name\":\"\\u00e4\",\"n\":1.50}"[..]), Some(b"null"), Some(b"[]"), None] {
            let entry = entry(value);
            let text = write_entry(&entry).unwrap().unwrap();
            assert_eq!(Record::read(&text), Some(Record::Entry(entry)), "{text}");
        }
    }

    #[test]
    fn a_tombstone_comes_back_and_what_is_neither_is_absent() {
        let at = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(Record::read(&write_dropped(at)), Some(Record::Dropped(at)));
        for text in [
            "",
            "{}",
            "null",
            "{\"loaded_at\":1}",
            "{\"loaded_at\":1,\"load_micros\":1,\"subjects\":[60000]}",
        ] {
            assert_eq!(Record::read(text), None, "{text}");
        }
    }

    #[test]
    fn what_kv_would_refuse_is_told_beforehand() {
        let large = vec![b'1'; LARGEST_BYTES];
        assert_eq!(write_entry(&entry(Some(&large))), Ok(None));
        assert!(write_entry(&entry(Some(b"not json"))).is_err());
    }
}
