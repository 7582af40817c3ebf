use async_trait::async_trait;
use portico_domain::{
    models::{
        Book, BookDetails, BookId, BookListing, Cursor, Isbn, Order, PageRequest, SearchQuery, Timestamp,
    },
    ports::{BookAdded, BookChange, BookChanged, Books, Unavailable},
};
use serde_json::json;
use uuid::Uuid;

use super::{SqlRepositories, places};
use crate::{
    driver::{Call, DriverError, Row, SERVICE, Value},
    statements::{
        BOOK_BY_ID, BOOK_CHANGE, BOOK_DELETE, BOOK_INSERT, BOOKS_LIST_ASC, BOOKS_LIST_DESC,
        BOOKS_OF_AUTHOR_LIST_ASC, BOOKS_OF_AUTHOR_LIST_DESC, BOOKS_OF_AUTHOR_SEARCH, BOOKS_SEARCH,
    },
};

/// Names the constraint that a taken number breaks.
const ISBN_KEY: &str = "books_isbn_key";

#[async_trait]
impl Books for SqlRepositories {
    async fn add(&self, book: &BookDetails) -> Result<BookAdded, Unavailable> {
        let BookDetails { book, description } = book;
        let parameters = vec![
            book.id.uuid().into(),
            book.isbn.as_str().into(),
            book.title.as_str().into(),
            book.author.as_str().into(),
            description.as_str().into(),
            book.price_cents.into(),
            book.created_at.into(),
        ];
        match self.driver.run(BOOK_INSERT.with(parameters)).await {
            Ok(_) => Ok(BookAdded::Added),
            Err(error) if is_taken(&error) => Ok(BookAdded::IsbnTaken),
            Err(error) => Err(error.into()),
        }
    }

    async fn by_id(&self, id: BookId) -> Result<Option<BookDetails>, Unavailable> {
        let rows = self.driver.run(BOOK_BY_ID.with(vec![id.uuid().into()])).await?;
        rows.into_iter().next().map(|mut row| details(&mut row)).transpose()
    }

    async fn list(&self, listing: &BookListing) -> Result<Vec<(Book, Cursor)>, Unavailable> {
        let BookListing { author, search, page } = listing;
        let Some(search) = search else {
            let rows = self.driver.run(by_time(author.as_deref(), *page)).await?;
            let placed = |mut row| {
                let book = book(&mut row)?;
                let place = Cursor::at(book.created_at, book.id.uuid());
                Ok((book, place))
            };
            return rows.into_iter().map(placed).collect();
        };
        let rows = self.driver.run(by_words(search, author.as_deref(), *page)).await?;
        let ranked = |mut row| {
            let book = book(&mut row)?;
            let place = Cursor { key: row.take()?, id: book.id.uuid() };
            Ok((book, place))
        };
        rows.into_iter().map(ranked).collect()
    }

    async fn change(
        &self,
        id: BookId,
        change: BookChange,
        at: Timestamp,
    ) -> Result<BookChanged, Unavailable> {
        let parameters = vec![
            id.uuid().into(),
            change.isbn.as_ref().map(Isbn::as_str).into(),
            change.title.into(),
            change.author.into(),
            change.description.into(),
            change.price_cents.into(),
            at.into(),
        ];
        match self.driver.run(BOOK_CHANGE.with(parameters)).await {
            Ok(rows) => match rows.into_iter().next() {
                Some(mut row) => Ok(BookChanged::Done(Box::new(details(&mut row)?))),
                None => Ok(BookChanged::NotFound),
            },
            Err(error) if is_taken(&error) => Ok(BookChanged::IsbnTaken),
            Err(error) => Err(error.into()),
        }
    }

    async fn remove(&self, id: BookId) -> Result<bool, Unavailable> {
        Ok(!self.driver.run(BOOK_DELETE.with(vec![id.uuid().into()])).await?.is_empty())
    }
}

fn by_time(author: Option<&str>, page: PageRequest) -> Call {
    let after = places::start(page);
    let mut parameters: Vec<Value> = author.map(Value::from).into_iter().collect();
    parameters.extend([after.time().into(), after.id.into(), one_more(page)]);
    let statement = match (author, page.order) {
        (None, Order::Ascending) => &BOOKS_LIST_ASC,
        (None, Order::Descending) => &BOOKS_LIST_DESC,
        (Some(_), Order::Ascending) => &BOOKS_OF_AUTHOR_LIST_ASC,
        (Some(_), Order::Descending) => &BOOKS_OF_AUTHOR_LIST_DESC,
    };
    statement.with(parameters)
}

fn by_words(search: &SearchQuery, author: Option<&str>, page: PageRequest) -> Call {
    // Better than any book, where a search begins.
    let after = page.after.unwrap_or(Cursor { key: i64::MAX, id: Uuid::max() });
    // In the language of either database.
    let words = json!({ "websearch": search.to_websearch(), "fts5": search.to_fts5() });
    let mut parameters = vec![words.to_string().into(), after.key.into(), after.id.into(), one_more(page)];
    match author {
        None => BOOKS_SEARCH.with(parameters),
        Some(author) => {
            parameters.push(author.into());
            BOOKS_OF_AUTHOR_SEARCH.with(parameters)
        }
    }
}

/// Whose presence says that there is more.
fn one_more(page: PageRequest) -> Value {
    (i64::from(page.limit) + 1).into()
}

fn is_taken(error: &DriverError) -> bool {
    matches!(error, DriverError::UniqueViolation { constraint } if constraint == ISBN_KEY)
}

fn book(row: &mut Row) -> Result<Book, Unavailable> {
    Ok(Book {
        id: BookId::from_uuid(row.take()?),
        isbn: Isbn::parse(&row.take::<String>()?)
            .map_err(|fault| Unavailable::new(SERVICE, format!("a stored ISBN {}", fault.as_str())))?,
        title: row.take()?,
        author: row.take()?,
        price_cents: row.take()?,
        created_at: row.take()?,
    })
}

fn details(row: &mut Row) -> Result<BookDetails, Unavailable> {
    Ok(BookDetails { book: book(row)?, description: row.take()? })
}
