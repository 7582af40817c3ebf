//! Books and orders.

use crate::driver::{Effect, Statement, Type};

statements! {}
