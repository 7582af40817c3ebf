//! The routes of orders.

use insta::assert_snapshot;
use portico_domain::{
    models::{Book, NewOrder, Order, OrderId, OrderItem, OrderedBook, PlacedOrder, UserId},
    ports::OrderPlacing,
};

use crate::{
    books::{book, by_member, get},
    support::{Mocks, NOW, answer, ask, get_signed_in, post, user},
};

fn order(user_id: UserId) -> (NewOrder, PlacedOrder) {
    let Book { id, title, author, .. } = book().book;
    let new = NewOrder { id: OrderId::generate(NOW, [9; 10]), user_id, lines: Vec::new(), created_at: NOW };
    let placed = PlacedOrder {
        id: new.id,
        created_at: NOW,
        item_count: 1,
        total_quantity: 2,
        total_cents: 2_598,
        items: vec![OrderItem {
            quantity: 2,
            unit_price_cents: 1_299,
            book: OrderedBook { id, title, author },
        }],
    };
    (new, placed)
}

#[tokio::test]
async fn an_order_is_answered_as_lists_show_it() {
    let mut mocks = Mocks::new();
    mocks.orders.expect_place().times(1).returning(|new| {
        assert_eq!((new.user_id, new.lines[0].quantity), (user().id, 2));
        Ok(OrderPlacing::Placed(order(new.user_id).1))
    });
    let body = format!(r#"{{"items":[{{"book_id":"{}","quantity":2}}]}}"#, book().book.id);
    let placed = answer(mocks.router(), by_member(post("/api/v1/orders", body))).await;
    assert_snapshot!(placed, @r#"
    201 Created
    cache-control: private, no-cache
    content-length: 288
    content-type: application/json
    cross-origin-resource-policy: same-origin
    location: /api/v1/orders/01a0c450-6c7b-7909-8909-090909090909
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "created_at": "2026-09-21T14:13:20.123456Z",
      "id": "01a0c450-6c7b-7909-8909-090909090909",
      "item_count": 1,
      "items": [
        {
          "book": {
            "author": "Ada",
            "id": "01a0c450-6c7b-7808-8808-080808080808",
            "title": "Notes on the Engine"
          },
          "quantity": 2,
          "unit_price_cents": 1299
        }
      ],
      "total_cents": 2598,
      "total_quantity": 2
    }
    "#);
    let mut mocks = Mocks::new();
    mocks.orders.expect_list().times(1).returning(|user, page| {
        assert_eq!((page.limit, page.order), (20, Order::Descending));
        Ok(vec![order(user).1])
    });
    let listed = answer(mocks.router(), get_signed_in("/api/v1/orders")).await;
    let shown = |text: &str| text.split_once("\"items\"").unwrap().1.split_whitespace().collect::<String>();
    assert!(shown(&listed).starts_with(shown(&placed).split("}],").next().unwrap()), "{listed}");
    assert!(listed.contains("private, no-cache"), "{listed}");
}

#[tokio::test]
async fn every_fault_of_an_order_is_told_by_its_place() {
    let id = book().book.id;
    let body = format!(
        r#"{{"items":[7, {{}}, {{"book_id":"{id}","quantity":0}}, {{"book_id":"{id}","quantity":1001}},
            {{"book_id":"x","quantity":1.5,"gift":true}}, {{"book_id":null,"quantity":"2"}}, {{"book_id":"{id}","quantity":18446744073709551616}}],"note":""}}"#
    );
    let told = answer(Mocks::new().router(), by_member(post("/api/v1/orders", body))).await;
    let fields: Vec<&str> =
        told.split("\"field\": \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "items[0]",
            "items[1].book_id",
            "items[1].quantity",
            "items[2].quantity",
            "items[3].book_id",
            "items[3].quantity",
            "items[4].gift",
            "items[4].book_id",
            "items[4].quantity",
            "items[5].book_id",
            "items[5].quantity",
            "items[6].book_id",
            "items[6].quantity",
            "note",
        ]
    );
    let many = format!(r#"{{"items":[{}]}}"#, vec![r#"{"book_id":"x","quantity":0}"#; 101].join(","));
    for body in ["{}", r#"{"items":[]}"#, r#"{"items":null}"#, r#"{"items":{}}"#, &many] {
        let told = answer(Mocks::new().router(), by_member(post("/api/v1/orders", body.to_owned()))).await;
        assert!(told.starts_with("422 ") && told.contains("\"field\": \"items\""), "{told}");
        assert_eq!(told.matches("\"field\"").count(), 1, "{told}");
    }
}

#[tokio::test]
async fn orders_are_for_people_and_unknown_ones_not_found() {
    for request in [get("/api/v1/orders"), post("/api/v1/orders", "{"), get("/api/v1/orders/1")] {
        assert_eq!(ask(Mocks::new().router(), request).await.status(), 401);
    }
    assert_eq!(ask(Mocks::new().router(), get_signed_in("/api/v1/orders/1")).await.status(), 404);
    let mut mocks = Mocks::new();
    mocks.orders.expect_by_id().withf(|owner, _| *owner == user().id).returning(|_, _| Ok(None));
    let path = format!("/api/v1/orders/{}", order(user().id).1.id);
    assert_eq!(ask(mocks.router(), get_signed_in(&path)).await.status(), 404);
    let mut mocks = Mocks::new();
    mocks.orders.expect_place().returning(|_| Ok(OrderPlacing::UnknownBooks(vec![0])));
    let body = format!(r#"{{"items":[{{"book_id":"{}","quantity":2}}]}}"#, book().book.id);
    let told = answer(mocks.router(), by_member(post("/api/v1/orders", body))).await;
    assert!(told.starts_with("422 ") && told.contains("\"field\": \"items[0].book_id\""), "{told}");
}
