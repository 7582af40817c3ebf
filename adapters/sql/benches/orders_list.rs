//! A hundred orders with their items, as the list reads them, against a statement an order (N + 1) and against a batch read (two statements), in turn in
//! one run, with the database on this machine and some milliseconds away.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

#[path = "../../../runtime-native/benches/figures/mod.rs"]
mod figures;
mod support;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use figures::{flag, is_wanted, median, millis, option, percentile};
use portico_domain::models::{Order, PageRequest, UserId};
use portico_sql::{
    driver::{Effect, Row, Statement, Type},
    seed::{Counts, Family, Plan, user_id},
};
use portico_tests::delay::{self, Traffic};
use serde_json::json;
use support::{Databases, Side, connect, is_help_asked};
use tokio::net::TcpListener;
use uuid::Uuid;

const HELP: &str = "\
How long a list of orders with their items and books takes: ours, a statement an order, a batch read.

    cargo bench -p portico-sql --all-features --bench orders_list -- [options]

  --orders N          orders in the database (200000, of 1,000 people)
  --limit N           orders a page (100)
  --rounds N          how often each way is gone, in turn with the others (100)
  --round-trip-ms N   how far away the database is the second time, about (5); Postgres alone: SQLite is in the process
  --quick             20,000 orders, 10 rounds: shows that it runs
  --sqlite FILE       a seeded database to use again, or to make and keep
  --postgres URL      the same on a server";

const ORDER: &[Type] = &[Type::Uuid, Type::Integer, Type::Integer, Type::Integer, Type::Time];
const ITEM: &[Type] =
    &[Type::Uuid, Type::Integer, Type::Integer, Type::Integer, Type::Uuid, Type::Text, Type::Text];

/// The orders alone, which both other ways begin with.
static ORDERS: Statement = Statement {
    name: "orders_alone",
    effect: Effect::Read,
    parameters: &[Type::Uuid, Type::Integer],
    columns: ORDER,
    postgres: "SELECT id, item_count, total_quantity, total_cents, created_at FROM orders WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
    sqlite: "SELECT id, item_count, total_quantity, total_cents, created_at FROM orders WHERE user_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
};

/// The items of one order.
static ITEMS_OF_ONE: Statement = Statement {
    name: "items_of_one",
    effect: Effect::Read,
    parameters: &[Type::Uuid],
    columns: ITEM,
    postgres: "SELECT order_id, position, quantity, unit_price_cents, book_id, title, author FROM order_items WHERE order_id = $1",
    sqlite: "SELECT order_id, position, quantity, unit_price_cents, book_id, title, author FROM order_items WHERE order_id = $1",
};

/// The items of many.
static ITEMS_OF_MANY: Statement = Statement {
    name: "items_of_many",
    effect: Effect::Read,
    parameters: &[Type::Text],
    columns: ITEM,
    postgres: "SELECT order_id, position, quantity, unit_price_cents, book_id, title, author FROM order_items \
        WHERE order_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1::text::jsonb))",
    sqlite: "SELECT order_id, position, quantity, unit_price_cents, book_id, title, author FROM order_items \
        WHERE order_id IN (SELECT value FROM json_each($1))",
};

fn main() {
    if is_help_asked(HELP) || !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let quick = flag("quick");
    let orders = option("orders", if quick { 20_000 } else { 200_000 });
    let limit = u32::try_from(option("limit", 100)).unwrap();
    let rounds = option("rounds", if quick { 10 } else { 100 });
    let round_trip = option("round-trip-ms", 5);
    // So many that a page's orders have to be found among many.
    let users = (orders / 200).max(1);
    let counts = Counts { users, books: (orders / 2).max(1), orders, ..Counts::ONE };
    let databases = Databases::seeded("orders_list", &Plan { counts, families: vec![Family::Orders] }).await;
    println!("\n{limit} orders with their items; p50 (p95) in ms");
    for side in &databases.sides {
        compare(side, "on this machine", limit, rounds).await;
    }
    for side in &databases.sides {
        if let Some(address) = &side.address {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let upstream = address.socket_addrs(|| Some(5432)).unwrap()[0];
            // The proxy's clock ticks in milliseconds, and what is left of one counts as a whole.
            let one_way = Duration::from_millis(round_trip / 2);
            tokio::spawn(delay::serve(listener, upstream, one_way, Arc::new(Traffic::default())));
            let mut far = address.clone();
            far.set_host(Some("127.0.0.1")).unwrap();
            far.set_port(Some(port)).unwrap();
            let far = Side::new(side.name, connect(far.as_str()), None);
            let place = format!("{:.1} ms away", distance(&far).await);
            compare(&far, &place, limit, rounds).await;
        }
    }
    databases.stop();
}

