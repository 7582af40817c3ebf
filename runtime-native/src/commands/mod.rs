//! The commands that end, a file each.

mod baseline;
mod calibrate;
mod check_config;
mod clear_cache;
mod compare;
mod experiment;
mod loadtest;
mod migrate;
mod models;
mod openapi;
mod prewarm;
mod profile;
mod progress;
mod rekey;
mod report;
mod seed;
mod token;
mod user;

use self::token::TokenPlace;
pub(crate) use self::{
    baseline::baseline,
    calibrate::calibrate,
    check_config::check_config,
    clear_cache::clear_cache,
    compare::compare,
    experiment::experiment,
    loadtest::loadtest,
    migrate::migrate,
    models::{export_models, import_models},
    openapi::openapi,
    prewarm::prewarm,
    profile::{profile, profile_server},
    rekey::rekey,
    report::report,
    seed::seed,
    user::create_user,
};

/// Writes to the standard output. A reader that has gone away, as `head` does, is no failure.
fn say(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    match write(&mut out).and_then(|()| std::io::Write::flush(&mut out)) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}
