//! `portico seed`: the same data each time, whole after a kill, and nothing else touched.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{process::Stdio, time::Duration};

use sqlx::{AssertSqlSafe, Row as _};
use support::{PASSWORD, Place, data::Data, eventually, postgres, read};

/// What the tables hold, in words that both databases understand; a time stands between angle brackets.
const CONTENTS: [(&str, &str); 10] = [
    ("organizations", "id, <created_at>"),
    ("users", "id, organization_id, email, name, role, password_hash, <created_at>, <updated_at>"),
    ("instances", "id, organization_id, <created_at>"),
    ("api_keys", "id, organization_id, made_by, name, prefix, {digest}, scopes, <created_at>"),
    ("books", "id, isbn, title, author, description, price_cents, <created_at>, <updated_at>"),
    ("orders", "id, user_id, item_count, total_quantity, total_cents, <created_at>"),
    ("order_items", "order_id, position, book_id, title, author, quantity, unit_price_cents"),
    (
        "chats",
        "id, organization_id, instance_id, address, title, message_count, last_message_id, last_message_text, <last_message_at>, \
         <created_at>, <updated_at>",
    ),
    ("messages", "id, organization_id, instance_id, chat_id, direction, sender, text, status, <created_at>"),
    ("events", "id, organization_id, instance_id, chat_id, type, payload, <created_at>"),
];

/// Every row of every table as one text, in the order of its first columns.
async fn contents(data: &mut Data) -> Vec<String> {
    let mut all = Vec::new();
    for (table, columns) in CONTENTS {
        let on_postgres = matches!(data, Data::Postgres(_));
        let columns: Vec<String> = columns
            .split(", ")
            .map(|column| match column.trim_matches(['<', '>', '{', '}']) {
                name if column.starts_with('<') && on_postgres => {
                    format!("CAST(extract(epoch FROM {name}) * 1000000 AS bigint)")
                }
                name if column.starts_with('{') && on_postgres => format!("encode({name}, 'hex')"),
                name if column.starts_with('{') => format!("lower(hex({name}))"),
                name => name.to_owned(),
            })
            .map(|expression| format!("coalesce(CAST({expression} AS text), '-')"))
            .collect();
        let sql = format!("SELECT '{table}: ' || {} FROM {table} ORDER BY 1", columns.join(" || ' | ' || "));
        let sql = AssertSqlSafe(sql);
        match data {
            Data::Sqlite(connection) => {
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            }
            Data::Postgres(connection) => {
                let rows = sqlx::query(sql).fetch_all(connection).await.unwrap();
                all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
            }
        }
    }
    all.sort();
    all
}

/// Compares without printing thousands of rows.
fn assert_same(left: &[String], right: &[String]) {
    assert_eq!(left.len(), right.len());
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left, right);
    }
}

/// What must hold at any moment, also after a kill: each counts the rows that break it.
const BROKEN: [&str; 7] = [
    "SELECT count(*) FROM chats AS c WHERE message_count <> (SELECT count(*) FROM messages AS m WHERE m.chat_id = c.id)",
    "SELECT count(*) FROM chats AS c WHERE last_message_id <> (
        SELECT id FROM messages AS m WHERE m.chat_id = c.id ORDER BY created_at DESC, id DESC LIMIT 1)",
    "SELECT count(*) FROM chats AS c JOIN messages AS m ON m.id = c.last_message_id
     WHERE m.text <> c.last_message_text OR m.created_at <> c.last_message_at OR m.instance_id <> c.instance_id",
    "SELECT count(*) FROM messages AS m WHERE NOT EXISTS (
        SELECT 1 FROM instances AS i WHERE i.id = m.instance_id AND i.organization_id = m.organization_id)",
    "SELECT abs((SELECT count(*) FROM messages) + (SELECT count(*) FROM chats) - (SELECT count(*) FROM events))",
    "SELECT count(*) FROM orders AS o WHERE item_count <> (SELECT count(*) FROM order_items AS i WHERE i.order_id = o.id)
     OR total_quantity <> (SELECT sum(i.quantity) FROM order_items AS i WHERE i.order_id = o.id)
     OR total_cents <> (SELECT sum(i.quantity * i.unit_price_cents) FROM order_items AS i WHERE i.order_id = o.id)",
    "SELECT count(*) FROM order_items AS i WHERE NOT EXISTS (
        SELECT 1 FROM books AS b WHERE b.id = i.book_id AND b.title = i.title AND b.price_cents = i.unit_price_cents)",
];

