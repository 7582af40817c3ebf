use serde::{Deserialize, Serialize};

use super::Isbn;
use crate::models::{BookId, PageRequest, SearchQuery, Timestamp};

/// A book as lists show it: without its description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Names the book.
    pub id: BookId,
    /// Its number; no two books have the same.
    pub isbn: Isbn,
    /// What it is called.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// What one copy costs.
    pub price_cents: u32,
    /// When it came into the catalogue.
    pub created_at: Timestamp,
}

impl Book {
    /// The longest title, in characters.
    pub const MAX_TITLE: usize = 300;
    /// The longest author, in characters.
    pub const MAX_AUTHOR: usize = 200;
    /// The longest description, in characters.
    pub const MAX_DESCRIPTION: usize = 10_000;
    /// The highest price. The largest order at this price has a total below 2^53, which every JSON reader takes as it is.
    pub const MAX_PRICE_CENTS: u32 = 100_000_000;
}

/// A book with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookDetails {
    /// What lists show.
    #[serde(flatten)]
    pub book: Book,
    /// What it is about; may be empty.
    pub description: String,
}

/// Which books are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookListing {
    /// By this author alone, written exactly so.
    pub author: Option<String>,
    /// With these words, best first; all books, by when they came, where there is none.
    pub search: Option<SearchQuery>,
    /// Which of them. A search has one order: best first.
    pub page: PageRequest,
}
