//! Books as they are cached.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{Book, BookDetails, BookId, BookListing, Cursor, Page, SearchQuery},
    ports::{Books, Unavailable},
};

/// Pages of books, read through the cache by all that varies them.
pub type BookPages = ReadThrough<PageSource>;

/// Single books, read through the cache.
pub type SingleBooks = ReadThrough<BookSource>;

/// Where pages of books come from when the cache has none: one statement.
pub struct PageSource {
    /// Keeps books.
    pub books: Arc<dyn Books>,
}

/// Where single books come from when the cache has none: one statement.
pub struct BookSource {
    /// Keeps books.
    pub books: Arc<dyn Books>,
}

/// A page of books as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookPage {
    /// The books.
    pub books: Vec<Book>,
    next: Option<(i64, Uuid)>,
}

impl BookPage {
    fn of(rows: Vec<(Book, Cursor)>, limit: u32) -> Self {
        let Page { items, next } = Page::cut(rows, limit, |(_, place)| *place);
        Self {
            books: items.into_iter().map(|(book, _)| book).collect(),
            next: next.map(|place| (place.key, place.id)),
        }
    }

    /// Where the next page begins, if there is one.
    #[must_use]
    pub fn next(&self) -> Option<Cursor> {
        self.next.map(|(key, id)| Cursor { key, id })
    }
}

#[async_trait]
impl Source for PageSource {
    type Id = BookListing;
    type Value = BookPage;
    const PREFIX: Prefix = Prefix::Books;

    /// By the meaning of what was asked, not by its letters.
    fn key(&self, listing: &BookListing) -> CacheKey {
        let BookListing { author, search, page } = listing;
        let search = search.as_ref().map(SearchQuery::to_websearch);
        let after = page.after.map(|place| format!("{}/{}", place.key, place.id));
        let name = format!("list {author:?} {search:?} {} {} {after:?}", page.limit, page.order.as_str());
        CacheKey::of(Self::PREFIX, name.as_bytes())
    }

    /// Any write of any book may change any page, so pages depend on their prefix, and on nothing less.
    fn subjects(&self, _: &BookListing, _: &BookPage) -> Vec<Subject> {
        Vec::new()
    }

    /// First pages of all books: two orders times a hundred limits at most.
    fn is_shared(&self, listing: &BookListing) -> bool {
        listing.author.is_none() && listing.search.is_none() && listing.page.after.is_none()
    }

    async fn load(&self, listing: &BookListing) -> Result<Option<BookPage>, Unavailable> {
        let nothing = listing.search.as_ref().is_some_and(SearchQuery::finds_nothing);
        let rows = if nothing { Vec::new() } else { self.books.list(listing).await? };
        Ok(Some(BookPage::of(rows, listing.page.limit)))
    }
}

#[async_trait]
impl Source for BookSource {
    type Id = BookId;
    type Value = BookDetails;
    const PREFIX: Prefix = Prefix::Books;

    fn key(&self, id: &BookId) -> CacheKey {
        CacheKey::of(Self::PREFIX, format!("book {id}").as_bytes())
    }

    fn subjects(&self, _: &BookId, _: &BookDetails) -> Vec<Subject> {
        Vec::new()
    }

    async fn load(&self, id: &BookId) -> Result<Option<BookDetails>, Unavailable> {
        self.books.by_id(*id).await
    }
}
