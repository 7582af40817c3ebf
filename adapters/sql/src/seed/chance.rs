//! Choices that look random and are the same each time: a choice is a function of what it is for and of a number.

use portico_domain::models::{Timestamp, uuid_v7};
use uuid::Uuid;

/// What choices are made for; two of them never share one by chance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Organization = 1,
    User,
    Instance,
    ApiKey,
    Book,
    Order,
    Conversation,
    Chat,
    Message,
    Event,
    ChatEvent,
}

/// A row's choices, taken one after the other.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    /// The choices of the row with this number.
    pub(super) fn of(kind: Kind, number: u64) -> Self {
        Self(mixed((kind as u64) << 56 ^ number))
    }

    /// The next 64 bits.
    pub(super) fn bits(&mut self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    /// One of `0..count`, each as likely; 0 when there is none.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        self.bits() % count.max(1)
    }

    /// One of `0..count`, small ones far more likely, as words and authors are: about as Zipf has it, in whole numbers, which are the same on
    /// every machine.
    pub(super) fn skewed(&mut self, count: u64) -> u64 {
        let widths = u64::from(64 - count.max(2).leading_zeros());
        let width = 1_u64 << (1 + self.below(widths));
        self.below(width.min(count))
    }

    /// One of them, each as likely.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    /// One of them, the first far more likely.
    pub(super) fn favourite<T: Copy>(&mut self, of: &[T]) -> T {
        let count = u64::try_from(of.len()).unwrap_or(u64::MAX);
        of[usize::try_from(self.skewed(count)).unwrap_or(0)]
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(u64::try_from(count).unwrap_or(u64::MAX))).unwrap_or(0)
    }
}

const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ bits >> 31
}

/// The identifier of a row: of version 7, so that rows sort by their time like those that are made by use.
pub(super) fn id(kind: Kind, number: u64, made: Timestamp) -> Uuid {
    let mut chance = Chance::of(kind, number);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&chance.bits().to_be_bytes());
    random[8..].copy_from_slice(&chance.bits().to_be_bytes()[..2]);
    uuid_v7(made, random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_the_same_each_time_and_another_for_each_row() {
        let drawn = |kind, number| Chance::of(kind, number).bits();
        assert_eq!(drawn(Kind::Book, 7), drawn(Kind::Book, 7));
        assert_ne!(drawn(Kind::Book, 7), drawn(Kind::Book, 8));
        assert_ne!(drawn(Kind::Book, 7), drawn(Kind::Order, 7));
        let made = Timestamp::from_seconds(1_700_000_000);
        // Written down: were it another tomorrow, a second run would write everything twice.
        assert_eq!(id(Kind::Book, 7, made).to_string(), "018bcfe5-6800-740e-830b-ec14a9da2a78");
    }

    #[test]
    fn skewed_choices_stay_in_bounds_and_favour_the_first() {
        let mut chance = Chance::of(Kind::Message, 1);
        let mut seen = [0_u32; 100];
        for _ in 0..20_000 {
            seen[usize::try_from(chance.skewed(100)).unwrap()] += 1;
        }
        assert!(seen[0] > 20 * seen[99], "{seen:?}");
        assert!(seen[99] > 0);
        assert_eq!((chance.skewed(1), chance.skewed(0), chance.below(0)), (0, 0, 0));
    }
}
