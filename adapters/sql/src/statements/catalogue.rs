//! Books and orders.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Adds a book: id, ISBN, title, author, description, price, moment.
    BOOK_INSERT: Write "book_insert" (Uuid, Text, Text, Text, Text, Integer, Time) -> ();
    /// Finds a book: id.
    BOOK_BY_ID: Read "book_by_id" (Uuid) -> (Uuid, Text, Text, Text, Integer, Time, Text);
    /// Changes a book: id, ISBN, title, author, description, price (each null where it stays), moment.
    BOOK_CHANGE: Write "book_change" (Uuid, Text, Text, Text, Text, Integer, Time)
        -> (Uuid, Text, Text, Text, Integer, Time, Text);
    /// Removes a book: id.
    BOOK_DELETE: Write "book_delete" (Uuid) -> (Uuid);
    /// Lists books, newest first: place's time, place's id, how many.
    BOOKS_LIST_DESC: Read "books_list_desc" (Time, Uuid, Integer) -> (Uuid, Text, Text, Text, Integer, Time);
    /// The same, oldest first.
    BOOKS_LIST_ASC: Read "books_list_asc" (Time, Uuid, Integer) -> (Uuid, Text, Text, Text, Integer, Time);
    /// Lists an author's books, newest first: author, place's time, place's id, how many.
    BOOKS_OF_AUTHOR_LIST_DESC: Read "books_of_author_list_desc" (Text, Time, Uuid, Integer)
        -> (Uuid, Text, Text, Text, Integer, Time);
    /// The same, oldest first.
    BOOKS_OF_AUTHOR_LIST_ASC: Read "books_of_author_list_asc" (Text, Time, Uuid, Integer)
        -> (Uuid, Text, Text, Text, Integer, Time);
    /// Finds books by words, best first: a JSON object with the words in the language of either database (`websearch`, `fts5`), place's rank, place's id, how many.
    BOOKS_SEARCH: Read "books_search" (Text, Integer, Uuid, Integer)
        -> (Uuid, Text, Text, Text, Integer, Time, Integer), sqlite "books_search.sqlite";
    /// The same of an author: the parameters of [`BOOKS_SEARCH`], author.
    BOOKS_OF_AUTHOR_SEARCH: Read "books_of_author_search" (Text, Integer, Uuid, Integer, Text)
        -> (Uuid, Text, Text, Text, Integer, Time, Integer), sqlite "books_of_author_search.sqlite";

    /// Writes the items of an order, all or none: order, a JSON list of objects with `position` from 0, `book_id` and `quantity`.
    ORDER_ITEMS_INSERT: Write "order_items_insert" (Uuid, Text) -> (Integer, Integer, Integer, Uuid, Text, Text),
        sqlite "order_items_insert.sqlite";
    /// Writes the order of items that were just written: id, owner, moment.
    ORDER_INSERT: Write "order_insert" (Uuid, Uuid, Time) -> (Integer, Integer, Integer);
    /// Says which books there are: the list of [`ORDER_ITEMS_INSERT`].
    BOOKS_KNOWN: Read "books_known" (Text) -> (Uuid), sqlite "books_known.sqlite";
    /// Finds an order, a row an item: id, owner.
    ORDER_BY_ID: Read "order_by_id" (Uuid, Uuid)
        -> (Uuid, Integer, Integer, Integer, Time, Integer, Integer, Integer, Uuid, Text, Text);
    /// Lists orders, newest first, a row an item: owner, place's time, place's id, how many orders.
    ORDERS_LIST_DESC: Read "orders_list_desc" (Uuid, Time, Uuid, Integer)
        -> (Uuid, Integer, Integer, Integer, Time, Integer, Integer, Integer, Uuid, Text, Text);
    /// The same, oldest first.
    ORDERS_LIST_ASC: Read "orders_list_asc" (Uuid, Time, Uuid, Integer)
        -> (Uuid, Integer, Integer, Integer, Time, Integer, Integer, Integer, Uuid, Text, Text);
}