async fn assert_whole(data: &mut Data) {
    for sql in BROKEN {
        assert_eq!(data.number(sql).await, 0, "{sql}");
    }
}

async fn seed(place: &Place, arguments: &[&str]) -> String {
    let ended = place.run(&[&["seed"], arguments].concat(), "").await;
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    ended.said
}

async fn a_second_run_changes_nothing(place: Place) -> Vec<String> {
    let said = seed(&place, &["--scale", "0.02"]).await;
    assert!(said.contains("books: 200 written, 0 "), "{said}");
    let mut data = Data::open(&place.database_url).await;
    let once = contents(&mut data).await;
    assert_whole(&mut data).await;
    for (table, rows) in [("users", 2), ("books", 200), ("orders", 400), ("messages", 2_000), ("chats", 140)]
    {
        assert_eq!(once.iter().filter(|row| row.starts_with(&format!("{table}: "))).count(), rows, "{table}");
    }
    let said = seed(&place, &["--scale", "0.02"]).await;
    assert!(said.contains("books: 0 written, 200 "), "{said}");
    assert_same(&once, &contents(&mut data).await);
    once
}

#[tokio::test]
async fn both_databases_hold_the_same_and_a_second_run_changes_nothing() {
    let on_sqlite = a_second_run_changes_nothing(Place::on_sqlite()).await;
    let (_postgres, place) = postgres("seed_twice").await;
    let on_postgres = a_second_run_changes_nothing(place).await;
    assert_same(&on_sqlite, &on_postgres);
}

#[tokio::test]
async fn a_larger_scale_begins_with_the_rows_of_a_smaller() {
    let (grown, at_once) = (Place::on_sqlite(), Place::on_sqlite());
    seed(&grown, &["--scale", "0.003"]).await;
    seed(&grown, &["--only", "messages", "--messages", "2000", "--users", "3"]).await;
    seed(&grown, &["--scale", "0.03"]).await;
    seed(&at_once, &["--scale", "0.03"]).await;
    let grown = contents(&mut Data::open(&grown.database_url).await).await;
    assert_same(&grown, &contents(&mut Data::open(&at_once.database_url).await).await);
}

