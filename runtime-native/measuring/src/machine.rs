//! What a figure was measured on.

use std::{path::Path, process::Command};

use serde::{Deserialize, Serialize};

/// The machine and what ran on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that this process may use.
    pub cores: usize,
    /// What the processor calls itself.
    pub model: String,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// The kernel's name and release.
    pub kernel: String,
    /// What was built from, where this program lies in the `target` folder of a checkout.
    pub commit: Option<String>,
    /// Whether the checkout held changes that no commit has.
    pub dirty: bool,
    /// The version of this program.
    pub version: String,
    /// Versions of other programs that took part, by name.
    pub programs: std::collections::BTreeMap<String, String>,
}

impl Machine {
    /// Looks around. What can't be found out stands as empty: no figure is worth less for it.
    #[must_use]
    pub fn read() -> Self {
        let uname = rustix::system::uname();
        let program = std::env::current_exe().unwrap_or_default();
        let git = |arguments: &[&str]| {
            let folder = checkout(&program)?;
            first_line("git", &[&["-C", folder.to_str()?], arguments].concat())
        };
        let commit = git(&["rev-parse", "--short=12", "HEAD"]);
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            model: model(&read("/proc/cpuinfo")),
            memory_bytes: memory(&read("/proc/meminfo")),
            kernel: format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy()),
            dirty: commit.is_some() && changed.is_some(),
            commit,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            programs: std::collections::BTreeMap::new(),
        }
    }

    /// The same with the version of a program that took part, by what it prints for `arguments`.
    #[must_use]
    pub fn with_program(mut self, name: &str, program: &Path, arguments: &[&str]) -> Self {
        if let Some(version) = first_line(program.to_string_lossy().as_ref(), arguments) {
            self.programs.insert(name.to_owned(), version);
        }
        self
    }

    /// One line for a report.
    #[must_use]
    pub fn line(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "shown rounded")]
        let gib = self.memory_bytes as f64 / f64::from(1 << 30);
        let model = if self.model.is_empty() { "unknown processor" } else { &self.model };
        let cores = if self.cores == 1 { "core" } else { "cores" };
        let mut line = format!("{model}, {} {cores}, {gib:.1} GiB, {}", self.cores, self.kernel);
        for (name, version) in &self.programs {
            line.push_str(&[", ", name, " ", version].concat());
        }
        line
    }

    /// The version and, where known, the commit.
    #[must_use]
    pub fn build(&self) -> String {
        match (&self.commit, self.dirty) {
            (Some(commit), true) => format!("{} ({commit} with changes)", self.version),
            (Some(commit), false) => format!("{} ({commit})", self.version),
            (None, _) => self.version.clone(),
        }
    }
}

/// Now, as RFC 3339 in whole seconds.
#[must_use]
pub fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// The checkout of Portico that a program was built in. Any other's commit, such as that of the working directory, says nothing of the program.
fn checkout(program: &Path) -> Option<&Path> {
    let is_one = |folder: &&Path| {
        folder.join("runtime-native/Cargo.toml").exists()
            && folder.join(".git").exists()
            && program.starts_with(folder.join("target"))
    };
    program.ancestors().find(is_one)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let done = Command::new(program).args(arguments).stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&done.stdout).lines().next()?.trim().to_owned();
    (done.status.success() && !text.is_empty()).then_some(text)
}

fn model(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name") || line.starts_with("Model"));
    line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned()).unwrap_or_default()
}

fn memory(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(
            model("processor\t: 0\nmodel name\t: Made Up 9000\nmodel name\t: Made Up 9000\n"),
            "Made Up 9000"
        );
        assert_eq!(memory("MemTotal:       2048 kB\nMemFree: 1 kB\n"), 2 << 20);
        assert_eq!((model(""), memory("")), (String::new(), 0));
    }

    #[test]
    fn only_a_program_that_was_built_in_a_checkout_has_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let program = root.join("target/release/portico");
        assert_eq!(checkout(&program), None);
        std::fs::create_dir_all(root.join("runtime-native")).unwrap();
        std::fs::write(root.join("runtime-native/Cargo.toml"), "").unwrap();
        assert_eq!(checkout(&program), None, "it is no repository of its own");
        std::fs::create_dir(root.join(".git")).unwrap();
        assert_eq!(checkout(&program), Some(root));
        assert_eq!(checkout(&root.join("portico")), None);
        assert_eq!(checkout(Path::new("/usr/bin/portico")), None);
    }

    #[test]
    fn this_machine_is_told_in_a_line() {
        let machine = Machine::read();
        assert!(machine.cores >= 1 && machine.memory_bytes > 0);
        assert!(machine.line().contains("GiB") && machine.build().starts_with(&machine.version));
        assert!(now().ends_with('Z'), "{}", now());
    }
}
