//! Settings of the whole system: kept here for the programs around Portico, which reads nothing in them.
//!
//! What must hold: **a write is seen at once.** Lists are cached; every write drops them before it returns.

mod list;
mod write;

pub use list::{ListSystemSettings, SettingsPages, SettingsSource};
pub use write::{RemoveSystemSetting, SetSystemSetting, SettingWrites, SystemSettingError};

#[cfg(test)]
mod tests;
