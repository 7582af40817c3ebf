//! What a process and its descendants cost: CPU time, memory, descriptors, threads; read from `/proc`, so on Linux alone.
//!
//! Reading a tree walks `/proc` once, which costs about a millisecond: often enough for a chart, too seldom to be felt by what is measured.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// Watches one process and whatever it starts.
#[derive(Debug, Clone)]
pub struct Probe {
    pid: u32,
    /// When it began, in ticks since the machine did: another process that is given the same id later began later.
    began: u64,
}

/// What a tree of processes costs at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// When it was read.
    pub at: Instant,
    /// CPU time since the start, in user space and in the kernel, of those that ended too. In steps of 10 ms on most machines.
    pub cpu: Duration,
    /// Resident memory. What several processes share counts once for each.
    pub resident_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

impl Reading {
    /// The CPU time between `earlier` and this, as a part of the time that passed: 100 is one core all the time.
    #[must_use]
    pub fn cpu_percent_since(&self, earlier: &Self) -> f64 {
        let passed = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        if passed > 0.0 { 100.0 * self.cpu.saturating_sub(earlier.cpu).as_secs_f64() / passed } else { 0.0 }
    }
}

/// One point of a series, for charts and results.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the watching began.
    pub seconds: f64,
    /// CPU since the point before, 100 being one core.
    pub cpu_percent: f64,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// A series in the making. Dropping it ends it.
#[derive(Debug)]
pub struct Watching {
    stop: oneshot::Sender<()>,
    samples: JoinHandle<Vec<Sample>>,
}

impl Watching {
    /// Takes a last point, and gives the series. It is shorter where the process ended before.
    pub async fn stop(self) -> Vec<Sample> {
        // Whoever is told may have ended with the process.
        let _ = self.stop.send(());
        self.samples.await.unwrap_or_default()
    }
}

impl Probe {
    /// Finds the process.
    ///
    /// # Errors
    /// It doesn't run, or belongs to somebody else.
    pub fn of(pid: u32) -> Result<Self> {
        if !cfg!(target_os = "linux") {
            bail!("what a process costs can be read on Linux alone");
        }
        let stat = Stat::read(pid).with_context(|| format!("looking for process {pid}"))?;
        let stat = stat.ok_or_else(|| anyhow!("there is no process {pid}"))?;
        let probe = Self { pid, began: stat.began };
        probe.read()?;
        Ok(probe)
    }

    /// The process that was named.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Reads what the process and its descendants cost now.
    ///
    /// # Errors
    /// The process has ended.
    pub fn read(&self) -> Result<Reading> {
        let at = Instant::now();
        let stats = processes()?;
        if stats.get(&self.pid).is_none_or(|stat| stat.began != self.began) {
            bail!("process {} has ended", self.pid);
        }
        let mut cpu_ticks = 0;
        let mut reading = Reading { at, cpu: Duration::ZERO, resident_bytes: 0, descriptors: 0, threads: 0 };
        for pid in tree(self.pid, &stats) {
            let stat = &stats[&pid];
            cpu_ticks += stat.ticks;
            reading.threads += stat.threads;
            reading.resident_bytes += stat.resident_pages * rustix::param::page_size() as u64;
            match fs::read_dir(format!("/proc/{pid}/fd")) {
                Ok(entries) => reading.descriptors += entries.count() as u64,
                // It ended since it was listed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("reading the descriptors of process {pid}"));
                }
            }
        }
        let nanos_per_tick = 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1);
        reading.cpu = Duration::from_nanos(cpu_ticks.saturating_mul(nanos_per_tick));
        Ok(reading)
    }

    /// Reads `every` so often from now on, within a tokio runtime.
    #[must_use]
    pub fn watch(&self, every: Duration) -> Watching {
        let (stop, mut stopped) = oneshot::channel();
        let probe = self.clone();
        let samples = tokio::spawn(async move {
            let mut samples = Vec::new();
            let mut ticks = interval(every.max(Duration::from_millis(10)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            let Ok(first) = probe.read() else { return samples };
            let mut before = first;
            loop {
                let ends = tokio::select! {
                    _ = ticks.tick() => false,
                    _ = &mut stopped => true,
                };
                let Ok(reading) = probe.read() else { return samples };
                samples.push(Sample {
                    seconds: reading.at.duration_since(first.at).as_secs_f64(),
                    cpu_percent: reading.cpu_percent_since(&before),
                    resident_bytes: reading.resident_bytes,
                    descriptors: reading.descriptors,
                    threads: reading.threads,
                });
                if ends {
                    return samples;
                }
                before = reading;
            }
        });
        Watching { stop, samples }
    }
}

/// The line `/proc/<pid>/stat` of one process, as far as it is of use here.
#[derive(Debug, PartialEq)]
struct Stat {
    parent: u32,
    ticks: u64,
    threads: u64,
    began: u64,
    resident_pages: u64,
}

impl Stat {
    /// `None` where there is no such process.
    fn read(pid: u32) -> io::Result<Option<Self>> {
        match fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))) {
            Ok(line) => Ok(Self::parse(&line)),
            // A process that ends while its file is open is told as ESRCH.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The second field is the program's name in parentheses, which may hold blanks and parentheses of its own.
    fn parse(line: &str) -> Option<Self> {
        let (_, after_name) = line.rsplit_once(')')?;
        let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
        // proc_pid_stat(5) counts from 1; the state, its third, is the first here.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        // Processes that ended count with whoever waited for them (cutime, cstime).
        let ticks = number(14)? + number(15)? + number(16)? + number(17)?;
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            ticks,
            threads: number(20)?,
            began: number(22)?,
            resident_pages: number(24)?,
        })
    }
}

