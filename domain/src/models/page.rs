//! Pages of a list, walked by key rather than by number.
//!
//! A cursor holds the last row's sort key and id, and a MAC over them and over the list it belongs to (route, filters, order,
//! caller). A walk therefore visits each row once, also with equal times and while rows are added, and a cursor from another list,
//! cut or made up, is refused.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::Timestamp;

const MAC_BYTES: usize = 16;

/// Which end of the list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    Ascending,
    /// Newest first.
    #[default]
    Descending,
}

impl Order {
    /// The word of the `order` parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

/// A place in a list: after this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// What the list is sorted by: the row's time in microseconds since 1970, or, in a search, its rank.
    pub key: i64,
    /// Tells rows of the same key apart.
    pub id: Uuid,
}

/// A cursor that isn't one of this list's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that this list gave out")]
pub struct CursorRefused;

impl Cursor {
    /// The place of a row in a list by time.
    #[must_use]
    pub const fn at(time: Timestamp, id: Uuid) -> Self {
        Self { key: time.micros(), id }
    }

    /// The time, in a list by time.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        Timestamp::from_micros(self.key)
    }

    /// Writes the cursor for the list named by `list`, which must name route, filters, order and caller.
    pub fn seal(&self, list: &str, mac: impl FnOnce(&[u8]) -> [u8; 32]) -> String {
        let mut bytes = self.bytes().to_vec();
        bytes.extend_from_slice(&mac(&self.bound(list))[..MAC_BYTES]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor of the list named by `list`.
    ///
    /// # Errors
    /// [`CursorRefused`] for one of another list, a cut or a forged one.
    pub fn open(text: &str, list: &str, mac: impl FnOnce(&[u8]) -> [u8; 32]) -> Result<Self, CursorRefused> {
        if text.len() > 100 {
            return Err(CursorRefused);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorRefused)?;
        let (key, rest) = bytes.split_at_checked(8).ok_or(CursorRefused)?;
        let (id, tag) = rest.split_at_checked(16).ok_or(CursorRefused)?;
        let cursor = Self {
            key: i64::from_be_bytes(key.try_into().map_err(|_| CursorRefused)?),
            id: Uuid::from_slice(id).map_err(|_| CursorRefused)?,
        };
        let expected = mac(&cursor.bound(list));
        // A cursor guards consistency, not a secret; still, every byte is compared whatever the first shows.
        let differs = tag.iter().zip(&expected[..MAC_BYTES]).fold(0, |acc, (a, b)| acc | (a ^ b));
        if tag.len() == MAC_BYTES && differs == 0 { Ok(cursor) } else { Err(CursorRefused) }
    }

    fn bytes(&self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.key.to_be_bytes());
        bytes[8..].copy_from_slice(self.id.as_bytes());
        bytes
    }

    fn bound(&self, list: &str) -> Vec<u8> {
        let mut bytes = self.bytes().to_vec();
        bytes.extend_from_slice(list.as_bytes());
        bytes
    }
}

/// Which rows of a list are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// How many at most, 1–100.
    pub limit: u32,
    /// After which row; `None` for the beginning.
    pub after: Option<Cursor>,
    /// In which order.
    pub order: Order,
}

impl PageRequest {
    /// The limit when none is named.
    pub const DEFAULT_LIMIT: u32 = 20;
    /// The highest limit.
    pub const MAX_LIMIT: u32 = 100;

    /// Whether a row at `place` comes after the cursor in this order.
    #[must_use]
    pub fn includes(&self, place: Cursor) -> bool {
        match (self.after, self.order) {
            (None, _) => true,
            (Some(after), Order::Ascending) => place > after,
            (Some(after), Order::Descending) => place < after,
        }
    }
}

/// Some rows of a list, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Makes a page of rows read with one more than was asked, whose presence says that there is more.
    #[must_use]
    pub fn cut(mut rows: Vec<T>, limit: u32, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(place) } else { None };
        Self { items: rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Digest;

    fn mac(bytes: &[u8]) -> [u8; 32] {
        Digest::of(bytes).0
    }

    #[test]
    fn a_cursor_opens_in_its_own_list_alone() {
        let cursor = Cursor::at(Timestamp::from_micros(-5), Uuid::from_u128(77));
        let text = cursor.seal("sessions|desc|ada", mac);
        assert_eq!(Cursor::open(&text, "sessions|desc|ada", mac), Ok(cursor));
        assert_eq!(Cursor::open(&text, "sessions|asc|ada", mac), Err(CursorRefused));
        assert_eq!(Cursor::open(&text, "sessions|desc|bob", mac), Err(CursorRefused));
        for cut in 0..text.len() {
            assert_eq!(Cursor::open(&text[..cut], "sessions|desc|ada", mac), Err(CursorRefused));
        }
    }

    #[test]
    fn one_row_more_than_asked_says_that_there_is_more() {
        let place = |n: &u128| Cursor { key: 0, id: Uuid::from_u128(*n) };
        let page = Page::cut(vec![3, 2, 1], 2, place);
        assert_eq!(page.items, [3, 2]);
        assert_eq!(page.next, Some(place(&2)));
        assert_eq!(Page::cut(vec![3, 2], 2, place).next, None);
    }
}
