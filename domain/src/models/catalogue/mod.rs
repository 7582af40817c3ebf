//! Books, and what people ordered of them.

mod book;
mod isbn;
mod order;

pub use book::{Book, BookDetails, BookListing};
pub use isbn::{Isbn, IsbnFault};
pub use order::{NewOrder, OrderItem, OrderLine, OrderedBook, PlacedOrder};
