/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageText(String);

impl MessageText {
    /// Reads a text of 1 to 10,000 characters.
    ///
    /// # Errors
    /// What is wrong, to complete "text …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("must not be empty");
        }
        if text.chars().nth(10_000).is_some() {
            return Err("must be at most 10000 characters long");
        }
        // Postgres keeps none.
        if text.contains('\0') {
            return Err("must not contain NUL characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whom a chat is with, as the instance names them: a telephone number, a user name. White space around it doesn't count; everything else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(String);

impl Address {
    /// Reads an address of 1 to 255 characters.
    ///
    /// # Errors
    /// What is wrong, to complete "to …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err("must not be empty"),
            1..=255 if text.chars().any(char::is_control) => Err("must not contain control characters"),
            1..=255 => Ok(Self(text.to_owned())),
            _ => Err("must be at most 255 characters long"),
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a client calls one sending, so that a repeat of it is known as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key of 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// What is wrong, to complete "Idempotency-Key …".
    pub fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let is_key = (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
        let text = std::str::from_utf8(bytes).ok().filter(|_| is_key);
        text.map(|text| Self(text.to_owned())).ok_or("must be one value of 1 to 255 visible ASCII characters")
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_a_character_and_ten_thousand_at_most() {
        assert!(MessageText::parse("").is_err());
        assert!(MessageText::parse(&"ä".repeat(10_000)).is_ok());
        assert!(MessageText::parse(&"ä".repeat(10_001)).is_err());
        assert!(MessageText::parse("a\0b").is_err());
        assert_eq!(MessageText::parse(" \n\t\u{1f389} ").unwrap().as_str(), " \n\t\u{1f389} ");
    }

    #[test]
    fn an_address_is_the_same_whatever_white_space_is_around_it() {
        assert_eq!(Address::parse(" +999 1 \t").unwrap().as_str(), "+999 1");
        for wrong in ["", "  ", "a\nb", "a\0", &"x".repeat(256)] {
            assert!(Address::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_idempotency_key_is_visible_and_short() {
        assert!(IdempotencyKey::parse(b"\"a-b_c:1\"").is_ok());
        assert!(IdempotencyKey::parse(&[b'x'; 255]).is_ok());
        for wrong in [&b""[..], b"a b", b"a, b", b"\xc3\xa4", b"a\x7f", &[b'x'; 256]] {
            assert!(IdempotencyKey::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
