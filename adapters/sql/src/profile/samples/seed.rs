//! Rows that `portico seed` makes.

use super::{
    Given::{self, Fresh, Integer, Joined, Null, Of, Past, Rows, Text},
    entries,
};

const ORGANIZATION: Given = Of("users", "organization_id");
const USER: Given = Of("users", "id");

entries! {
    "users_first_and_last": [], reads_all "it takes one row from each end of an index";
    "seed_users_missing": [Rows(&[("id", USER)])];
    "seed_books_missing": [Rows(&[("id", Of("books", "id"))])];
    "seed_orders_missing": [Rows(&[("id", Of("orders", "id"))])];
    "seed_chats_missing": [Rows(&[("id", Of("chats", "id"))])];
    "seed_organizations": [Rows(&[("id", Fresh), ("created_at", Past)])];
    "seed_users": [Rows(&[
        ("id", Fresh), ("organization_id", ORGANIZATION), ("email", Fresh), ("name", Text("P")), ("password_hash", Null), ("created_at", Past),
    ])];
    "seed_instances": [Rows(&[("id", Fresh), ("organization_id", ORGANIZATION), ("created_at", Past)])];
    "seed_api_keys": [Rows(&[
        ("id", Fresh), ("organization_id", ORGANIZATION), ("made_by", USER), ("name", Text("P")), ("prefix", Text("pk_fake")),
        ("digest", Joined(&[Fresh])), ("scopes", Text("")), ("created_at", Past),
    ])];
    "seed_books": [Rows(&[
        ("id", Fresh), ("isbn", Fresh), ("title", Text("A title")), ("author", Text("An author")), ("description", Text("Some words")),
        ("price_cents", Integer(1)), ("created_at", Past),
    ])];
    "seed_orders": [Rows(&[
        ("id", Fresh), ("user_id", USER), ("item_count", Integer(1)), ("total_quantity", Integer(1)), ("total_cents", Integer(1)),
        ("created_at", Past),
    ])];
    "seed_order_items": [Rows(&[
        ("order_id", Of("orders", "id")), ("position", Integer(1_000)), ("book_id", Fresh), ("title", Text("A title")), ("author", Text("An author")),
        ("quantity", Integer(1)), ("unit_price_cents", Integer(1)),
    ])];
    "seed_chats": [Rows(&[
        ("id", Fresh), ("organization_id", Of("instances", "organization_id")), ("instance_id", Of("instances", "id")), ("address", Fresh),
        ("title", Text("P")), ("message_count", Integer(0)), ("last_message_id", Fresh), ("last_message_text", Text("P")),
        ("last_message_at", Past), ("created_at", Past),
    ])];
    "seed_messages": [Rows(&[
        ("id", Fresh), ("organization_id", Of("chats", "organization_id")), ("instance_id", Of("chats", "instance_id")),
        ("chat_id", Of("chats", "id")), ("direction", Text("in")), ("sender", Text("P")), ("text", Text("Some words")), ("status", Text("sent")),
        ("created_at", Past),
    ])];
    "seed_events": [Rows(&[
        ("id", Fresh), ("organization_id", Of("chats", "organization_id")), ("instance_id", Of("chats", "instance_id")),
        ("chat_id", Of("chats", "id")), ("type", Text("message.sent")), ("payload", Text("{}")), ("created_at", Past),
    ])];
}
