use std::sync::Arc;

use futures_util::future::join_all;
use portico_domain::{
    models::{
        Book, BookDetails, BookId, Cursor, NewOrder, Order, OrderId, OrderItem, OrderLine, OrderedBook,
        PageRequest, PlacedOrder, Timestamp, User, UserId,
    },
    ports::{BookChange, OrderPlacing},
};

use super::books::{added, book};
use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    an_order_has_what_its_books_were,
    the_largest_order_is_placed,
    an_order_with_unknown_books_names_them_and_writes_nothing,
    an_order_stays_what_it_was,
    somebody_elses_order_is_none,
    a_list_walks_each_once_with_its_items_in_both_orders,
    prices_are_those_of_one_moment_while_they_change,
];

fn new_order(user: UserId, lines: Vec<OrderLine>, created_at: Timestamp) -> NewOrder {
    NewOrder { id: OrderId::generate(created_at, unique()), user_id: user, lines, created_at }
}

const fn line(book: &Book, quantity: u32) -> OrderLine {
    OrderLine { book_id: book.id, quantity }
}

fn item(book: &Book, quantity: u32) -> OrderItem {
    let ordered = OrderedBook { id: book.id, title: book.title.clone(), author: book.author.clone() };
    OrderItem { quantity, unit_price_cents: book.price_cents, book: ordered }
}

async fn place(world: &World, order: &NewOrder) -> PlacedOrder {
    match world.repositories.orders.place(order).await {
        Ok(OrderPlacing::Placed(placed)) => placed,
        other => panic!("{other:?}"),
    }
}

async fn priced(world: &World, title: &str, price_cents: u32) -> Book {
    let BookDetails { book, description } = book(title, "O'Hara \"the\" \u{fc}", at(1));
    added(world, BookDetails { book: Book { price_cents, ..book }, description }).await.book
}

async fn an_order_has_what_its_books_were(world: World) {
    let user = world.person().await;
    let (dear, cheap, free) = (
        priced(&world, "dear", 1_999).await,
        priced(&world, "cheap", 7).await,
        priced(&world, "free", 0).await,
    );
    // In the order in which they were asked for, whatever their ids.
    let lines = vec![line(&free, 1), line(&dear, 2), line(&cheap, 1_000)];
    let new = new_order(user.id, lines, at(5));
    let placed = place(&world, &new).await;
    let expected = PlacedOrder {
        id: new.id,
        created_at: at(5),
        item_count: 3,
        total_quantity: 1_003,
        total_cents: 2 * 1_999 + 7_000,
        items: vec![item(&free, 1), item(&dear, 2), item(&cheap, 1_000)],
    };
    assert_eq!(placed, expected);
    assert_eq!(world.repositories.orders.by_id(user.id, new.id).await, Ok(Some(expected.clone())));
    let page = PageRequest { limit: 9, after: None, order: Order::Descending };
    assert_eq!(world.repositories.orders.list(user.id, page).await, Ok(vec![expected]));
}

async fn the_largest_order_is_placed(world: World) {
    let user = world.person().await;
    let mut lines = Vec::new();
    for n in 0..PlacedOrder::MAX_ITEMS {
        let book = priced(&world, &format!("{n}"), Book::MAX_PRICE_CENTS).await;
        lines.push(line(&book, OrderLine::MAX_QUANTITY));
    }
    let new = new_order(user.id, lines.clone(), at(5));
    let placed = place(&world, &new).await;
    assert_eq!((placed.item_count, placed.total_quantity), (100, 100_000));
    assert_eq!(placed.total_cents, 10_000_000_000_000);
    let books: Vec<BookId> = placed.items.iter().map(|item| item.book.id).collect();
    assert_eq!(books, lines.iter().map(|line| line.book_id).collect::<Vec<_>>());
    assert_eq!(world.repositories.orders.by_id(user.id, new.id).await, Ok(Some(placed)));
}

async fn an_order_with_unknown_books_names_them_and_writes_nothing(world: World) {
    let user = world.person().await;
    let (known, removed) = (priced(&world, "known", 5).await, priced(&world, "removed", 5).await);
    world.repositories.books.remove(removed.id).await.unwrap();
    let nowhere = OrderLine { book_id: BookId::generate(at(0), unique()), quantity: 1 };
    for (lines, unknown) in
        [(vec![line(&known, 1), nowhere, line(&removed, 1)], vec![1, 2]), (vec![nowhere], vec![0])]
    {
        let new = new_order(user.id, lines, at(5));
        let outcome = world.repositories.orders.place(&new).await;
        assert_eq!(outcome, Ok(OrderPlacing::UnknownBooks(unknown)));
        assert_eq!(world.repositories.orders.by_id(user.id, new.id).await, Ok(None));
        // Nor are there items that belong to no order: the same id can be used, and has the new items alone.
        let again = NewOrder { lines: vec![line(&known, 3)], ..new };
        assert_eq!(place(&world, &again).await.items, [item(&known, 3)]);
    }
}

