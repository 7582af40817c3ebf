use async_trait::async_trait;

use super::Unavailable;
use crate::models::{Book, BookDetails, BookId, BookListing, Cursor, Isbn, Timestamp};

/// What is to be different about a book; `None` leaves a member as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BookChange {
    /// Another number.
    pub isbn: Option<Isbn>,
    /// Another title.
    pub title: Option<String>,
    /// Another author.
    pub author: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Another price.
    pub price_cents: Option<u32>,
}

/// What became of adding a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BookAdded {
    /// It is there.
    Added,
    /// Another book has its number; nothing was written.
    IsbnTaken,
}

/// What became of changing a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookChanged {
    /// It is done; the book as it is now.
    Done(Box<BookDetails>),
    /// Another book has the new number; nothing was written.
    IsbnTaken,
    /// There is no such book.
    NotFound,
}

/// The catalogue's books, the same for everybody.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Books: Send + Sync {
    /// Adds a book, unless another one has its number: of many at once with the same number one is added.
    async fn add(&self, book: &BookDetails) -> Result<BookAdded, Unavailable>;

    /// Finds a book.
    async fn by_id(&self, id: BookId) -> Result<Option<BookDetails>, Unavailable>;

    /// Lists books by one statement, each with its place, one more than the limit if there are more.
    ///
    /// Without a search they are listed by when they came. With one they come best first, the newest first of those that are as good, and the order of the
    /// page request doesn't matter. A walk of a search visits each book once, also while others that are as good are added.
    async fn list(&self, listing: &BookListing) -> Result<Vec<(Book, Cursor)>, Unavailable>;

    /// Changes a book, in one statement.
    async fn change(&self, id: BookId, change: BookChange, at: Timestamp)
    -> Result<BookChanged, Unavailable>;

    /// Takes a book out of the catalogue; orders of it stay as they are. `false` when there is no such book.
    async fn remove(&self, id: BookId) -> Result<bool, Unavailable>;
}
