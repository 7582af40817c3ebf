//! Orders of books.

use http::Method;
use portico_domain::models::{Book, OrderLine, PlacedOrder};

use super::{
    Tag,
    answer::Answer,
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{answer, list_of, named, named_as, request, time, uuid, whole, words},
};

const TAG: Tag = Tag::Catalogue;
const ORDERS: &str = "/api/v1/orders";

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let example = examples::shown(&examples::order());
    document.operation(
        Operation::new(Method::POST, ORDERS, "placeOrder", TAG, "Orders books")
            .about("As one step, whole or not at all, at the prices of one moment. A book that is named twice, or isn't in the catalogue, is 422.")
            .by(Who::Person)
            .body("PlaceOrderRequest", examples::order_request())
            .answer(Answer::json(201, "The order.", named("PlacedOrder"), example.clone()).with("Location")),
    );
    document.operation(
        Operation::new(Method::GET, ORDERS, "listOrders", TAG, "Lists the caller's orders")
            .by(Who::Person)
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(
                Answer::json(200, "Orders.", named("OrderList"), examples::page(&examples::order()))
                    .validated(),
            ),
    );
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v1/orders/{id}",
            "getOrder",
            TAG,
            "Shows one of the caller's orders",
        )
        .about("Somebody else's is 404, for admins too.")
        .by(Who::Person)
        .answer(Answer::json(200, "The order.", named("PlacedOrder"), example).validated()),
    );
}

fn schemas(document: &mut Document) {
    let most = PlacedOrder::MAX_ITEMS;
    let quantity = || whole("How many copies.", (1, OrderLine::MAX_QUANTITY.into()));
    let line = request(
        "So many copies of a book.",
        vec![("book_id", uuid("Which book.")), ("quantity", quantity())],
        Vec::new(),
    );
    document.schema("OrderLine", line);
    let items = vec![("items", list_of("What is ordered, each book once.", named("OrderLine"), (1, most)))];
    document.schema("PlaceOrderRequest", request("An order.", items, Vec::new()));
    let book = answer(
        "A book as it was when it was ordered.",
        vec![
            ("id", uuid("Names the book, which may be gone from the catalogue.")),
            ("title", words("What it was called.")),
            ("author", words("Who wrote it.")),
        ],
    );
    document.schema("OrderedBook", book);
    let item = answer(
        "One position of an order.",
        vec![
            ("quantity", quantity()),
            ("unit_price_cents", whole("What each cost, in cents.", (0, Book::MAX_PRICE_CENTS.into()))),
            ("book", named_as("OrderedBook", "Of what.")),
        ],
    );
    document.schema("OrderItem", item);
    let copies = most as u64 * u64::from(OrderLine::MAX_QUANTITY);
    let order = answer(
        "What somebody ordered.",
        vec![
            ("id", uuid("Names the order.")),
            ("created_at", time("When it was placed.")),
            ("item_count", whole("How many positions it has.", (1, most as u64))),
            ("total_quantity", whole("How many copies of anything.", (1, copies))),
            (
                "total_cents",
                whole("What all of it cost, in cents.", (0, copies * u64::from(Book::MAX_PRICE_CENTS))),
            ),
            (
                "items",
                list_of(
                    "The positions, in the order in which they were asked for.",
                    named("OrderItem"),
                    (1, most),
                ),
            ),
        ],
    );
    document.schema("PlacedOrder", order);
    document.list("OrderList", "PlacedOrder");
}
