//! What the system knows of this process.

use std::fs;

/// The customary figures, as far as the system tells them; elsewhere than on Linux it doesn't.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Process {
    pub(crate) cpu_seconds: f64,
    pub(crate) start_time_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) threads: u64,
    pub(crate) open_fds: u64,
    pub(crate) max_fds: Option<u64>,
}

impl Process {
    /// Reads them now.
    pub(crate) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok())?;
        // Counted with the one that reads them.
        let open = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
        let ticks = rustix::param::clock_ticks_per_second();
        let mut read = Self::parse(&stat, boot, ticks, rustix::param::page_size() as u64)?;
        read.open_fds = open as u64;
        read.max_fds = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Some(read)
    }

    /// The fields of `proc_pid_stat(5)`, counted behind the name, which may hold anything.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn parse(stat: &str, boot: f64, ticks: u64, page: u64) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // The first behind the name is the third of all.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |count: u64| count as f64 / ticks as f64;
        Some(Self {
            cpu_seconds: seconds(field(14)? + field(15)?),
            start_time_seconds: boot + seconds(field(22)?),
            resident_bytes: field(24)? * page,
            virtual_bytes: field(23)?,
            threads: field(20)?,
            open_fds: 0,
            max_fds: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 9 0 1000 4096000 300 18446744073709551615 1";
        let read = Process::parse(stat, 1_000.0, 100, 4_096).unwrap();
        assert_eq!((read.cpu_seconds, read.start_time_seconds), (3.0, 1_010.0));
        assert_eq!((read.threads, read.virtual_bytes, read.resident_bytes), (9, 4_096_000, 300 * 4_096));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_read() {
        let read = Process::read().unwrap();
        assert!(read.resident_bytes > 100_000 && read.threads >= 1 && read.open_fds > 0, "{read:?}");
        assert!(read.start_time_seconds > 1e9);
    }
}
