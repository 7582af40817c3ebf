use serde::Serialize;

use crate::models::{BookId, OrderId, Timestamp, UserId};

/// So many copies of a book, as somebody wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderLine {
    /// Which book.
    pub book_id: BookId,
    /// How many copies.
    pub quantity: u32,
}

impl OrderLine {
    /// The most copies of one book in one order.
    pub const MAX_QUANTITY: u32 = 1_000;
}

/// An order to be placed, at the prices of the moment at which that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// What it will be called.
    pub id: OrderId,
    /// Who orders.
    pub user_id: UserId,
    /// What, 1 to [`PlacedOrder::MAX_ITEMS`] books, none twice.
    pub lines: Vec<OrderLine>,
    /// When.
    pub created_at: Timestamp,
}

/// A book as it was when it was ordered, whatever became of it since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderedBook {
    /// Names the book.
    pub id: BookId,
    /// What it was called.
    pub title: String,
    /// Who wrote it.
    pub author: String,
}

/// One position of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OrderItem {
    /// How many copies.
    pub quantity: u32,
    /// What each cost.
    pub unit_price_cents: u32,
    /// Of what.
    pub book: OrderedBook,
}

/// What somebody ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlacedOrder {
    /// Names the order.
    pub id: OrderId,
    /// When it was placed.
    pub created_at: Timestamp,
    /// How many positions it has.
    pub item_count: u32,
    /// How many copies of anything.
    pub total_quantity: u32,
    /// What all of it cost.
    pub total_cents: i64,
    /// The positions, in the order in which they were asked for.
    pub items: Vec<OrderItem>,
}

impl PlacedOrder {
    /// The most positions of one order.
    pub const MAX_ITEMS: usize = 100;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Book;

    #[test]
    fn the_largest_order_has_a_total_that_every_reader_of_json_takes_as_it_is() {
        let items = u64::try_from(PlacedOrder::MAX_ITEMS).unwrap();
        let total = items * u64::from(OrderLine::MAX_QUANTITY) * u64::from(Book::MAX_PRICE_CENTS);
        assert!(total < 1 << 53, "{total}");
    }
}
