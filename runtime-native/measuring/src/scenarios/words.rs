//! What people say in scenarios, made up and the same each time.

use serde_json::{Value, json};

use crate::load::scattered;

const WORDS: [&str; 48] = [
    "the", "a", "is", "we", "you", "it", "to", "of", "and", "in", "for", "on", "tomorrow", "today", "order",
    "parcel", "invoice", "arrived", "late", "early", "thanks", "please", "could", "send", "again", "address",
    "number", "meeting", "moved", "train", "station", "lunch", "noon", "evening", "book", "copy", "price",
    "paid", "open", "closed", "hours", "window", "garden", "letter", "photo", "call", "back", "soon",
];
const NAMES: [&str; 12] = [
    "Ada",
    "Grace",
    "Edsger",
    "Barbara",
    "Donald",
    "Frances",
    "Niklaus",
    "Radia",
    "Tony",
    "Hedy",
    "Alan",
    "Katherine",
];
const THINGS: [&str; 10] = [
    "Harbour",
    "Lantern",
    "Orchard",
    "Winter",
    "River",
    "Clockmaker",
    "Island",
    "Letter",
    "Garden",
    "Mountain",
];

/// Words that a search finds something with.
pub(super) const SEARCHED: [&str; 4] = ["harbour", "winter", "garden", "river"];

fn pick<'a>(from: &[&'a str], number: u64) -> &'a str {
    let length = from.len() as u64;
    from[usize::try_from(number % length).unwrap_or_default()]
}

/// Somebody's name.
pub(super) fn name(number: usize) -> &'static str {
    NAMES[number % NAMES.len()]
}

/// Whom a message is for.
pub(super) fn address(number: usize) -> String {
    format!("+1555010{number:04}")
}

/// A message of 3 to 30 words, short ones more often than long ones.
pub(super) fn text(number: u64) -> String {
    let chance = scattered(number);
    let length = 3 + (chance % 28) * (chance >> 32 & 0xff) / 255;
    let words: Vec<_> = (0..length).map(|word| pick(&WORDS, scattered(chance ^ word))).collect();
    words.join(" ")
}

/// A book to be added.
pub(super) fn book(number: u64) -> Value {
    let chance = scattered(number);
    json!({
        "isbn": isbn(number),
        "title": format!("The {} and the {}", pick(&THINGS, chance), pick(&THINGS, chance >> 8)),
        "author": format!("{} {}son", pick(&NAMES, chance >> 16), pick(&NAMES, chance >> 24)),
        "description": format!("{}.", text(number + 1_000)),
        "price_cents": 500 + chance % 4_000,
    })
}

/// An ISBN-13 with its check digit.
fn isbn(number: u64) -> String {
    let digits = format!("97999{:07}", number % 10_000_000);
    let weighted = digits.bytes().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn isbns_have_their_check_digit() {
        for number in [0, 7, 99] {
            let digits = isbn(number);
            let sum: u32 =
                digits.bytes().zip([1, 3].into_iter().cycle()).map(|(d, w)| u32::from(d - b'0') * w).sum();
            assert_eq!((digits.len(), sum % 10), (13, 0), "{digits}");
        }
    }

    #[test]
    fn texts_are_short_and_differ() {
        let lengths: Vec<_> = (0..200).map(|number| text(number).split(' ').count()).collect();
        assert!(lengths.iter().all(|length| (3..=30).contains(length)));
        assert!(lengths.iter().max() > Some(&15) && text(1) != text(2));
    }
}
