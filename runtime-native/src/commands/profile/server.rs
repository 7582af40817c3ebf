//! `portico profile cpu` and `heap`: profiles of a server, one of its own under load, or a running one as it is.
//!
//! - `fetch`: asks a server for profiles, and tells why there are none.
//! - `own`: a server of its own, and its load.
//! - `shares`: tables of functions.

mod fetch;
mod own;
mod shares;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use portico_measuring::{flame, page, pprof::Profile, scenarios::Scenario, server::until_interrupted};
use tokio::runtime::Builder;
use url::Url;

use self::own::Own;
use super::{super::TokenPlace, say};
use crate::{
    Failure,
    cli::{ProfileServer, ProfileWhat},
};

/// In whose names functions of this program are found.
const OWN: &str = "portico_";
/// The longest that a server looks.
const MOST_CPU_SECONDS: u32 = 60;

/// Takes profiles and writes them down.
pub(crate) fn profile_server(what: &ProfileWhat) -> Result<(), Failure> {
    let (options, files): (_, &[&str]) = match what {
        ProfileWhat::Cpu(options) => (options, &["cpu.pb.gz", "flamegraph.svg"]),
        ProfileWhat::Heap(options) => {
            (options, &["heap-before.pb.gz", "heap-after.pb.gz", "heap-growth.svg"])
        }
    };
    let is_cpu = matches!(what, ProfileWhat::Cpu(_));
    if is_cpu && options.seconds > MOST_CPU_SECONDS {
        let told = format!("--seconds: a CPU profile is taken over {MOST_CPU_SECONDS} seconds at most");
        return Err(Failure::Usage(vec![told]));
    }
    // What would lose the profile at its end is found before it is taken.
    for file in files {
        page::check_writable(&options.output.join(file))?;
    }
    let source = Source::of(options)?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let span = Duration::from_secs(u64::from(options.seconds));
    if is_cpu {
        let profile = runtime.block_on(until_interrupted(source.cpu(span)))?;
        write_cpu(&profile, &options.output)?;
    } else {
        let (before, after) = runtime.block_on(until_interrupted(source.heap(span)))?;
        write_heap(&before, &after, &options.output)?;
    }
    Ok(())
}

/// Where profiles come from.
enum Source {
    Own { scenario: Scenario, rate: f64 },
    Running { url: Url, token: TokenPlace },
}

impl Source {
    fn of(options: &ProfileServer) -> Result<Self, Failure> {
        let Some(url) = &options.url else {
            return Ok(Self::Own { scenario: options.scenario, rate: options.rate });
        };
        let told = "--url needs an admin's access token: name where it is by --token-env or --token-file";
        let token = TokenPlace::of(&options.token).ok_or_else(|| Failure::Usage(vec![told.to_owned()]))?;
        Ok(Self::Running { url: url.clone(), token })
    }

    async fn cpu(self, over: Duration) -> anyhow::Result<Profile> {
        match self {
            Self::Running { url, token } => fetch::cpu(&url, &token.token()?, over).await,
            Self::Own { scenario, rate } => Own::start(scenario, rate).await?.cpu(over).await,
        }
    }

    async fn heap(self, over: Duration) -> anyhow::Result<(Profile, Profile)> {
        match self {
            Self::Running { url, token } => {
                let before = fetch::heap(&url, &token.token()?).await?;
                tokio::time::sleep(over).await;
                // Who looks for long may have put a fresh token there meanwhile.
                Ok((before, fetch::heap(&url, &token.token()?).await?))
            }
            Self::Own { scenario, rate } => Own::start(scenario, rate).await?.heap(over).await,
        }
    }
}

fn write_cpu(profile: &Profile, output: &Path) -> anyhow::Result<()> {
    let title = format!("Portico: CPU time by function, {} s", profile.over_nanos / 1_000_000_000);
    let svg = flame::svg(&title, profile, OWN, shares::milliseconds);
    write(&output.join("cpu.pb.gz"), &profile.encode()?)?;
    write(&output.join("flamegraph.svg"), svg.as_bytes())?;
    say(|out| {
        write!(out, "{}", shares::cpu(profile))?;
        writeln!(out, "\nwritten: {}", listed(output, &["cpu.pb.gz", "flamegraph.svg"]))
    })?;
    Ok(())
}

fn write_heap(before: &Profile, after: &Profile, output: &Path) -> anyhow::Result<()> {
    let growth = after.since(before);
    let svg = flame::svg("Portico: memory that came to be in use, by function", &growth, OWN, shares::bytes);
    write(&output.join("heap-before.pb.gz"), &before.encode()?)?;
    write(&output.join("heap-after.pb.gz"), &after.encode()?)?;
    write(&output.join("heap-growth.svg"), svg.as_bytes())?;
    say(|out| {
        write!(out, "{}", shares::heap(before, after))?;
        let files = ["heap-before.pb.gz", "heap-after.pb.gz", "heap-growth.svg"];
        writeln!(out, "\nwritten: {}", listed(output, &files))
    })?;
    Ok(())
}

fn listed(output: &Path, files: &[&str]) -> String {
    let paths = files.iter().map(|file| output.join(file).display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

fn write(path: &PathBuf, bytes: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("writing {}", path.display()))
}
