//! A page far behind against the first one, of a million books: by key, as the list does it, and by number (`OFFSET`), in turn in one run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

#[path = "../../../runtime-native/benches/figures/mod.rs"]
mod figures;
mod support;

use std::time::Instant;

use figures::{flag, is_wanted, median, millis, option, percentile};
use portico_domain::models::{BookListing, Cursor, Order, PageRequest};
use portico_sql::{
    driver::{Effect, Statement, Type},
    seed::{Counts, Family, Plan},
};
use support::{Databases, Side, is_help_asked};
use uuid::Uuid;

const HELP: &str = "\
How long the last page of a long list takes against its first, on SQLite and on Postgres.

    cargo bench -p portico-sql --all-features --bench deep_page -- [options]

  --rows N          books to list (1000000)
  --limit N         books a page (10: page 100,000 is then the last of a million)
  --rounds N        how often each page is read by key, in turn with the others (400)
  --slow-rounds N   how often by number (40)
  --quick           20,000 books, 50 and 10 rounds: shows that it runs
  --sqlite FILE     a seeded database to use again, or to make and keep
  --postgres URL    the same on a server

Aim: the p50 of the far page is at most 1.3 of the first page's, by key.";

/// What the list would be with page numbers: the same columns, the same order, the same index.
static BY_NUMBER: Statement = Statement {
    name: "books_by_number",
    effect: Effect::Read,
    parameters: &[Type::Integer, Type::Integer],
    columns: &[Type::Uuid, Type::Text, Type::Text, Type::Text, Type::Integer, Type::Time],
    postgres: "SELECT id, isbn, title, author, price_cents, created_at FROM books ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2",
    sqlite: "SELECT id, isbn, title, author, price_cents, created_at FROM books ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2",
};

fn main() {
    if is_help_asked(HELP) || !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let quick = flag("quick");
    let rows = option("rows", if quick { 20_000 } else { 1_000_000 });
    let limit = u32::try_from(option("limit", 10)).unwrap();
    let rounds = option("rounds", if quick { 50 } else { 400 });
    let slow_rounds = option("slow-rounds", if quick { 10 } else { 40 });
    let plan = Plan { counts: Counts { books: rows, ..Counts::ONE }, families: vec![Family::Books] };
    let databases = Databases::seeded("deep_page", &plan).await;
    let before_last = rows - u64::from(limit);
    println!(
        "\n{rows} books, {limit} a page: page 1 against page {}; p50 (p95) in ms",
        before_last / u64::from(limit) + 1
    );
    for side in &databases.sides {
        let far = place_of(side, before_last).await;
        let pages = [(None, 0), (Some(far), before_last)];
        for (after, skipped) in pages {
            assert_eq!(by_key(side, limit, after).await, by_number(side, limit, skipped).await);
        }
        let mut keyed = [Vec::new(), Vec::new()];
        let mut numbered = [Vec::new(), Vec::new()];
        for round in 0..rounds {
            // Each of them goes first as often: what goes before leaves its traces in caches.
            let turns = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for index in turns {
                let began = Instant::now();
                by_key(side, limit, pages[index].0).await;
                keyed[index].push(millis(began.elapsed()));
            }
            if round % (rounds / slow_rounds.max(1)).max(1) == 0 {
                for index in turns {
                    let began = Instant::now();
                    by_number(side, limit, pages[index].1).await;
                    numbered[index].push(millis(began.elapsed()));
                }
            }
        }
        for (name, [first, last]) in [("by key", &keyed), ("OFFSET", &numbered)] {
            println!(
                "{:<9} {name}   first {:>7.3} ({:.3})   far {:>8.3} ({:.3})   ratio of p50 {:.2}",
                side.name,
                median(first),
                percentile(first, 95.0),
                median(last),
                percentile(last, 95.0),
                median(last) / median(first)
            );
        }
    }
    databases.stop();
}

/// The book after which the page begins that skips so many.
async fn place_of(side: &Side, skipped: u64) -> Cursor {
    let skipped = i64::try_from(skipped).unwrap() - 1;
    let mut row = side.ask(&BY_NUMBER, vec![1_i64.into(), skipped.into()]).await.pop().unwrap();
    let id: Uuid = row.take().unwrap();
    let (_isbn, _title, _author): (String, String, String) =
        (row.take().unwrap(), row.take().unwrap(), row.take().unwrap());
    let _price: i64 = row.take().unwrap();
    Cursor::at(row.take().unwrap(), id)
}

async fn by_key(side: &Side, limit: u32, after: Option<Cursor>) -> Vec<Uuid> {
    let page = PageRequest { limit, after, order: Order::Descending };
    let listing = BookListing { author: None, search: None, page };
    let books = side.repositories.books.list(&listing).await.unwrap();
    books.into_iter().map(|(book, _)| book.id.uuid()).take(usize::try_from(limit).unwrap()).collect()
}

async fn by_number(side: &Side, limit: u32, skipped: u64) -> Vec<Uuid> {
    // One more, as the list reads it to know whether there is more.
    let parameters = vec![(i64::from(limit) + 1).into(), i64::try_from(skipped).unwrap().into()];
    let rows = side.ask(&BY_NUMBER, parameters).await;
    rows.into_iter().map(|mut row| row.take().unwrap()).take(usize::try_from(limit).unwrap()).collect()
}
