//! How the database is doing.

use super::{Given::Integer, entries};

entries! {
    "database_activity": [], reads_all "it asks for all connections, which are no table";
    "database_long_running": [Integer(1_000), Integer(20)], reads_all "it asks for all connections, which are no table";
}
