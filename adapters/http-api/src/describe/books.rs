//! Books.

use http::Method;
use portico_domain::models::{Book, Scope, SearchQuery};
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{LINE, Member, Shape, answer, like, named, or_null, request, text, time, uuid, whole},
};
use crate::code::Code;

const TAG: Tag = Tag::Catalogue;
const BOOKS: &str = "/api/v1/books";
const BOOK: &str = "/api/v1/books/{id}";
/// Ten or thirteen digits, with what is allowed between them.
const ISBN: &str = r"^[\s-]*(?:[0-9][ -]*){9}(?:[0-9Xx]|(?:[0-9][ -]*){3}[0-9])[\s-]*$";

/// What is searched for, in the words of both searches.
pub(super) fn search(what: &str) -> Shape {
    let how = "All words, in any order; `\"in quotes\"` beside each other; `or` between alternatives; `-` before what is to be left out. At most 32 words of 200 \
               characters, and on each side of `or` one that must be there.";
    text(&format!("{what} {how}"), (1, SearchQuery::MAX_CHARACTERS), Some(r"\S"))
}

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let example = examples::shown(&examples::book());
    document.operation(
        Operation::new(Method::GET, BOOKS, "listBooks", TAG, "Lists books")
            .about("Without `q` by when they came; with it best first, among the newest ten thousand that have the words, and `order=asc` is 422.")
            .query("author", text("Whose name is written exactly so.", (1, Book::MAX_AUTHOR), Some(LINE)))
            .query("q", search("Books with these words in title, author or description."))
            .pages(&NEWEST_FIRST, "Newest first, or oldest; in a search `desc` alone: best first.")
            .answer(Answer::json(200, "Books, without their descriptions.", named("BookList"), examples::page(&examples::book().book)).validated()),
    );
    document.operation(
        Operation::new(Method::POST, BOOKS, "addBook", TAG, "Adds a book")
            .about("409 where another book has the ISBN.")
            .by(Who::AdminOrKey(Scope::CatalogWrite))
            .body("AddBookRequest", examples::book_request())
            .answer(Answer::json(201, "The book.", named("BookDetails"), example.clone()).with("Location"))
            .problem(Code::Conflict),
    );
    document.operation(
        Operation::new(Method::GET, BOOK, "getBook", TAG, "Shows a book")
            .answer(Answer::json(200, "The book.", named("BookDetails"), example.clone()).validated()),
    );
    document.operation(
        Operation::new(Method::PATCH, BOOK, "changeBook", TAG, "Changes a book")
            .about("What isn't named stays. 409 where another book has the ISBN.")
            .by(Who::AdminOrKey(Scope::CatalogWrite))
            .body("ChangeBookRequest", json!({"price_cents": 1_799}))
            .answer(Answer::json(200, "The book as it is now.", named("BookDetails"), example))
            .problem(Code::Conflict),
    );
    document.operation(
        Operation::new(Method::DELETE, BOOK, "removeBook", TAG, "Takes a book out of the catalogue")
            .about("Orders of it stay as they are.")
            .by(Who::AdminOrKey(Scope::CatalogWrite))
            .answer(Answer::empty(204, "It is gone.")),
    );
}

fn schemas(document: &mut Document) {
    let price = || whole("What one copy costs, in cents.", (0, Book::MAX_PRICE_CENTS.into()));
    let members = || {
        vec![
            ("id", uuid("Names the book.")),
            (
                "isbn",
                text(
                    "Its number as 13 digits; no two books have the same.",
                    (13, 13),
                    Some("^97[89][0-9]{10}$"),
                ),
            ),
            ("title", text("What it is called.", (1, Book::MAX_TITLE), None)),
            ("author", text("Who wrote it.", (1, Book::MAX_AUTHOR), None)),
            ("price_cents", price()),
            ("created_at", time("When it came into the catalogue.")),
        ]
    };
    document.schema("Book", answer("A book as lists show it.", members()));
    let description =
        ("description", text("What it is about; may be empty.", (0, Book::MAX_DESCRIPTION), None));
    document.schema(
        "BookDetails",
        answer("A book with all that is known of it.", members().into_iter().chain([description]).collect()),
    );
    document.list("BookList", "Book");
    let isbn = "ISBN-13 (978 or 979) or ISBN-10, with or without hyphens and blanks; its check digit must be right. An ISBN-10 is the same number as its ISBN-13.";
    let required: Vec<Member> = vec![
        ("isbn", like(isbn, ISBN)),
        ("title", text("What it is called; trimmed.", (1, Book::MAX_TITLE), Some(LINE))),
        ("author", text("Who wrote it; trimmed.", (1, Book::MAX_AUTHOR), Some(LINE))),
        ("price_cents", price()),
    ];
    let about = || {
        let pattern = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x9F]*$";
        text(
            "What it is about, without control characters other than line breaks and tabs.",
            (0, Book::MAX_DESCRIPTION),
            Some(pattern),
        )
    };
    document.schema(
        "AddBookRequest",
        request("A new book.", required.clone(), vec![("description", or_null(about()))]),
    );
    let changes = required.into_iter().chain([("description", about())]).collect();
    document.schema("ChangeBookRequest", request("What is to be different.", Vec::new(), changes));
}
