//! Books and orders.

use portico_domain::models::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    chance::{Chance, Kind, id},
    counts::Counts,
    people::user_id,
    phrases::{name, sentences, title},
    words::{DESCRIPTIONS, TITLES},
};

/// When the first book came in: the first second of 2022, a book a minute. Those of the largest scale end in 2023.
const FIRST_BOOK: i64 = 1_640_995_200;
const BETWEEN_BOOKS: i64 = 60;
/// When the first order came in: the first second of 2024, one every half minute. Those of the largest scale end in 2025.
const FIRST_ORDER: i64 = 1_704_067_200;
const BETWEEN_ORDERS: i64 = 30;
/// How many people the books are by.
const AUTHORS: u64 = 2_000;
/// Times of this and the number of a book, cut to eight digits, give each book other digits: the factor has no divisor in common with 10^8.
const SCATTER: u64 = 61_803_399;

pub(super) struct Book {
    title: String,
    author: String,
    price_cents: u64,
    /// What is left to choose.
    rest: Chance,
}

fn book_made(book: u64) -> Timestamp {
    Timestamp::from_seconds(FIRST_BOOK + i64::try_from(book).unwrap_or(0) * BETWEEN_BOOKS)
}

/// Names a book, counted from 0.
#[must_use]
pub fn book_id(book: u64) -> Uuid {
    id(Kind::Book, book, book_made(book))
}

fn book(book: u64) -> Book {
    let mut chance = Chance::of(Kind::Book, book);
    let author = chance.skewed(AUTHORS);
    Book {
        title: title(TITLES, &mut chance),
        author: name(&mut Chance::of(Kind::Book, u64::MAX >> 8 ^ author)),
        price_cents: 499 + 50 * chance.below(90),
        rest: chance,
    }
}

pub(super) fn book_row(number: u64) -> Value {
    let Book { title, author, price_cents, mut rest } = book(number);
    let count = 2 + rest.below(4);
    json!({
        "id": book_id(number),
        "isbn": isbn(number),
        "title": title,
        "author": author,
        "description": sentences(DESCRIPTIONS, count, &mut rest),
        "price_cents": price_cents,
        "created_at": book_made(number).micros(),
    })
}

/// An ISBN-13 that no real book has: no agency gives out numbers that begin with 979-9.
fn isbn(book: u64) -> String {
    let digits = format!("9799{:08}", book * SCATTER % 100_000_000);
    let sum: u32 = digits
        .bytes()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn order_made(order: u64) -> Timestamp {
    Timestamp::from_seconds(FIRST_ORDER + i64::try_from(order).unwrap_or(0) * BETWEEN_ORDERS)
}

pub(super) fn order_id(order: u64) -> Uuid {
    id(Kind::Order, order, order_made(order))
}

/// An order and its items. Who ordered is one of the accounts that any scale with this order has, and so are the books: an order is the same at every
/// scale.
pub(super) fn order_rows(order: u64, counts: &Counts) -> (Value, Vec<Value>) {
    let mut chance = Chance::of(Kind::Order, order);
    let user = chance.below(order / (Counts::ONE.orders / Counts::ONE.users) + 1) % counts.users.max(1);
    let books = order / (Counts::ONE.orders / Counts::ONE.books) + 1;
    let mut chosen: Vec<u64> = Vec::new();
    for _ in 0..=chance.skewed(5) {
        let book = chance.below(books) % counts.books.max(1);
        if !chosen.contains(&book) {
            chosen.push(book);
        }
    }
    let order_id = order_id(order);
    let (mut total_quantity, mut total_cents) = (0, 0);
    let mut items = Vec::with_capacity(chosen.len());
    for (position, number) in chosen.into_iter().enumerate() {
        let book = book(number);
        let quantity = 1 + chance.skewed(4);
        total_quantity += quantity;
        total_cents += quantity * book.price_cents;
        items.push(json!({
            "order_id": order_id,
            "position": position,
            "book_id": book_id(number),
            "title": book.title,
            "author": book.author,
            "quantity": quantity,
            "unit_price_cents": book.price_cents,
        }));
    }
    let row = json!({
        "id": order_id,
        "user_id": user_id(user),
        "item_count": items.len(),
        "total_quantity": total_quantity,
        "total_cents": total_cents,
        "created_at": order_made(order).micros(),
    });
    (row, items)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::seed::counts::MOST_ROWS;

    #[test]
    fn every_isbn_is_valid_and_another() {
        let mut seen = HashSet::new();
        for book in (0..20_000).chain(MOST_ROWS.books - 20_000..MOST_ROWS.books) {
            let isbn = isbn(book);
            let weighed: u32 = isbn
                .bytes()
                .enumerate()
                .map(|(at, digit)| u32::from(digit - b'0') * if at % 2 == 0 { 1 } else { 3 })
                .sum();
            assert_eq!((isbn.len(), weighed % 10), (13, 0), "{isbn}");
            assert!(seen.insert(isbn));
        }
    }

    #[test]
    fn the_sums_of_an_order_are_those_of_its_items() {
        for order in 0..2_000 {
            let (row, items) = order_rows(order, &Counts::ONE);
            let sum = |of: &dyn Fn(&Value) -> u64| items.iter().map(of).sum::<u64>();
            let quantity = |item: &Value| item["quantity"].as_u64().unwrap();
            assert!((1..=5).contains(&items.len()));
            assert_eq!(row["item_count"], items.len());
            assert_eq!(row["total_quantity"], sum(&quantity));
            assert_eq!(
                row["total_cents"],
                sum(&|item| quantity(item) * item["unit_price_cents"].as_u64().unwrap())
            );
        }
    }

    #[test]
    fn an_order_is_the_same_at_every_scale_that_has_it() {
        for order in 0..200 {
            let (few, many) = (Counts::of_scale(0.01).unwrap(), Counts::of_scale(3.0).unwrap());
            assert_eq!(order_rows(order, &few), order_rows(order, &many), "{order}");
        }
    }
}
