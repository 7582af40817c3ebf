use std::fmt::Write;

use portico_domain::{
    cache::{CacheKey, Subject},
    models::Timestamp,
    ports::{SharedEntry, SharedMark},
};

/// The most places that one entry may depend on: more than the fence could be asked for in one command of a script.
const MOST_SUBJECTS: usize = 1_000;

/// Everything that an entry depends on: what it names, its own key and its prefix. `None` when that is too much to be kept.
pub(crate) fn subjects(key: &CacheKey, named: &[Subject]) -> Option<Vec<Subject>> {
    let mut all = named.to_vec();
    for own in [key.subject(), Subject::all_of(key.prefix)] {
        if !all.contains(&own) {
            all.push(own);
        }
    }
    (all.len() <= MOST_SUBJECTS).then_some(all)
}

/// Numbers of places, with commas between.
pub(crate) fn places(subjects: &[Subject]) -> String {
    let mut text = String::with_capacity(subjects.len() * 6);
    for subject in subjects {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string can't fail.
        let _ = write!(text, "{comma}{}", subject.place());
    }
    text
}

/// Reads what [`places`] wrote; numbers that are no places are passed over.
pub(crate) fn parse_places(text: &str) -> Vec<Subject> {
    text.split(',').filter_map(|place| Subject::from_place(place.parse().ok()?)).collect()
}

/// An entry as Redis keeps it: a line of words, which the scripts read the first four of, and the value.
pub(crate) fn encode(entry: &SharedEntry, places: &str, mark: SharedMark) -> Vec<u8> {
    let header = format!(
        "1 {} {} {places} {} {} {} ",
        mark.life,
        mark.number,
        entry.loaded_at.micros(),
        entry.load_time.as_micros(),
        if entry.value.is_some() { 'V' } else { 'N' },
    );
    let mut bytes = header.into_bytes();
    bytes.extend_from_slice(entry.value.as_deref().unwrap_or_default());
    bytes
}

/// Reads what [`encode`] wrote. `None` for anything else.
pub(crate) fn decode(bytes: &[u8]) -> Option<SharedEntry> {
    let mut words = bytes.splitn(8, |byte| *byte == b' ');
    let mut word = || words.next();
    let text = |word: Option<&[u8]>| String::from_utf8(word?.to_vec()).ok();
    if word()? != b"1" {
        return None;
    }
    let (_life, _number) = (word()?, word()?);
    let subjects = parse_places(&text(word())?);
    let loaded_at = Timestamp::from_micros(text(word())?.parse().ok()?);
    let load_time = std::time::Duration::from_micros(text(word())?.parse().ok()?);
    let exists = word()? == b"V";
    let value = word()?.to_vec();
    Some(SharedEntry { value: exists.then_some(value), subjects, loaded_at, load_time })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portico_domain::cache::Prefix;

    use super::*;

    #[test]
    fn entries_are_read_as_they_were_written() {
        let key = CacheKey::of(Prefix::Books, b"all");
        let named = [Subject::of(Prefix::Books, b"ada")];
        let subjects = subjects(&key, &named).unwrap();
        assert_eq!(subjects, [named[0], key.subject(), Subject::all_of(Prefix::Books)]);
        for value in [Some(b"{\"a b\": 1}".to_vec()), Some(Vec::new()), None] {
            let entry = SharedEntry {
                value,
                subjects: subjects.clone(),
                loaded_at: Timestamp::from_micros(1_790_000_000_123_456),
                load_time: Duration::from_micros(1_234),
            };
            let bytes = encode(&entry, &places(&subjects), SharedMark { life: 7, number: 9 });
            assert!(bytes.starts_with(b"1 7 9 "));
            assert_eq!(decode(&bytes), Some(entry));
        }
        for odd in [b"".as_slice(), b"2 ", b"1 2 3", b"1 a b c d e f"] {
            assert_eq!(decode(odd), None);
        }
    }

    #[test]
    fn what_depends_on_too_much_is_not_kept() {
        let many: Vec<_> = (0..1_000).filter_map(Subject::from_place).collect();
        assert_eq!(subjects(&CacheKey::of(Prefix::Books, b"all"), &many), None);
    }
}
