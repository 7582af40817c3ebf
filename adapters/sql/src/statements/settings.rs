//! System settings.

use crate::driver::{Effect, Statement, Type};

statements! {}
