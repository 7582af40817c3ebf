//! Sentences from patterns, and the names of people.

use super::{
    chance::Chance,
    words::{ADJECTIVES, DAYS, FAMILY_BEGINNINGS, FAMILY_ENDS, GIVEN, NOUNS, PLACES},
};

/// The letters and digits of references, without those that are taken for each other.
const REFERENCE: &[u8] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Fills the gaps of a pattern; words of `{braces}` name what goes there.
pub(super) fn filled(pattern: &str, chance: &mut Chance) -> String {
    let mut text = String::with_capacity(pattern.len() + 24);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (gap, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        match gap {
            "adjective" => push_word(&mut text, chance.favourite(ADJECTIVES)),
            "noun" => push_word(&mut text, chance.favourite(NOUNS)),
            "place" => text.push_str(chance.one(PLACES)),
            "day" => text.push_str(chance.one(DAYS)),
            "given" => text.push_str(chance.one(GIVEN)),
            "name" => text.push_str(&name(chance)),
            "number" => text.push_str(&(2 + chance.skewed(300)).to_string()),
            "reference" => reference(&mut text, chance),
            other => text.push_str(other),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// Adds a word, and makes an article before it fit.
fn push_word(text: &mut String, word: &str) {
    let article = text.ends_with(" a ") || text.ends_with(" A ") || text == "a " || text == "A ";
    if article && word.starts_with(['a', 'e', 'i', 'o', 'u']) {
        text.pop();
        text.push_str("n ");
    }
    text.push_str(word);
}

/// Several sentences.
pub(super) fn sentences(patterns: &[&str], count: u64, chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..count {
        if !text.is_empty() {
            text.push(' ');
        }
        let pattern = chance.favourite(patterns);
        text.push_str(&capitalized(filled(pattern, chance)));
    }
    text
}

/// A person's name.
pub(super) fn name(chance: &mut Chance) -> String {
    format!("{} {}{}", chance.one(GIVEN), chance.one(FAMILY_BEGINNINGS), chance.one(FAMILY_ENDS))
}

/// A title, its words capitalized but for the little ones.
pub(super) fn title(patterns: &[&str], chance: &mut Chance) -> String {
    let pattern = chance.favourite(patterns);
    let words = filled(pattern, chance);
    let words = words.split(' ').map(|word| match word {
        "a" | "an" | "in" | "of" | "on" | "and" | "the" | "to" | "from" => word.to_owned(),
        word => capitalized(word.to_owned()),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn capitalized(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Such as `R7KQ2M9P`: nearly every one stands in one message alone.
fn reference(text: &mut String, chance: &mut Chance) {
    text.push('R');
    for _ in 0..7 {
        text.push(char::from(chance.one(REFERENCE)));
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            chance::Kind,
            words::{DESCRIPTIONS, MESSAGES, TITLES},
        },
        *,
    };

    #[test]
    fn every_gap_is_filled() {
        const GAPS: [&str; 8] = ["adjective", "noun", "place", "day", "given", "name", "number", "reference"];
        for pattern in [TITLES, DESCRIPTIONS, MESSAGES].concat() {
            for gap in pattern.split('{').skip(1) {
                assert!(GAPS.contains(&gap.split('}').next().unwrap()), "{pattern}");
            }
            let text = filled(pattern, &mut Chance::of(Kind::Book, 1));
            assert!(!text.contains(['{', '}']), "{text}");
        }
    }

    #[test]
    fn articles_fit_their_words() {
        let mut text = "Once a ".to_owned();
        push_word(&mut text, "open");
        assert_eq!(text, "Once an open");
        let mut text = "Sea ".to_owned();
        push_word(&mut text, "open");
        assert_eq!(text, "Sea open");
    }

    #[test]
    fn titles_are_written_as_titles() {
        let mut chance = Chance::of(Kind::Book, 3);
        assert_eq!(title(&["the {noun} of {place}"], &mut chance).split(' ').next(), Some("the"));
        assert!(title(&["{adjective} {noun}"], &mut chance).starts_with(|first: char| first.is_uppercase()));
    }
}