/// An order as each way gives it: enough to see that all give the same.
type Seen = (Uuid, i64, BTreeMap<i64, (i64, i64, Uuid, String, String)>);

/// What the smallest statement takes, in milliseconds.
async fn distance(side: &Side) -> f64 {
    let mut spent = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        side.repositories.storage.ping().await.unwrap();
        spent.push(millis(began.elapsed()));
    }
    median(&spent)
}

async fn compare(side: &Side, place: &str, limit: u32, rounds: u64) {
    let user = UserId::from_uuid(user_id(0));
    let expected = ours(side, user, limit).await;
    assert_eq!(expected.len(), usize::try_from(limit).unwrap());
    assert_eq!(expected, one_by_one(side, user, limit).await);
    assert_eq!(expected, batch(side, user, limit).await);
    let mut spent: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        for (way, spent) in spent.iter_mut().enumerate() {
            let began = Instant::now();
            match way {
                0 => ours(side, user, limit).await,
                1 => batch(side, user, limit).await,
                _ => one_by_one(side, user, limit).await,
            };
            spent.push(millis(began.elapsed()));
        }
    }
    let base = median(&spent[0]);
    let names = [("ours", 1), ("batch read", 2), ("one by one", 1 + limit)];
    for ((name, statements), spent) in names.into_iter().zip(&spent) {
        println!(
            "{:<9} {place:<16} {name:<11} {:>8.2} ({:.2})   × ours {:>6.2}   {statements} statements",
            side.name,
            median(spent),
            percentile(spent, 95.0),
            median(spent) / base,
        );
    }
}

async fn ours(side: &Side, user: UserId, limit: u32) -> Vec<Seen> {
    let page = PageRequest { limit, after: None, order: Order::Descending };
    let mut orders = side.repositories.orders.list(user, page).await.unwrap();
    orders.truncate(usize::try_from(limit).unwrap());
    let seen = orders.into_iter().map(|order| {
        let items = (0..).zip(order.items).map(|(position, item)| {
            let book = item.book;
            let price = item.unit_price_cents.into();
            (position, (item.quantity.into(), price, book.id.uuid(), book.title, book.author))
        });
        (order.id.uuid(), order.total_cents, items.collect())
    });
    seen.collect()
}

async fn alone(side: &Side, user: UserId, limit: u32) -> Vec<Seen> {
    // One more, as the list reads it to know whether there is more.
    let rows = side.ask(&ORDERS, vec![user.uuid().into(), (i64::from(limit) + 1).into()]).await;
    let order = |mut row: Row| {
        let id = row.take().unwrap();
        let (_count, _quantity): (i64, i64) = (row.take().unwrap(), row.take().unwrap());
        (id, row.take().unwrap(), BTreeMap::new())
    };
    rows.into_iter().map(order).take(usize::try_from(limit).unwrap()).collect()
}

fn add_items(orders: &mut [Seen], rows: Vec<Row>) {
    let places: BTreeMap<Uuid, usize> =
        orders.iter().enumerate().map(|(place, (id, ..))| (*id, place)).collect();
    for mut row in rows {
        let order: Uuid = row.take().unwrap();
        let position = row.take().unwrap();
        let item = (
            row.take().unwrap(),
            row.take().unwrap(),
            row.take().unwrap(),
            row.take().unwrap(),
            row.take().unwrap(),
        );
        orders[places[&order]].2.insert(position, item);
    }
}

async fn one_by_one(side: &Side, user: UserId, limit: u32) -> Vec<Seen> {
    let mut orders = alone(side, user, limit).await;
    for place in 0..orders.len() {
        let rows = side.ask(&ITEMS_OF_ONE, vec![orders[place].0.into()]).await;
        add_items(&mut orders[place..=place], rows);
    }
    orders
}

async fn batch(side: &Side, user: UserId, limit: u32) -> Vec<Seen> {
    let mut orders = alone(side, user, limit).await;
    let ids: Vec<Uuid> = orders.iter().map(|(id, ..)| *id).collect();
    let rows = side.ask(&ITEMS_OF_MANY, vec![json!(ids).to_string().into()]).await;
    add_items(&mut orders, rows);
    orders
}
