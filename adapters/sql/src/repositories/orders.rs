use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use portico_domain::{
    models::{
        BookId, NewOrder, Order, OrderId, OrderItem, OrderLine, OrderedBook, PageRequest, PlacedOrder, UserId,
    },
    ports::{OrderPlacing, Orders, Unavailable},
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{SqlRepositories, places};
use crate::{
    driver::{Row, SERVICE},
    statements::{
        BOOKS_KNOWN, ORDER_BY_ID, ORDER_INSERT, ORDER_ITEMS_INSERT, ORDERS_LIST_ASC, ORDERS_LIST_DESC,
    },
};

#[async_trait]
impl Orders for SqlRepositories {
    /// The items are written first, by one statement, which sees all books at one moment; the order's totals are theirs. So no price can change in between,
    /// and nothing has to be locked. That items refer to their order is checked at the end.
    async fn place(&self, order: &NewOrder) -> Result<OrderPlacing, Unavailable> {
        let NewOrder { id, user_id, lines, created_at } = order;
        let wanted = wanted(lines).to_string();
        let calls = vec![
            ORDER_ITEMS_INSERT.with(vec![id.uuid().into(), wanted.as_str().into()]),
            ORDER_INSERT.with(vec![id.uuid().into(), user_id.uuid().into(), (*created_at).into()]),
        ];
        let mut results = self.driver.transact(calls).await?.into_iter();
        let items = results.next().unwrap_or_default();
        let Some(mut totals) = results.next().and_then(|rows| rows.into_iter().next()) else {
            return self.unknown(lines, wanted).await.map(OrderPlacing::UnknownBooks);
        };
        let mut items: Vec<_> = items.into_iter().map(|mut row| item(&mut row)).collect::<Result<_, _>>()?;
        items.sort_unstable_by_key(|(position, _)| *position);
        Ok(OrderPlacing::Placed(PlacedOrder {
            id: *id,
            created_at: *created_at,
            item_count: totals.take()?,
            total_quantity: totals.take()?,
            total_cents: totals.take()?,
            items: items.into_iter().map(|(_, item)| item).collect(),
        }))
    }

    async fn by_id(&self, user: UserId, id: OrderId) -> Result<Option<PlacedOrder>, Unavailable> {
        let rows = self.driver.run(ORDER_BY_ID.with(vec![id.uuid().into(), user.uuid().into()])).await?;
        Ok(gathered(rows)?.pop())
    }

    async fn list(&self, user: UserId, page: PageRequest) -> Result<Vec<PlacedOrder>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &ORDERS_LIST_ASC,
            Order::Descending => &ORDERS_LIST_DESC,
        };
        let after = places::start(page);
        let parameters = vec![
            user.uuid().into(),
            after.time().into(),
            after.id.into(),
            (i64::from(page.limit) + 1).into(),
        ];
        let mut orders = gathered(self.driver.run(statement.with(parameters)).await?)?;
        orders.sort_unstable_by_key(|order| (order.created_at, order.id));
        if page.order == Order::Descending {
            orders.reverse();
        }
        Ok(orders)
    }
}

impl SqlRepositories {
    /// Which lines name a book that isn't there.
    async fn unknown(&self, lines: &[OrderLine], wanted: String) -> Result<Vec<usize>, Unavailable> {
        let rows = self.driver.run(BOOKS_KNOWN.with(vec![wanted.into()])).await?;
        let known: BTreeSet<Uuid> = rows.into_iter().map(|mut row| row.take()).collect::<Result<_, _>>()?;
        let unknown = |(at, line): (usize, &OrderLine)| (!known.contains(&line.book_id.uuid())).then_some(at);
        let unknown: Vec<usize> = lines.iter().enumerate().filter_map(unknown).collect();
        if unknown.is_empty() {
            return Err(Unavailable::new(SERVICE, "a book was added while it was being ordered"));
        }
        Ok(unknown)
    }
}

fn wanted(lines: &[OrderLine]) -> Json {
    let row = |(position, line): (usize, &OrderLine)| json!({ "position": position, "book_id": line.book_id, "quantity": line.quantity });
    lines.iter().enumerate().map(row).collect()
}

/// Puts orders together of their items, in no order.
fn gathered(rows: Vec<Row>) -> Result<Vec<PlacedOrder>, Unavailable> {
    let mut orders: HashMap<Uuid, (PlacedOrder, Vec<(u32, OrderItem)>)> = HashMap::new();
    for mut row in rows {
        let id: Uuid = row.take()?;
        let order = PlacedOrder {
            id: OrderId::from_uuid(id),
            item_count: row.take()?,
            total_quantity: row.take()?,
            total_cents: row.take()?,
            created_at: row.take()?,
            items: Vec::new(),
        };
        orders.entry(id).or_insert((order, Vec::new())).1.push(item(&mut row)?);
    }
    let whole = |(mut order, mut items): (PlacedOrder, Vec<(u32, OrderItem)>)| {
        items.sort_unstable_by_key(|(position, _)| *position);
        order.items = items.into_iter().map(|(_, item)| item).collect();
        order
    };
    Ok(orders.into_values().map(whole).collect())
}

/// An item, after its position.
fn item(row: &mut Row) -> Result<(u32, OrderItem), Unavailable> {
    let position = row.take()?;
    let item = OrderItem {
        quantity: row.take()?,
        unit_price_cents: row.take()?,
        book: OrderedBook { id: BookId::from_uuid(row.take()?), title: row.take()?, author: row.take()? },
    };
    Ok((position, item))
}
