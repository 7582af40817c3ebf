//! Starts and ends the processes that tests talk to, on free ports, and leaves nothing behind.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`process`] | one child process: its ready line, its log, its end |
//! | [`paths`] | where built binaries, logs and scratch are |
//! | [`postgres`] | a Postgres server, and a fresh database for each use |
//! | [`set_up`] | Portico itself in its four set-ups, with the stand-ins each one needs |

pub mod paths;
pub mod postgres;
pub mod process;
pub mod set_up;
