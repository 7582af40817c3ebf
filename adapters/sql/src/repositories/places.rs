//! Where a list begins.

use portico_domain::models::{Cursor, Order, PageRequest, Timestamp};
use uuid::Uuid;

/// Before every row: where a list in rising order begins.
const BEGINNING: Cursor = Cursor::at(Timestamp::from_seconds(-62_135_596_800), Uuid::nil());
/// After every row (the last second of the year 9999): where a list in falling order begins.
const END: Cursor = Cursor::at(Timestamp::from_seconds(253_402_300_799), Uuid::max());

/// The place after which a page begins: a place before, or after, every row where none is named, so that one statement serves both.
pub(super) fn start(page: PageRequest) -> Cursor {
    page.after.unwrap_or(match page.order {
        Order::Ascending => BEGINNING,
        Order::Descending => END,
    })
}
