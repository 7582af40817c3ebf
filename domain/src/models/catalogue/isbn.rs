use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// Why a text is no ISBN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IsbnFault {
    /// Neither of the two lengths, or other characters.
    Form,
    /// Thirteen digits that are no book's (ISO 2108).
    Prefix,
    /// A digit is wrong, or two have changed places.
    Checksum,
}

impl IsbnFault {
    /// The words that complete "isbn …".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "must have 10 or 13 digits, with hyphens or blanks between them if you like",
            Self::Prefix => "must begin with 978 or 979 when it has 13 digits",
            Self::Checksum => "has a wrong check digit",
        }
    }
}

/// The number of a book (ISO 2108), as thirteen digits: an ISBN-10 and the ISBN-13 that it became in 2007 are the same number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Isbn(String);

impl Isbn {
    /// The longest text that is read: thirteen digits with something between each two.
    const LONGEST: usize = 25;

    /// Reads an ISBN-13 or an ISBN-10, with or without hyphens and blanks.
    ///
    /// # Errors
    /// [`IsbnFault`], to be told to whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, IsbnFault> {
        let text = text.trim();
        if text.len() > Self::LONGEST {
            return Err(IsbnFault::Form);
        }
        let mut characters = Vec::with_capacity(13);
        for character in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
            match character {
                b'0'..=b'9' => characters.push(character - b'0'),
                // Ten, as a check digit of an ISBN-10.
                b'X' | b'x' if characters.len() == 9 => characters.push(10),
                _ => return Err(IsbnFault::Form),
            }
        }
        let digits: [u8; 13] = match characters.len() {
            10 => from_ten(&characters)?,
            // Nothing but digits: an X stands in tenth place alone.
            13 if characters[9] < 10 => characters.try_into().map_err(|_| IsbnFault::Form)?,
            _ => return Err(IsbnFault::Form),
        };
        if !matches!(digits[..3], [9, 7, 8 | 9]) {
            return Err(IsbnFault::Prefix);
        }
        if digits[12] != check_digit(&digits[..12]) {
            return Err(IsbnFault::Checksum);
        }
        Ok(Self(digits.iter().map(|digit| char::from(b'0' + digit)).collect()))
    }

    /// The thirteen digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The same number as thirteen digits.
fn from_ten(characters: &[u8]) -> Result<[u8; 13], IsbnFault> {
    let sum: u32 =
        characters.iter().zip((1..=10).rev()).map(|(digit, weight)| u32::from(*digit) * weight).sum();
    if !sum.is_multiple_of(11) {
        return Err(IsbnFault::Checksum);
    }
    let mut digits = [9, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    digits[3..12].copy_from_slice(&characters[..9]);
    digits[12] = check_digit(&digits[..12]);
    Ok(digits)
}

/// What makes the weighted sum of thirteen digits a multiple of ten.
fn check_digit(twelve: &[u8]) -> u8 {
    let weighted = twelve.iter().zip([1, 3].iter().cycle()).map(|(digit, weight)| digit * weight);
    let rest = weighted.fold(0, |sum, value| (sum + value) % 10);
    (10 - rest) % 10
}

impl fmt::Display for Isbn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Isbn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?)
            .map_err(|fault| serde::de::Error::custom(fault.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, IsbnFault> {
        Isbn::parse(text).map(|isbn| isbn.to_string())
    }

    #[test]
    fn both_lengths_are_one_number() {
        for text in
            ["978-0-306-40615-7", "9780306406157", " 0-306-40615-2 ", "0306406152", "978 0 306 40615 7"]
        {
            assert_eq!(read(text).as_deref(), Ok("9780306406157"), "{text}");
        }
        assert_eq!(read("0-8044-2957-X").as_deref(), Ok("9780804429573"));
        assert_eq!(read("080442957x").as_deref(), Ok("9780804429573"));
        assert_eq!(read("979-10-90636-07-1").as_deref(), Ok("9791090636071"));
    }

    #[test]
    fn what_is_none_is_told_why() {
        for text in [
            "",
            "978030640615",
            "97803064061577",
            "0-306-4061X-2",
            "X306406152",
            "978030640X157",
            "９７８０３０６４０６１５７",
            "abcdefghij",
            "0306406152\0",
            "-",
            "978-0-306-40615-7-----------------",
        ] {
            assert_eq!(read(text), Err(IsbnFault::Form), "{text}");
        }
        assert_eq!(read("9770306406157"), Err(IsbnFault::Prefix));
        for text in ["9780306406158", "9780306460157", "0306406153", "0804429570"] {
            assert_eq!(read(text), Err(IsbnFault::Checksum), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_number_has_one_check_digit(number in 0..1_000_000_000_u32, prefix in prop::sample::select(vec!["978", "979"])) {
            let good: Vec<String> =
                (0..10).filter_map(|check| read(&format!("{prefix}{number:09}{check}")).ok()).collect();
            prop_assert_eq!(good.len(), 1);
            prop_assert_eq!(read(&good[0]), Ok(good[0].clone()));
        }

        #[test]
        fn a_short_number_is_its_long_one(number in 0..1_000_000_000_u32) {
            let good: Vec<String> = "0123456789X".chars().filter_map(|check| read(&format!("{number:09}{check}")).ok()).collect();
            prop_assert_eq!(good.len(), 1);
            let long = format!("978{number:09}");
            prop_assert!(good[0].starts_with(&long));
        }

        #[test]
        fn no_text_makes_it_fail(text in "\\PC{0,30}") {
            let _ = read(&text);
        }
    }
}
