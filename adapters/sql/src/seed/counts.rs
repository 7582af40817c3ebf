//! How much is written.

/// How many rows of each kind there are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Accounts, each with an organization, three instances and an API key.
    pub users: u64,
    /// Books.
    pub books: u64,
    /// Orders, with one to five items each.
    pub orders: u64,
    /// Messages, each with its event; a multiple of a hundred, because a hundred and their seven chats are written at once.
    pub messages: u64,
}

/// The largest scale: a million books, ten million messages.
pub const MOST: f64 = 100.0;
/// The accounts of the largest scale.
pub(super) const MOST_USERS: u64 = 10_000;

/// The most rows of a kind, however they are asked for: their times and identifiers have room for so many.
pub const MOST_ROWS: Counts =
    Counts { users: MOST_USERS, books: 1_000_000, orders: 2_000_000, messages: 10_000_000 };

/// A scale that nothing can be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number above 0, and 100 at most")]
pub struct ScaleRefused;

impl Counts {
    /// The counts of scale 1.
    pub const ONE: Self = Self { users: 100, books: 10_000, orders: 20_000, messages: 100_000 };

    /// A fraction or a multiple of [`Counts::ONE`], of each kind one at least.
    ///
    /// # Errors
    /// [`ScaleRefused`] for what is no number, not above 0, or above [`MOST`].
    pub fn of_scale(scale: f64) -> Result<Self, ScaleRefused> {
        if !(scale > 0.0 && scale <= MOST) {
            return Err(ScaleRefused);
        }
        let scaled = |one: u64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive and below 2^53"
            )]
            // A fraction such as 0.07 isn't exact; the millionth keeps its error from making a row more.
            let rows = (one as f64 * scale - 1e-6).ceil() as u64;
            rows.max(1)
        };
        let Self { users, books, orders, messages } = Self::ONE;
        Ok(Self {
            users: scaled(users),
            books: scaled(books),
            orders: scaled(orders),
            messages: scaled(messages),
        }
        .whole())
    }

    /// The same with whole blocks of messages.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self {
            messages: self.messages.div_ceil(super::conversations::BLOCK) * super::conversations::BLOCK,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_share_of_the_counts() {
        assert_eq!(Counts::of_scale(1.0), Ok(Counts::ONE));
        let tenth = Counts { users: 10, books: 1_000, orders: 2_000, messages: 10_000 };
        assert_eq!(Counts::of_scale(0.1), Ok(tenth));
        assert_eq!(Counts::of_scale(0.07).map(|counts| counts.users), Ok(7));
        assert_eq!(Counts::of_scale(MOST), Ok(MOST_ROWS));
        let least = Counts { users: 1, books: 1, orders: 1, messages: 100 };
        assert_eq!(Counts::of_scale(1e-9), Ok(least));
    }

    #[test]
    fn a_scale_that_makes_no_sense_is_refused() {
        for scale in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 100.1, 1e300] {
            assert_eq!(Counts::of_scale(scale), Err(ScaleRefused), "{scale}");
        }
    }
}
