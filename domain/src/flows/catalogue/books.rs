use std::sync::Arc;

use super::{BookError, BookPage, BookPages, BookWrites, SingleBooks};
use crate::{
    models::{Book, BookDetails, BookId, BookListing, Isbn},
    ports::{BookAdded, BookChange, BookChanged, Clock, Entropy, Unavailable},
};

/// Shows books to anybody, through the cache.
pub struct ReadBooks {
    /// Pages of them.
    pub pages: BookPages,
    /// Each by itself.
    pub single: SingleBooks,
}

impl ReadBooks {
    /// Reads one page.
    pub async fn list(&self, listing: &BookListing) -> Result<Arc<BookPage>, Unavailable> {
        let page = self.pages.get(listing).await?;
        // A page without books is a page; only what another version stored could say that there is none.
        page.ok_or_else(|| Unavailable::new("storage", "no page of books"))
    }

    /// Finds one book.
    pub async fn one(&self, id: BookId) -> Result<Arc<BookDetails>, BookError> {
        self.single.get(&id).await?.ok_or(BookError::NotFound)
    }
}

/// The book that is to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddBookRequest {
    /// Its number.
    pub isbn: Isbn,
    /// What it is called.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// What it is about.
    pub description: String,
    /// What one copy costs.
    pub price_cents: u32,
}

/// Adds a book to the catalogue.
pub struct AddBook {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the identifier.
    pub entropy: Arc<dyn Entropy>,
    /// Writes books, and drops what is cached of them.
    pub writes: BookWrites,
}

impl AddBook {
    /// Adds the book, unless its number is taken.
    pub async fn run(&self, request: AddBookRequest) -> Result<BookDetails, BookError> {
        let now = self.clock.now();
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        let AddBookRequest { isbn, title, author, description, price_cents } = request;
        let book =
            Book { id: BookId::generate(now, random), isbn, title, author, price_cents, created_at: now };
        let book = BookDetails { book, description };
        match self.writes.add(book.clone()).await? {
            BookAdded::Added => Ok(book),
            BookAdded::IsbnTaken => Err(BookError::IsbnTaken),
        }
    }
}

/// Changes what is known of a book.
pub struct ChangeBook {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Writes books, and drops what is cached of them.
    pub writes: BookWrites,
}

impl ChangeBook {
    /// Changes the book and gives it as it is now.
    pub async fn run(&self, id: BookId, change: BookChange) -> Result<BookDetails, BookError> {
        match self.writes.change(id, change, self.clock.now()).await? {
            BookChanged::Done(book) => Ok(*book),
            BookChanged::IsbnTaken => Err(BookError::IsbnTaken),
            BookChanged::NotFound => Err(BookError::NotFound),
        }
    }
}

/// Takes a book out of the catalogue.
pub struct RemoveBook {
    /// Writes books, and drops what is cached of them.
    pub writes: BookWrites,
}

impl RemoveBook {
    /// Removes the book; orders of it stay as they are.
    pub async fn run(&self, id: BookId) -> Result<(), BookError> {
        if self.writes.remove(id).await? { Ok(()) } else { Err(BookError::NotFound) }
    }
}
