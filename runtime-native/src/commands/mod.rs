//! The commands that end, a file each.

mod calibrate;
mod check_config;
mod clear_cache;
mod experiment;
mod migrate;
mod models;
mod prewarm;
mod profile;
mod progress;
mod rekey;
mod seed;
mod user;

pub(crate) use self::{
    calibrate::calibrate,
    check_config::check_config,
    clear_cache::clear_cache,
    experiment::experiment,
    migrate::migrate,
    models::{export_models, import_models},
    prewarm::prewarm,
    profile::profile,
    rekey::rekey,
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
