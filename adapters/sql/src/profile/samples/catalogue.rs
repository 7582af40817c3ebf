//! Books and orders.

use super::{
    Given::{self, Fresh, Future, Integer, Joined, LastId, Now, Null, Of, Past, Rows, Text, Word},
    entries,
};

const BOOK: Given = Of("books", "id");
const AT: Given = Of("books", "created_at");
const AUTHOR: Given = Of("books", "author");
const ORDER: Given = Of("orders", "id");
const BUYER: Given = Of("orders", "user_id");
const ORDERED_AT: Given = Of("orders", "created_at");
const WORDS: Given = Joined(&[
    Text(r#"{"websearch":"\""#),
    Word("books", "title"),
    Text(r#"\"","fts5":"\""#),
    Word("books", "title"),
    Text(r#"\""}"#),
]);
const BEST: Given = Integer(i64::MAX);
const ITEM: Given = Rows(&[("position", Integer(0)), ("book_id", BOOK), ("quantity", Integer(1))]);

entries! {
    "book_insert": [Fresh, Fresh, Text("A title"), Text("An author"), Text("Some words"), Integer(1), Now];
    "book_by_id": [BOOK];
    "book_change": [BOOK, Null, Text("A title"), Null, Null, Integer(1), Now];
    "book_delete": [BOOK];
    "books_list_desc": [AT, BOOK, Integer(21)] or [Future, LastId, Integer(21)];
    "books_list_asc": [AT, BOOK, Integer(21)];
    "books_of_author_list_desc": [AUTHOR, AT, BOOK, Integer(21)] or [AUTHOR, Future, LastId, Integer(21)];
    "books_of_author_list_asc": [AUTHOR, AT, BOOK, Integer(21)];
    "books_search": [WORDS, BEST, LastId, Integer(21)] or [WORDS, Integer(1), BOOK, Integer(21)];
    "books_of_author_search": [WORDS, BEST, LastId, Integer(21), AUTHOR];
    "order_items_insert": [Fresh, ITEM] or [ORDER, Rows(&[("position", Integer(1_000)), ("book_id", BOOK), ("quantity", Integer(1))])];
    // Of no items: then none is written, as after an order of unknown books.
    "order_insert": [Fresh, Of("users", "id"), Past];
    "books_known": [ITEM];
    "order_by_id": [ORDER, BUYER];
    "orders_list_desc": [BUYER, ORDERED_AT, ORDER, Integer(21)] or [BUYER, Future, LastId, Integer(101)];
    "orders_list_asc": [BUYER, ORDERED_AT, ORDER, Integer(21)];
}