async fn an_order_stays_what_it_was(world: World) {
    let (books, orders) = (&world.repositories.books, &world.repositories.orders);
    let user = world.person().await;
    let (changed, removed) = (priced(&world, "changed", 5).await, priced(&world, "removed", 6).await);
    let new = new_order(user.id, vec![line(&changed, 1), line(&removed, 2)], at(5));
    let placed = place(&world, &new).await;
    let change = BookChange {
        title: Some("another".to_owned()),
        author: Some("Somebody else".to_owned()),
        price_cents: Some(500),
        ..BookChange::default()
    };
    books.change(changed.id, change, at(6)).await.unwrap();
    assert_eq!(books.remove(removed.id).await, Ok(true));
    assert_eq!(orders.by_id(user.id, new.id).await, Ok(Some(placed.clone())));
    let later = place(&world, &new_order(user.id, vec![line(&changed, 1)], at(7))).await;
    assert_eq!((later.total_cents, later.items[0].book.title.as_str()), (500, "another"));
    let page = PageRequest { limit: 9, after: None, order: Order::Ascending };
    assert_eq!(orders.list(user.id, page).await, Ok(vec![placed, later]));
}

async fn somebody_elses_order_is_none(world: World) {
    let orders = &world.repositories.orders;
    let (ada, bob) = (world.person().await, world.person().await);
    let book = priced(&world, "wanted", 5).await;
    let placed = place(&world, &new_order(ada.id, vec![line(&book, 1)], at(5))).await;
    assert_eq!(orders.by_id(bob.id, placed.id).await, Ok(None));
    assert_eq!(orders.by_id(ada.id, OrderId::generate(at(0), unique())).await, Ok(None));
    let page = PageRequest { limit: 9, after: None, order: Order::Descending };
    assert_eq!(orders.list(bob.id, page).await, Ok(Vec::new()));
    assert_eq!(orders.list(ada.id, page).await, Ok(vec![placed]));
}

async fn walked(world: &World, user: &User, order: Order, limit: u32) -> Vec<PlacedOrder> {
    let mut walked: Vec<PlacedOrder> = Vec::new();
    let mut page = PageRequest { limit, after: None, order };
    loop {
        let mut rows = world.repositories.orders.list(user.id, page).await.unwrap();
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        walked.extend(rows);
        if !more {
            return walked;
        }
        page.after = walked.last().map(|order| Cursor::at(order.created_at, order.id.uuid()));
    }
}

async fn a_list_walks_each_once_with_its_items_in_both_orders(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let mut books = Vec::new();
    for n in 0..3 {
        books.push(priced(&world, &format!("book {n}"), 100 + n).await);
    }
    let mut expected = Vec::new();
    for n in 0..7_u32 {
        let lines =
            books.iter().cycle().skip(n as usize).take(1 + n as usize % 3).map(|book| line(book, n + 1));
        let new = new_order(user.id, lines.collect(), at(i64::from(1 + n / 4)));
        expected.push(place(&world, &new).await);
        place(&world, &NewOrder { user_id: other.id, ..new_order(other.id, new.lines.clone(), at(1)) }).await;
    }
    expected.sort_by_key(|order| (order.created_at, order.id));
    for limit in [1, 2, 3, 7, 8] {
        assert_eq!(walked(&world, &user, Order::Ascending, limit).await, expected);
        expected.reverse();
        assert_eq!(walked(&world, &user, Order::Descending, limit).await, expected);
        expected.reverse();
    }
}

/// Title and price change together; no order may have one from before and the other from after.
async fn prices_are_those_of_one_moment_while_they_change(world: World) {
    let user = world.person().await;
    let book = priced(&world, "changing", 0).await;
    let lines = vec![line(&book, 3)];
    let changing = (1..=20).map(|n| {
        let (books, id) = (Arc::clone(&world.repositories.books), book.id);
        tokio::spawn(async move {
            let change =
                BookChange { price_cents: Some(n), title: Some(n.to_string()), ..BookChange::default() };
            books.change(id, change, at(9)).await.map(drop)
        })
    });
    let changing: Vec<_> = changing.collect();
    let placing = (0..20).map(|_| {
        let (orders, new) =
            (Arc::clone(&world.repositories.orders), new_order(user.id, lines.clone(), at(5)));
        tokio::spawn(async move { orders.place(&new).await })
    });
    let placing: Vec<_> = placing.collect();
    for outcome in join_all(changing).await {
        outcome.unwrap().unwrap();
    }
    for outcome in join_all(placing).await {
        let Ok(OrderPlacing::Placed(placed)) = outcome.unwrap() else { panic!("not placed") };
        let item = &placed.items[0];
        assert_eq!(placed.total_cents, i64::from(item.unit_price_cents) * 3);
        let title = if item.unit_price_cents == 0 {
            "changing".to_owned()
        } else {
            item.unit_price_cents.to_string()
        };
        assert_eq!(item.book.title, title, "title and price are of one moment");
    }
}
