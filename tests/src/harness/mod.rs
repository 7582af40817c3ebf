//! Starts and ends the processes that tests talk to, on free ports, and leaves nothing behind.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`process`] | one child process: its ready line, its log, its end |
//! | [`paths`] | where built binaries, logs and scratch are |
//! | [`postgres`] | a Postgres server, and a fresh database for each use |
//! | [`redis`] | a Redis server that can be hung, killed and brought back |
//! | [`way`] | a way to a server that can be cut, blocked and mended |
//! | [`native`] | the native server's commands |
//! | [`servers`] | several native servers as one deployment |
//! | [`set_up`] | Portico itself in its four set-ups, with the stand-ins each one needs |

pub mod native;
pub mod paths;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod servers;
pub mod set_up;
pub mod way;
