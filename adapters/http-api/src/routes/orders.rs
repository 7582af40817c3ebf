//! Orders of books: placed and seen by whoever is signed in, each their own.

use std::{collections::BTreeSet, sync::Arc};

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use portico_domain::{
    flows::catalogue::{OrderError, PlaceOrderError},
    models::{BookId, FieldFault, OrderId, OrderLine, PlacedOrder},
};
use serde_json::Value;

use super::{ListAnswer, Shared, page_request};
use crate::{
    answers::{Keep, json, json_versioned, with_location},
    code::Code,
    credentials::bearer,
    fields::{Member, Query},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

const ORDERS: &str = "/api/v1/orders";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route(ORDERS, get(list).post(place)).route("/api/v1/orders/{id}", get(one))
}

impl From<PlaceOrderError> for Problem {
    fn from(error: PlaceOrderError) -> Self {
        match error {
            PlaceOrderError::UnknownBooks(faults) => Self::validation(faults),
            PlaceOrderError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::NotFound => Self::new(Code::NotFound, "There is no such order of yours."),
            OrderError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

async fn place(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let mut faults = Vec::new();
    let lines = match fields.taken("items") {
        Member::There(Value::Array(items)) => Some(read_lines(&items, &mut faults)),
        Member::There(_) => {
            faults.push(FieldFault::new("items", NOT_ITEMS));
            None
        }
        Member::Missing | Member::Null => {
            faults.push(FieldFault::new("items", "is required"));
            None
        }
    };
    fields.faults(faults);
    let lines = fields.finish(|| lines)?;
    let order = shared.api.door.catalogue.place_order.run(&caller, lines).await?;
    let answer = json(StatusCode::CREATED, Keep::Private, &order)?;
    Ok(with_location(answer, &format!("{ORDERS}/{}", order.id)))
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let catalogue = &shared.api.door.catalogue;
    let query = Query::parse(parts.uri.query());
    let request = page_request(&query, &catalogue.order_cursors, caller.user_id).await?;
    let page = catalogue.orders.run(&caller, request).await?;
    let answer =
        ListAnswer::of(page.items, page.next, &catalogue.order_cursors, request.order, caller.user_id)
            .await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &answer)
}

async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let id = OrderId::parse(&id).ok_or(OrderError::NotFound)?;
    let order = shared.api.door.catalogue.orders.one(&caller, id).await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &order)
}

const NOT_ITEMS: &str = "must be a list of 1 to 100 {book_id, quantity}";

/// Reads what is ordered. All faults are noted; the lines count only where there are none.
fn read_lines(items: &[Value], faults: &mut Vec<FieldFault>) -> Vec<OrderLine> {
    if items.is_empty() || items.len() > PlacedOrder::MAX_ITEMS {
        faults.push(FieldFault::new("items", NOT_ITEMS));
        return Vec::new();
    }
    let mut books = BTreeSet::new();
    let mut lines = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let mut noted = |member: &str, message: &str| {
            faults.push(FieldFault::new(format!("items[{at}]{member}"), message));
        };
        let Some(members) = item.as_object() else {
            noted("", "must be {book_id, quantity}");
            continue;
        };
        let book_id = read(members.get("book_id"), |value| {
            let id = value.as_str().and_then(BookId::parse).ok_or("must be a UUID")?;
            if books.insert(id) { Ok(id) } else { Err("stands in the order already; add up its quantities") }
        });
        let quantity = read(members.get("quantity"), |value| {
            let quantity = value.as_u64().and_then(|quantity| u32::try_from(quantity).ok());
            let allowed = 1..=OrderLine::MAX_QUANTITY;
            quantity
                .filter(|quantity| allowed.contains(quantity))
                .ok_or("must be a whole number from 1 to 1000")
        });
        // One is enough to find the mistake, and keeps the answer short.
        if let Some(name) = members.keys().find(|name| !matches!(name.as_str(), "book_id" | "quantity")) {
            let shown: String = name.chars().take(64).collect();
            noted(&format!(".{shown}"), "is not a member of an item");
        }
        for (member, fault) in [(".book_id", book_id.err()), (".quantity", quantity.err())] {
            if let Some(message) = fault {
                noted(member, message);
            }
        }
        if let (Ok(book_id), Ok(quantity)) = (book_id, quantity) {
            lines.push(OrderLine { book_id, quantity });
        }
    }
    lines
}

fn read<T>(
    value: Option<&Value>,
    parse: impl FnOnce(&Value) -> Result<T, &'static str>,
) -> Result<T, &'static str> {
    match value {
        None | Some(Value::Null) => Err("is required"),
        Some(value) => parse(value),
    }
}