/// Kills a seeding in the middle of each of its parts.
async fn a_kill_loses_nothing(place: Place) {
    let unbroken = Place::on_sqlite();
    seed(&unbroken, &["--scale", "0.5"]).await;
    // The schema has to be there before the tables can be looked at.
    place.migrate().await;
    let mut killed = 0;
    for (sql, all) in [
        ("SELECT count(*) FROM books", 5_000),
        ("SELECT count(*) FROM orders", 10_000),
        ("SELECT count(*) FROM messages", 50_000),
    ] {
        let mut command = place.command(&["seed", "--scale", "0.5"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut data = Data::open(&place.database_url).await;
        for _ in 0..60_000 {
            if data.number(sql).await > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.kill().await.unwrap();
        // Postgres notices the end of a client when the statement under way ends.
        eventually("nobody writes any more", || async {
            let mut data = Data::open(&place.database_url).await;
            let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()";
            matches!(data, Data::Sqlite(_)) || data.number(busy).await == 0
        })
        .await;
        let written = data.number(sql).await;
        killed += i32::from(written > 0 && written < all);
        assert_whole(&mut data).await;
    }
    assert!(killed >= 2, "most kills fall into the middle");
    seed(&place, &["--scale", "0.5"]).await;
    let mut data = Data::open(&place.database_url).await;
    assert_whole(&mut data).await;
    let expected = contents(&mut Data::open(&unbroken.database_url).await).await;
    assert_same(&expected, &contents(&mut data).await);
}

#[tokio::test]
async fn a_killed_seeding_goes_on_to_the_same_on_sqlite() {
    a_kill_loses_nothing(Place::on_sqlite()).await;
}

#[tokio::test]
async fn a_killed_seeding_goes_on_to_the_same_on_postgres() {
    let (_postgres, place) = postgres("seed_kill").await;
    a_kill_loses_nothing(place).await;
}

async fn others_are_left_alone(place: Place) {
    // Somebody has taken the address of the second seeded account.
    for email in ["ada@example.com", "user-2@seed.example"] {
        let made = place.run(&["user", "create", "--email", email, "--password-stdin"], PASSWORD).await;
        assert_eq!(made.code, Some(0), "{}", made.told);
    }
    let mut data = Data::open(&place.database_url).await;
    let before = contents(&mut data).await;
    let refused = place.run(&["seed", "--scale", "0.02"], "").await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.told.contains("--force"), "{}", refused.told);
    assert_same(&before, &contents(&mut data).await);

    seed(&place, &["--scale", "0.02", "--force"]).await;
    let after = contents(&mut data).await;
    assert!(before.iter().all(|row| after.contains(row)), "what was there stays");
    assert_whole(&mut data).await;
    assert_eq!(data.number("SELECT count(*) FROM users").await, 3);
    assert_eq!(data.number("SELECT count(*) FROM books").await, 200);
    // Passed over with the account that could not be made; the first one's are there.
    let orders = data.number("SELECT count(*) FROM orders").await;
    assert!((200..400).contains(&orders), "{orders}");

    // What was changed since stays changed, and what was deleted comes back.
    for sql in [
        "UPDATE books SET price_cents = 1 WHERE isbn = '9799000000004'",
        "DELETE FROM orders WHERE id = (SELECT id FROM orders ORDER BY created_at LIMIT 1)",
    ] {
        match &mut data {
            Data::Sqlite(connection) => sqlx::query(sql).execute(connection).await.map(drop).unwrap(),
            Data::Postgres(connection) => sqlx::query(sql).execute(connection).await.map(drop).unwrap(),
        }
    }
    seed(&place, &["--scale", "0.02", "--force"]).await;
    assert_eq!(data.number("SELECT price_cents FROM books WHERE isbn = '9799000000004'").await, 1);
    assert_eq!(data.number("SELECT count(*) FROM orders").await, orders);
}

#[tokio::test]
async fn what_others_made_is_left_alone_on_sqlite() {
    others_are_left_alone(Place::on_sqlite()).await;
}

#[tokio::test]
async fn what_others_made_is_left_alone_on_postgres() {
    let (_postgres, place) = postgres("seed_others").await;
    others_are_left_alone(place).await;
}

#[tokio::test]
async fn a_seeded_account_signs_in_and_its_key_opens() {
    let place = Place::on_sqlite();
    let said = seed(&place, &["--only", "users", "--users", "3"]).await;
    let last = said.lines().last().unwrap();
    let (email, password) = ("user-1@seed.example", "obviously-fake-seed-password");
    assert!(last.contains(email) && last.contains(password), "{said}");
    let key = last.split(' ').next_back().unwrap();
    let server = place.start("seed").await;
    let answer =
        server.post("/api/v1/auth/login", &serde_json::json!({ "email": email, "password": password })).await;
    assert_eq!(answer.status(), 200);
    let me = server.http.get(format!("{}/api/v1/auth/me", server.address)).header("x-api-key", key);
    let me = me.send().await.unwrap();
    assert_eq!(me.status(), 200);
    assert_eq!(read(me).await["email"], email);
    server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_writes_nothing() {
    let place = Place::on_sqlite();
    for arguments in [
        ["--scale", "0"],
        ["--scale", "-1"],
        ["--scale", "NaN"],
        ["--scale", "inf"],
        ["--scale", "1e9"],
        ["--scale", "much"],
        ["--only", "cats"],
        ["--books", "0"],
        ["--messages", "99999999999"],
    ] {
        let ended = place.run(&[&["seed"], &arguments[..]].concat(), "").await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.told);
        assert!(ended.told.contains(arguments[0]), "{}", ended.told);
    }
    assert!(!place.data_dir().exists());
}
