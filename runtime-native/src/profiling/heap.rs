//! Samples of what was allocated and not freed yet, by jemalloc.
//!
//! jemalloc decides before `main` whether it samples, by its variable in the environment. A configuration that was compiled in would make every process pay for it, so a server that is to be
//! profiled starts itself anew with that variable: the same process by its id, and nothing has happened in it yet.

use std::{
    collections::{BTreeMap, HashMap},
    env,
    ffi::OsString,
    os::unix::process::CommandExt as _,
    process::Command,
};

use anyhow::Context as _;
use jemalloc_pprof::PROF_CTL;
use portico_http_api::ProfileRefused;
use portico_measuring::pprof::{Counted, Profile, Stack};

use super::{cpu::now_nanos, symbols};

/// What jemalloc is told by.
const VARIABLE: &str = "_RJEM_MALLOC_CONF";
/// A sample each 64 KiB that is allocated, on average: some hundreds in a server at rest, and under load less than a thousandth of its time.
const SAMPLING: &str = "prof:true,prof_active:true,lg_prof_sample:16";
/// What jemalloc's functions are called.
const OWN: &str = "_rjem_";

/// Replaces this process by the same with jemalloc's sampling, where it isn't on. Returns where it is, or can't be.
///
/// # Errors
/// The program can't be started again.
pub(crate) fn restart_with_sampling() -> anyhow::Result<()> {
    let set = env::var_os(VARIABLE);
    let was_asked = set.as_ref().is_some_and(|set| set.to_string_lossy().contains("prof:"));
    if PROF_CTL.is_some() || was_asked {
        return Ok(());
    }
    let mut wanted = set.filter(|set| !set.is_empty()).map_or_else(OsString::new, |mut set| {
        set.push(",");
        set
    });
    wanted.push(SAMPLING);
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_else(|| "portico".into());
    let error = Command::new("/proc/self/exe").arg0(name).args(arguments).env(VARIABLE, wanted).exec();
    Err(error).context("PORTICO_PPROF: starting anew with jemalloc's sampling")
}

/// What is in use now, by where it was allocated.
pub(super) fn profile() -> Result<Vec<u8>, ProfileRefused> {
    let control = PROF_CTL.as_ref().ok_or(ProfileRefused::NotHere(
        "Heap profiles aren't taken here: jemalloc's sampling was turned off by _RJEM_MALLOC_CONF.",
    ))?;
    let dumped = control.blocking_lock().dump_profile().map_err(|error| super::failed(&error))?;
    let mut names: HashMap<usize, Vec<String>> = HashMap::new();
    let mut seen: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for (stack, _) in dumped.iter() {
        // They come outermost first.
        let addresses = stack.addrs.iter().rev().copied();
        let frames =
            addresses.flat_map(|at| names.entry(at).or_insert_with(|| symbols::of_return(at)).clone());
        let mut frames: Vec<String> = frames.collect();
        // Behind the outermost of jemalloc's functions are those who asked it; some of its inner ones have names like anybody's.
        if let Some(outermost) = frames.iter().rposition(|name| name.starts_with(OWN)) {
            frames.drain(..=outermost);
        }
        // What looking costs isn't what is looked for.
        if !frames.iter().any(|name| name.contains("portico_native::profiling::")) {
            #[expect(clippy::cast_possible_truncation, reason = "bytes of memory")]
            let bytes = stack.weight as i64;
            *seen.entry(frames).or_default() += bytes;
        }
    }
    let profile = Profile {
        counted: vec![Counted::new("inuse_space", "bytes")],
        period: (Counted::new("space", "bytes"), 1 << 16),
        at_nanos: now_nanos(),
        over_nanos: 0,
        stacks: seen.into_iter().map(|(frames, bytes)| Stack { frames, values: vec![bytes] }).collect(),
    };
    profile.encode().map_err(|error| super::failed(&error))
}
