#[cfg(not(target_arch = "wasm32"))]
mod calibrate;
mod cost;
mod inline;
#[cfg(not(target_arch = "wasm32"))]
mod queue;
#[cfg(not(target_arch = "wasm32"))]
mod threads;
mod work;

#[cfg(not(target_arch = "wasm32"))]
pub use calibrate::{Calibration, CostTime, calibrate};
pub use cost::BcryptCost;
pub use inline::InlinePasswords;
#[cfg(not(target_arch = "wasm32"))]
pub use queue::HashingFigures;
#[cfg(not(target_arch = "wasm32"))]
pub use threads::{BcryptPasswords, BcryptSettings};
