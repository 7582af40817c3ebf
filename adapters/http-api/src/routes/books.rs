//! Books: read by anybody, written by admins and by programs with `catalog:write`.
//!
//! Reading looks at no credentials, good or bad: the answer is the same for everybody, and costs no check.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use portico_domain::{
    flows::catalogue::{AddBookRequest, BookError},
    models::{Book, BookId, BookListing, FieldFault, Isbn, IsbnFault, Scope, SearchQuery},
    ports::BookChange,
};
use serde_json::Value;

use super::{ListAnswer, Shared, page_request_beside};
use crate::{
    answers::{Keep, json, no_content, with_location},
    code::Code,
    credentials::admin_or_key,
    fields::{Fields, Member, Query},
    problem::Problem,
    rendered::Written,
};

type Answer = Result<Response, Problem>;

const BOOKS: &str = "/api/v1/books";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route(BOOKS, get(list).post(add))
        .route("/api/v1/books/{id}", get(one).patch(change).delete(remove))
}

impl From<BookError> for Problem {
    fn from(error: BookError) -> Self {
        match error {
            BookError::NotFound => Self::new(Code::NotFound, "There is no such book."),
            BookError::IsbnTaken => Self::new(Code::Conflict, "Another book has this ISBN."),
            BookError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let catalogue = &shared.api.door.catalogue;
    let query = Query::parse(request.uri().query());
    let mut faults = Vec::new();
    let mut noted = |field: &str, message: String| faults.push(FieldFault::new(field, message));
    let author = query
        .get("author")
        .and_then(|text| parse_author(text).map_err(|message| noted("author", message.to_owned())).ok());
    let search = query
        .get("q")
        .and_then(|text| SearchQuery::parse(text).map_err(|fault| noted("q", fault.to_string())).ok());
    if query.get("q").is_some() && query.get("order") == Some("asc") {
        noted("order", "must be desc, or left out, in a search: it is best first".to_owned());
    }
    let page = page_request_beside(faults, &query, &catalogue.book_cursors, Owner(&author, &search)).await?;
    let listing = BookListing { author, search, page };
    let found = catalogue.read.list(&listing).await?;
    let kept = shared.rendered.as_ref().map(|rendered| &rendered.book_pages);
    let written = if let Some(written) = kept.and_then(|kept| kept.get(&found)) {
        written
    } else {
        let BookListing { author, search, page } = &listing;
        let (books, owner): (Vec<&Book>, _) = (found.books.iter().collect(), Owner(author, search));
        let answer = ListAnswer::of(books, found.next(), &catalogue.book_cursors, page.order, owner).await?;
        let written = Written::of(&answer)?;
        if let Some(kept) = kept {
            kept.keep(&found, &written);
        }
        written
    };
    Ok(written.answer(request.headers(), Keep::PublicValidated))
}

/// Whose cursor it is, by what is meant: it goes on working where the same words are written with other blanks.
struct Owner<'a>(&'a Option<String>, &'a Option<SearchQuery>);

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}|{:?}", self.0, self.1.as_ref().map(SearchQuery::to_websearch))
    }
}

async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let book = shared.api.door.catalogue.read.one(parse_id(&id)?).await?;
    let written = match &shared.rendered {
        Some(rendered) => rendered.books.get_or_write(&book, || Written::of(&*book))?,
        None => Written::of(&*book)?,
    };
    Ok(written.answer(request.headers(), Keep::PublicValidated))
}

async fn add(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin_or_key(&shared, &parts, Scope::CatalogWrite).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let isbn = fields.required("isbn", parse_isbn);
    let title = fields.required("title", parse_title);
    let author = fields.required("author", parse_author);
    let description = fields.optional("description", parse_description);
    let price_cents = fields.there("price_cents", parse_price);
    let request = fields.finish(|| {
        Some(AddBookRequest {
            isbn: isbn?,
            title: title?,
            author: author?,
            description: description?.unwrap_or_default(),
            price_cents: price_cents?,
        })
    })?;
    let book = shared.api.door.catalogue.add.run(request).await?;
    let answer = json(StatusCode::CREATED, Keep::Private, &book)?;
    Ok(with_location(answer, &format!("{BOOKS}/{}", book.book.id)))
}

async fn change(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    admin_or_key(&shared, &parts, Scope::CatalogWrite).await?;
    let id = parse_id(&id)?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let isbn = changed(&mut fields, "isbn", |value| text(value).and_then(parse_isbn));
    let title = changed(&mut fields, "title", |value| text(value).and_then(parse_title));
    let author = changed(&mut fields, "author", |value| text(value).and_then(parse_author));
    let description = changed(&mut fields, "description", |value| text(value).and_then(parse_description));
    let price_cents = changed(&mut fields, "price_cents", parse_price);
    let change = fields.finish(|| {
        Some(BookChange {
            isbn: isbn?,
            title: title?,
            author: author?,
            description: description?,
            price_cents: price_cents?,
        })
    })?;
    let book = shared.api.door.catalogue.change.run(id, change).await?;
    json(StatusCode::OK, Keep::Private, &book)
}

/// Takes a member that a change may name, though not take away. The outer `None` says that it is faulty.
#[expect(clippy::option_option, reason = "faulty, missing, and there are three outcomes")]
fn changed<T>(
    fields: &mut Fields,
    name: &str,
    parse: impl FnOnce(&Value) -> Result<T, &'static str>,
) -> Option<Option<T>> {
    match fields.member(name, parse)? {
        Member::Missing => Some(None),
        Member::There(value) => Some(Some(value)),
        Member::Null => {
            fields.fault(name, "can be changed, not taken away");
            None
        }
    }
}

async fn remove(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    admin_or_key(&shared, &parts, Scope::CatalogWrite).await?;
    shared.api.door.catalogue.remove.run(parse_id(&id)?).await?;
    Ok(no_content())
}

fn parse_id(text: &str) -> Result<BookId, BookError> {
    BookId::parse(text).ok_or(BookError::NotFound)
}

fn parse_isbn(text: &str) -> Result<Isbn, &'static str> {
    Isbn::parse(text).map_err(IsbnFault::as_str)
}

fn parse_title(text: &str) -> Result<String, &'static str> {
    line(text, Book::MAX_TITLE, "must be at most 300 characters long")
}

fn parse_author(text: &str) -> Result<String, &'static str> {
    line(text, Book::MAX_AUTHOR, "must be at most 200 characters long")
}

/// Reads a line that has something in it.
fn line(text: &str, longest: usize, too_long: &'static str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.chars().nth(longest).is_some() {
        return Err(too_long);
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters");
    }
    Ok(text.to_owned())
}

fn parse_description(text: &str) -> Result<String, &'static str> {
    if text.chars().nth(Book::MAX_DESCRIPTION).is_some() {
        return Err("must be at most 10000 characters long");
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err("must not contain control characters other than line breaks and tabs");
    }
    Ok(text.to_owned())
}

fn parse_price(value: &Value) -> Result<u32, &'static str> {
    let price = value.as_u64().and_then(|price| u32::try_from(price).ok());
    price
        .filter(|price| *price <= Book::MAX_PRICE_CENTS)
        .ok_or("must be a whole number of cents from 0 to 100000000")
}

fn text(value: &Value) -> Result<&str, &'static str> {
    value.as_str().ok_or("must be a string")
}
