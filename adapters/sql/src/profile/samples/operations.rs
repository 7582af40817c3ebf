//! How the database is doing.

use super::{Given::Integer, entries};

entries! {
    "database_activity": [];
    "database_long_running": [Integer(1_000), Integer(20)];
}
