//! Books, for everybody to read and for few to change; and orders of them, for whoever placed them.
//!
//! What must hold:
//! - **A write of a book is seen at once** on the server that made it: everything that was read of books is dropped before the write returns.
//! - **Whoever asks can't fill what servers share.** Cached there is what the catalogue bounds: single books, and first pages of all books. What anybody can ask
//!   in endless ways (searches, authors, later pages) is kept in memory alone, which is bounded and keeps what is used.
//! - **An order stays what it was**, whatever becomes of its books and their prices.
//! - **Somebody else's order is as good as none.**

mod books;
mod orders;
mod shelf;
mod writes;

pub use books::{AddBook, AddBookRequest, ChangeBook, ReadBooks, RemoveBook};
pub use orders::{ListOrders, OrderError, PlaceOrder, PlaceOrderError};
pub use shelf::{BookPage, BookPages, BookSource, PageSource, SingleBooks};
pub use writes::BookWrites;

use crate::ports::Unavailable;

/// Why a book was not shown or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// There is none.
    #[error("there is no such book")]
    NotFound,
    /// Numbers are for one book each.
    #[error("another book has this ISBN")]
    IsbnTaken,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

#[cfg(test)]
mod tests;
