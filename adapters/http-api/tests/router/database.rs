//! The database as operators see it.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request};
use insta::assert_snapshot;
use portico_domain::{
    models::{ConnectionCounts, DatabaseActivity, FileSize, LongRunning, PoolState, Pools},
    ports::Unavailable,
};

use crate::{
    cache_admin::admin,
    support::{Mocks, answer, ask},
};

const PATH: &str = "/api/v1/admin/db";

fn body(answer: &str) -> &str {
    answer.split_once("\n\n").unwrap().1
}

#[tokio::test]
async fn is_for_admins_alone_whatever_is_asked() {
    let request = || Request::get("/api/v1/admin/db?long_running_seconds=x");
    let nobody = ask(Mocks::new().router(), request().body(Body::empty()).unwrap()).await;
    assert_eq!(nobody.status(), 401);
    let member = request().header("authorization", "Bearer fake-access-token").body(Body::empty()).unwrap();
    assert_eq!(ask(Mocks::new().router(), member).await.status(), 403);
    let program = request().header("x-api-key", "pk_fake").body(Body::empty()).unwrap();
    assert_eq!(ask(Mocks::new().router(), program).await.status(), 401);
}

#[tokio::test]
async fn postgres_shows_its_pool_its_connections_and_what_runs_for_long() {
    let mut mocks = Mocks::new();
    let pool = PoolState { max: 7, size: 6, idle: 0, waiting: 2 };
    mocks.database_state.expect_pools().return_const(Pools { pool: Some(pool), ..Pools::default() });
    mocks.database_state.expect_activity().withf(|long, _| *long == Duration::from_secs(30)).returning(
        |_, _| {
            Ok(DatabaseActivity {
                kind: "postgres".to_owned(),
                connections: Some(ConnectionCounts {
                    active: 4,
                    waiting: 2,
                    waiting_for_lock: 1,
                    idle: 3,
                    idle_in_transaction: 1,
                    hidden: 0,
                    max: 100,
                }),
                long_running: vec![
                    LongRunning {
                        pid: 4_711,
                        state: "active".to_owned(),
                        age: Duration::from_millis(31_250),
                        waits_for: Some(("Lock".to_owned(), "transactionid".to_owned())),
                        application_name: "portico".to_owned(),
                        statement: Some("sessions_purge".to_owned()),
                    },
                    LongRunning {
                        pid: 4_712,
                        state: "idle in transaction".to_owned(),
                        age: Duration::from_secs(30),
                        waits_for: None,
                        application_name: "psql".to_owned(),
                        statement: None,
                    },
                ],
                file: None,
            })
        },
    );
    let shown = answer(mocks.router(), admin(Method::GET, &format!("{PATH}?long_running_seconds=30"))).await;
    assert!(shown.starts_with("200") && shown.contains("cache-control: no-store"), "{shown}");
    assert_snapshot!(body(&shown), @r#"
    {
      "connections": {
        "active": 4,
        "hidden": 0,
        "idle": 3,
        "idle_in_transaction": 1,
        "max": 100,
        "waiting": 2,
        "waiting_for_lock": 1
      },
      "file": null,
      "is_away": false,
      "kind": "postgres",
      "long_running": [
        {
          "age_ms": 31250,
          "application_name": "portico",
          "pid": 4711,
          "state": "active",
          "statement": "sessions_purge",
          "wait_event": "transactionid",
          "wait_event_type": "Lock"
        },
        {
          "age_ms": 30000,
          "application_name": "psql",
          "pid": 4712,
          "state": "idle in transaction",
          "statement": null,
          "wait_event": null,
          "wait_event_type": null
        }
      ],
      "long_running_from_seconds": 30,
      "pool": {
        "active": 6,
        "idle": 0,
        "max": 7,
        "ratio": 0.857,
        "size": 6,
        "waiting": 2,
        "warning": true
      },
      "writer": null
    }
    "#);
}

#[tokio::test]
async fn sqlite_shows_its_readers_its_writer_and_its_file() {
    let mut mocks = Mocks::new();
    let readers = PoolState { max: 2, size: 1, idle: 1, waiting: 0 };
    let writer = PoolState { max: 1, size: 1, idle: 0, waiting: 1 };
    let pools = Pools { pool: Some(readers), writer: Some(writer), wal_bytes: Some(4_152) };
    mocks.database_state.expect_pools().return_const(pools);
    mocks.database_state.expect_activity().returning(|_, _| {
        Ok(DatabaseActivity {
            kind: "sqlite".to_owned(),
            connections: None,
            long_running: Vec::new(),
            file: Some(FileSize { bytes: 4_096, free_bytes: 0 }),
        })
    });
    let shown = answer(mocks.router(), admin(Method::GET, PATH)).await;
    assert_snapshot!(body(&shown), @r#"
    {
      "connections": null,
      "file": {
        "bytes": 4096,
        "free_bytes": 0,
        "wal_bytes": 4152
      },
      "is_away": false,
      "kind": "sqlite",
      "long_running": null,
      "long_running_from_seconds": 5,
      "pool": {
        "active": 0,
        "idle": 1,
        "max": 2,
        "ratio": 0.0,
        "size": 1,
        "waiting": 0,
        "warning": false
      },
      "writer": {
        "active": 1,
        "idle": 0,
        "max": 1,
        "ratio": 1.0,
        "size": 1,
        "waiting": 1,
        "warning": true
      }
    }
    "#);
}

#[tokio::test]
async fn a_database_that_is_away_is_a_part_of_the_answer() {
    let mut mocks = Mocks::new();
    mocks.database_state.expect_pools().return_const(Pools::default());
    mocks
        .database_state
        .expect_activity()
        .returning(|_, _| Err(Unavailable::new("storage", "obviously-fake-detail")));
    let shown = answer(mocks.router(), admin(Method::GET, PATH)).await;
    assert!(shown.starts_with("200") && !shown.contains("obviously-fake-detail"), "{shown}");
    assert_snapshot!(body(&shown), @r#"
    {
      "connections": null,
      "file": null,
      "is_away": true,
      "kind": null,
      "long_running": null,
      "long_running_from_seconds": 5,
      "pool": null,
      "writer": null
    }
    "#);
}

#[tokio::test]
async fn what_is_long_has_bounds() {
    for bad in ["", "-1", "1.5", "86401", "long", "99999999999999999999"] {
        let path = format!("{PATH}?long_running_seconds={bad}");
        let refused = answer(Mocks::new().router(), admin(Method::GET, &path)).await;
        assert!(refused.starts_with("422") && refused.contains("\"long_running_seconds\""), "{refused}");
    }
}
