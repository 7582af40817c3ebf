//! What `portico profile` says, with which code it ends, and that it changes nothing.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use portico_tests::harness::postgres::Postgres;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use support::{Place, run};

/// Rows enough for a scan to be told.
const SQLITE_SETTINGS: &str = "
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 3000)
    INSERT INTO settings (key, id, value, created_at, updated_at)
    SELECT 'k' || n, printf('00000000-0000-4000-8000-%012x', n), '1', n, n FROM counted";
const POSTGRES_BOOKS: &str = "
    INSERT INTO books (id, isbn, title, author, description, price_cents, created_at, updated_at)
    SELECT md5(n::text)::uuid, 'i' || n, 't' || n, 'a' || n % 10, '', 1, to_timestamp(n), to_timestamp(n) FROM generate_series(1, 3000) AS n";
const INDEX: &str = "DROP INDEX books_author_created_at_id_idx";

fn findings(report: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(report).unwrap();
    let statements = report["statements"].as_array().unwrap().iter();
    statements.flat_map(|statement| statement["findings"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn a_lost_index_is_told_with_the_sql_that_brings_it_back_on_sqlite() {
    let place = Place::on_sqlite();
    place.migrate().await;
    let path = place.home().join("portico.sqlite");
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query(SQLITE_SETTINGS).execute(&mut connection).await.unwrap();
    let good = place.run(&["profile", "--max-ms", "1e9"], "").await;
    assert_eq!(good.code, Some(0), "{}{}", good.said, good.told);
    assert!(good.said.contains("settings_list_desc"), "{}", good.said);
    sqlx::query("DROP INDEX settings_created_at_id_idx").execute(&mut connection).await.unwrap();
    let chosen = ["profile", "--statement", "settings_list", "--json"];
    let bad = place.run(&chosen, "").await;
    assert_eq!(bad.code, Some(1), "{}", bad.told);
    let found = findings(&bad.said);
    assert!(!found.is_empty(), "{}", bad.said);
    let table = place.run(&["profile", "--statement", "settings_list"], "").await;
    assert_eq!(table.code, Some(1));
    assert!(
        table.said.contains("sequential scan of settings (created_at, id): rows of the table 3000"),
        "{}",
        table.said
    );
    assert!(
        table.said.contains("try: CREATE INDEX settings_created_at_id_idx ON settings (created_at, id);"),
        "{}",
        table.said
    );
    let lenient = [&chosen[..], &["--min-rows", "1e9", "--sorted-rows", "1e9", "--max-ms", "1e9"]].concat();
    assert_eq!(place.run(&lenient, "").await.code, Some(0));
    let settings = sqlx::query_scalar("SELECT count(*) FROM settings").fetch_one(&mut connection).await;
    assert_eq!(settings.ok(), Some(3_000_i64));
}

#[tokio::test]
async fn counted_statements_are_planned_and_their_faults_named_on_postgres() {
    let postgres = Postgres::with_settings(&["shared_preload_libraries=pg_stat_statements"]).await.unwrap();
    let database = postgres.create_database("profile").await.unwrap();
    let place = Place::on_postgres(&database);
    place.migrate().await;
    let mut connection = PgConnection::connect(database.url.as_str()).await.unwrap();
    let counted = ["profile", "--from", "pg_stat_statements", "--top", "50", "--json"];
    let missing = place.run(&counted, "").await;
    assert_eq!(missing.code, Some(2), "{}", missing.said);
    assert!(missing.told.contains("CREATE EXTENSION pg_stat_statements"), "{}", missing.told);

    sqlx::raw_sql("CREATE EXTENSION pg_stat_statements").execute(&mut connection).await.unwrap();
    sqlx::query(POSTGRES_BOOKS).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("ANALYZE").execute(&mut connection).await.unwrap();
    let own = place.run(&["profile", "--json", "--max-ms", "1e9"], "").await;
    assert_eq!(own.code, Some(0), "{}{}", own.said, own.told);
    // Writes were run, and rolled back.
    let sql = "SELECT count(*) FROM books";
    let books: i64 = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
    assert_eq!(books, 3_000);
    assert!(own.said.contains("\"statement\": \"book_insert\""), "{}", own.said);

    sqlx::raw_sql("SELECT pg_stat_statements_reset()").execute(&mut connection).await.unwrap();
    sqlx::raw_sql(INDEX).execute(&mut connection).await.unwrap();
    for author in ["a1", "a2"] {
        let sql = "SELECT id FROM books WHERE author = $1 AND price_cents > $2 ORDER BY title";
        sqlx::query(sql).bind(author).bind(0_i64).fetch_all(&mut connection).await.unwrap();
    }
    sqlx::query("DELETE FROM books WHERE title = $1").bind("none").execute(&mut connection).await.unwrap();
    let bad = place.run(&counted, "").await;
    assert_eq!(bad.code, Some(1), "{}{}", bad.said, bad.told);
    let found = findings(&bad.said);
    let scans = found.iter().filter(|finding| finding["finding"] == "sequential_scan");
    let remedies: Vec<&str> = scans.map(|finding| finding["remedy"]["sql"].as_str().unwrap()).collect();
    assert!(
        remedies.iter().any(|sql| sql.starts_with("CREATE INDEX CONCURRENTLY ON books (author")),
        "{remedies:?}"
    );
    assert!(remedies.contains(&"CREATE INDEX CONCURRENTLY ON books (title)"), "{remedies:?}");
    assert_eq!(
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM books").fetch_one(&mut connection).await.unwrap(),
        3_000
    );
    postgres.stop();
}

#[tokio::test]
async fn a_route_that_asks_for_each_row_by_itself_is_found_in_a_recording() {
    let place = Place::on_sqlite();
    let recording = place.home().join("requests.jsonl");
    let place = place.with("PORTICO_RECORD_STATEMENTS", recording.to_str().unwrap());
    let server = place.start("record").await;
    server.register("ada@example.com").await;
    assert_eq!(server.get("/health").await.status(), 200);
    assert_eq!(server.get("/nowhere").await.status(), 404);
    server.stop().await;
    let lines = std::fs::read_to_string(&recording).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let routes: Vec<&str> = lines.iter().map(|line| line["route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["POST /api/v1/auth/register", "GET /health", "GET (no route)"]);
    let names: Vec<&str> = lines[0]["statements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sent| sent["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["credential_by_email", "organization_insert", "user_insert"]);

    let search = |path: &std::path::Path| {
        let mut command = place.command(&["profile", "--json", "--from-log"]);
        command.arg(path);
        run(command, "")
    };
    let good = search(&recording).await;
    assert_eq!(good.code, Some(0), "{}{}", good.said, good.told);

    // What a list would leave behind that asks for the items of each order by itself.
    let bad = place.home().join("bad.jsonl");
    let mut statements = vec![json!({"name": "orders_list_desc", "rows": 20, "micros": 300})];
    statements.extend(vec![json!({"name": "order_items_of", "rows": 3, "micros": 100}); 20]);
    let line =
        json!({"request_id": "r-1", "route": "GET /api/v1/orders", "status": 200, "statements": statements});
    std::fs::write(&bad, format!("{line}\n")).unwrap();
    let told = search(&bad).await;
    assert_eq!(told.code, Some(1), "{}", told.told);
    let report: Value = serde_json::from_str(&told.said).unwrap();
    let found = &report["routes"][0];
    assert_eq!(
        (&found["route"], &found["statement"]),
        (&json!("GET /api/v1/orders"), &json!("order_items_of"))
    );
    assert_eq!(found["most_in_one_request"], 20);
    let table = run(place.command(&["profile", "--from-log", bad.to_str().unwrap()]), "").await;
    assert_eq!(table.code, Some(1));
    assert!(table.said.contains("N+1 reads in 1 requests"), "{}", table.said);

    std::fs::write(&bad, "not a record\n").unwrap();
    let unreadable = search(&bad).await;
    assert_eq!(unreadable.code, Some(2));
    assert!(unreadable.told.contains("line 1 is not the record of a request"), "{}", unreadable.told);
    assert_eq!(search(&place.home().join("absent")).await.code, Some(2));
}

#[tokio::test]
async fn what_cannot_be_looked_at_ends_with_2_and_a_reason() {
    let place = Place::on_sqlite();
    for (arguments, told) in [
        (&["profile"][..], "there is no file"),
        (&["profile", "--from", "pg_stat_statements"], "is for Postgres"),
        (&["profile", "--statement", "no-such"], "no statement's name has no-such in it"),
        (&["profile", "--from", "elsewhere"], "pg_stat_statements"),
        (&["profile", "--samples", "0"], "--samples"),
    ] {
        let ended = place.run(arguments, "").await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.told);
        assert!(ended.told.contains(told), "{told} in {}", ended.told);
    }
    let away = place.with("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let ended = away.run(&["profile"], "").await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.told.contains("the database can't be asked"), "{}", ended.told);
}
