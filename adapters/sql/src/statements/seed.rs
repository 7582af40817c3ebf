//! Rows that `portico seed` makes: each takes a JSON list of them, passes over those that are there already, and gives a row for each that it wrote.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Finds the first and the last account by identifier.
    USERS_FIRST_AND_LAST: Read "users_first_and_last" () -> (Uuid, Uuid);
    /// Finds one of these accounts that isn't there.
    SEED_USERS_MISSING: Read "seed_users_missing" (Text) -> (Text), sqlite "seed_users_missing.sqlite";
    /// Finds one of these books that isn't there.
    SEED_BOOKS_MISSING: Read "seed_books_missing" (Text) -> (Text), sqlite "seed_books_missing.sqlite";
    /// Finds one of these orders that isn't there.
    SEED_ORDERS_MISSING: Read "seed_orders_missing" (Text) -> (Text), sqlite "seed_orders_missing.sqlite";
    /// Finds one of these chats that isn't there.
    SEED_CHATS_MISSING: Read "seed_chats_missing" (Text) -> (Text), sqlite "seed_chats_missing.sqlite";
    /// Writes organizations.
    SEED_ORGANIZATIONS: Write "seed_organizations" (Text) -> (Integer), sqlite "seed_organizations.sqlite";
    /// Writes accounts.
    SEED_USERS: Write "seed_users" (Text) -> (Integer), sqlite "seed_users.sqlite";
    /// Writes instances.
    SEED_INSTANCES: Write "seed_instances" (Text) -> (Integer), sqlite "seed_instances.sqlite";
    /// Writes API keys.
    SEED_API_KEYS: Write "seed_api_keys" (Text) -> (Integer), sqlite "seed_api_keys.sqlite";
    /// Writes books.
    SEED_BOOKS: Write "seed_books" (Text) -> (Integer), sqlite "seed_books.sqlite";
    /// Writes orders.
    SEED_ORDERS: Write "seed_orders" (Text) -> (Integer), sqlite "seed_orders.sqlite";
    /// Writes the items of orders.
    SEED_ORDER_ITEMS: Write "seed_order_items" (Text) -> (Integer), sqlite "seed_order_items.sqlite";
    /// Writes chats.
    SEED_CHATS: Write "seed_chats" (Text) -> (Integer), sqlite "seed_chats.sqlite";
    /// Writes messages.
    SEED_MESSAGES: Write "seed_messages" (Text) -> (Integer), sqlite "seed_messages.sqlite";
    /// Writes events.
    SEED_EVENTS: Write "seed_events" (Text) -> (Integer), sqlite "seed_events.sqlite";
}
