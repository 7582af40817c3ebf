//! How the database is doing.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Tells what the database is, what its connections do, and how large its file is.
    DATABASE_ACTIVITY: Read "database_activity" ()
        -> (Text, Integer, Integer, Integer, Integer, Integer, Integer, Integer, Integer, Integer, Integer),
        sqlite "database_activity.sqlite";
    /// Shows what has been open for long: milliseconds, how many.
    DATABASE_LONG_RUNNING: Read "database_long_running" (Integer, Integer)
        -> (Integer, Text, Integer, Text, Text, Text, Text), sqlite "database_long_running.sqlite";
}