/// Every process that can be seen.
fn processes() -> Result<BTreeMap<u32, Stat>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").context("reading /proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Ok(Some(stat)) = Stat::read(pid) {
            found.insert(pid, stat);
        }
    }
    Ok(found)
}

/// The process and its descendants.
fn tree(root: u32, stats: &BTreeMap<u32, Stat>) -> BTreeSet<u32> {
    let mut tree = BTreeSet::from([root]);
    loop {
        let known = tree.len();
        tree.extend(
            stats
                .iter()
                .filter(|(_, stat)| tree.contains(&stat.parent))
                .map(|(pid, _)| *pid)
                .collect::<Vec<_>>(),
        );
        if tree.len() == known {
            return tree;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        process::{Child, Command, Stdio},
    };

    use super::*;

    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// A shell that says when it is ready and goes on until it is told to end.
    fn shell(script: &str) -> Killed {
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Killed(child)
    }

    #[test]
    fn a_name_with_blanks_and_parentheses_hides_no_field() {
        let line = "17 (a) b (c) S 4 17 17 0 -1 4194304 100 0 0 0 5 6 7 8 20 0 3 0 900 1000000 250 18446744073709551615 1 1 0";
        let expected = Stat { parent: 4, ticks: 26, threads: 3, began: 900, resident_pages: 250 };
        assert_eq!(Stat::parse(line), Some(expected));
        assert_eq!(Stat::parse("17 (a) S 4"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn descendants_count_and_others_do_not() {
        let stat = |parent| Stat { parent, ticks: 0, threads: 1, began: 0, resident_pages: 0 };
        let stats = BTreeMap::from([(1, stat(0)), (9, stat(1)), (3, stat(9)), (4, stat(3)), (5, stat(1))]);
        assert_eq!(tree(9, &stats), BTreeSet::from([9, 3, 4]));
    }

    #[test]
    fn a_process_is_seen_with_its_children_and_its_work() {
        let mut idle = shell("sleep 600 & echo ready; read end; kill $!");
        let idle_probe = Probe::of(idle.0.id()).unwrap();
        let rest = idle_probe.read().unwrap();
        assert_eq!(rest.threads, 2, "the shell and its child");
        assert!(rest.resident_bytes > 100_000, "{rest:?}");
        assert!(rest.descriptors >= 4, "{rest:?}");

        let busy = shell("echo ready; while :; do :; done");
        let busy_probe = Probe::of(busy.0.id()).unwrap();
        let began = busy_probe.read().unwrap();
        // However little a busy machine gives it, it comes to a few ticks in the end.
        let mut now = began;
        for _ in 0..3_000 {
            std::thread::sleep(Duration::from_millis(20));
            now = busy_probe.read().unwrap();
            if now.cpu >= began.cpu + Duration::from_millis(100) {
                break;
            }
        }
        assert!(now.cpu >= began.cpu + Duration::from_millis(100), "{now:?}");
        assert!(now.cpu_percent_since(&began) > 0.0);
        let still = idle_probe.read().unwrap();
        assert!(still.cpu < Duration::from_millis(100) + rest.cpu, "{still:?}");

        drop(idle.0.stdin.take());
        idle.0.wait().unwrap();
        let told = idle_probe.read().unwrap_err().to_string();
        assert!(told.contains("has ended"), "{told}");
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        // Above the highest id that Linux gives.
        let told = Probe::of(u32::MAX).unwrap_err().to_string();
        assert_eq!(told, format!("there is no process {}", u32::MAX));
    }

    #[tokio::test]
    async fn a_series_goes_on_until_it_is_stopped_or_the_process_ends() {
        let mut shell = shell("echo ready; read end");
        let probe = Probe::of(shell.0.id()).unwrap();
        let watching = probe.watch(Duration::from_millis(20));
        tokio::time::sleep(Duration::from_millis(200)).await;
        let samples = watching.stop().await;
        assert!(samples.len() >= 2, "{samples:?}");
        assert!(samples.is_sorted_by(|one, other| one.seconds <= other.seconds));
        assert!(samples.iter().all(|sample| sample.threads == 1 && sample.resident_bytes > 0));

        let watching = probe.watch(Duration::from_millis(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(shell.0.stdin.take());
        shell.0.wait().unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!watching.stop().await.is_empty());
    }
}
