//! The database as operators see it.

use http::Method;
use serde_json::{Value, json};

use super::{
    Tag,
    answer::Answer,
    document::Document,
    operation::{Operation, Who},
    schema::{answer, by_default, count, flag, list_of, named, named_as, number, or_null, whole, words},
};

const TAG: Tag = Tag::Administration;
const A_DAY: u64 = 86_400;

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let long = whole("From how long on a statement is long-running.", (0, A_DAY));
    document.operation(
        Operation::new(Method::GET, "/api/v1/admin/db", "getDatabase", TAG, "Shows how the database is doing")
            .about("The same members on every target, null where it has no such thing. 200 with `is_away` when the database can't be asked, or takes longer than two seconds.")
            .by(Who::Admin)
            .query("long_running_seconds", by_default(long, 5))
            .answer(Answer::json(200, "Connections, and what runs.", named("Database"), example())),
    );
}

fn example() -> Value {
    json!({
        "kind": "postgres",
        "is_away": false,
        "pool": {"max": 10, "size": 4, "idle": 3, "active": 1, "waiting": 0, "ratio": 0.1, "warning": false},
        "writer": null,
        "connections": {"active": 1, "waiting": 0, "waiting_for_lock": 0, "idle": 3, "idle_in_transaction": 0, "hidden": 0, "max": 100},
        "long_running_from_seconds": 5,
        "long_running": [{
            "pid": 4_711, "state": "active", "age_ms": 6_120, "wait_event_type": null, "wait_event": null,
            "application_name": "portico", "statement": "books_search",
        }],
        "file": null,
    })
}

fn schemas(document: &mut Document) {
    let pool = vec![
        ("max", count("The most connections.")),
        ("size", count("Those that there are.")),
        ("idle", count("Those that nobody uses.")),
        ("active", count("`size` less `idle`, those being opened among them.")),
        ("waiting", count("Requests that wait for one.")),
        ("ratio", number("`active` of `max`.")),
        ("warning", flag("Whether more than 80 % are active; of four or less, all, while somebody waits.")),
    ];
    document.schema("DatabasePool", answer("Connections of the process that answers.", pool));
    let connections = vec![
        ("active", count("Those that run a statement.")),
        ("waiting", count("Those of the active that wait for anything.")),
        ("waiting_for_lock", count("Those of the active that wait for a lock.")),
        ("idle", count("Those that do nothing.")),
        ("idle_in_transaction", count("Those in a transaction that do nothing.")),
        ("hidden", count("Other accounts', whose state isn't shown to this one.")),
        ("max", count("The most that the database allows.")),
    ];
    document.schema(
        "DatabaseConnections",
        answer("All connections to the database, without the one that asks.", connections),
    );
    let running = vec![
        ("pid", count("The connection's process.")),
        ("state", words("What it does.")),
        ("age_ms", count("For how long.")),
        ("wait_event_type", or_null(words("What kind of thing it waits for."))),
        ("wait_event", or_null(words("What it waits for."))),
        ("application_name", words("What the client calls itself.")),
        (
            "statement",
            or_null(words("The name of a statement of ours. No text is shown: it may hold anybody's data.")),
        ),
    ];
    document.schema(
        "LongRunning",
        answer("A statement that runs for long, or a transaction that waits for its next one.", running),
    );
    let file = vec![
        ("bytes", count("The size of the file.")),
        ("free_bytes", count("What of it is free.")),
        ("wal_bytes", or_null(count("The size of the write-ahead log."))),
    ];
    document.schema("DatabaseFile", answer("An SQLite file.", file));
    let database = vec![
        ("kind", or_null(words("What it is; null while it is away."))),
        ("is_away", flag("Whether it can't be asked.")),
        ("pool", or_null(named_as("DatabasePool", "The connections; with SQLite, those that read."))),
        ("writer", or_null(named_as("DatabasePool", "With SQLite, the connection that writes."))),
        (
            "connections",
            or_null(named_as(
                "DatabaseConnections",
                "All connections, whoever opened them; null with SQLite.",
            )),
        ),
        ("long_running_from_seconds", whole("From how long on a statement is long-running.", (0, A_DAY))),
        (
            "long_running",
            or_null(list_of("The oldest of them; null with SQLite.", named("LongRunning"), (0, 50))),
        ),
        ("file", or_null(named_as("DatabaseFile", "The file; null with Postgres."))),
    ];
    document.schema("Database", answer("How the database is doing.", database));
}
