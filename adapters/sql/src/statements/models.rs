//! The models' catalogue, and what people set about it.

use crate::driver::{Effect, Statement, Type};

statements! {}
