//! A wrapper that keeps secrets out of logs.

use std::fmt;

/// Holds text that must not be printed: `Debug` and `Display` say `[redacted]`, and only [`Secret::expose`] gives it out,
/// so that every place where a secret leaves can be found by its name.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Gives the text out, to be sent or compared, never to be logged.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_shows_nothing_of_it() {
        let secret = Secret::new("obviously-fake");
        assert_eq!(format!("{secret:?} {secret}"), "[redacted] [redacted]");
    }
}
