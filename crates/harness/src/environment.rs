//! The machine and the build, as far as a reader must know them to judge the figures (method rule 34).

mod machine;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pushbench_model::environment::Environment;
use pushbench_sys::affinity;
use pushbench_sys::counters::Counters;

pub use crate::time::now;
pub use machine::short_name;

/// What only the program knows that is being run; it is baked in when that is built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Build {
    /// Version of the program.
    pub version: String,
    /// Commit it was built from, `-dirty` appended when the tree had changes; absent outside a checkout.
    pub commit: Option<String>,
    /// Compiler that built it.
    pub rustc: String,
    /// `release` or `debug`.
    pub profile: String,
}

/// Looks at this machine. `runtimes` are the versions that [`servers::check`](crate::servers::check) found.
#[must_use]
pub fn capture(build: &Build, runtimes: BTreeMap<String, String>) -> Environment {
    capture_in(&Root(PathBuf::from("/")), build, runtimes)
}

/// Why instructions cannot be counted here; `None` when they can.
#[must_use]
pub fn no_counters() -> Option<String> {
    Counters::attach(std::process::id())
        .err()
        .map(|unavailable| unavailable.to_string())
}

fn capture_in(root: &Root, build: &Build, runtimes: BTreeMap<String, String>) -> Environment {
    let cores = affinity::online_cores();
    let cpu_model = machine::cpu_model(root);
    let hypervisor = machine::hypervisor(root);
    Environment {
        machine: machine::describe(&cpu_model, cores.len(), hypervisor.as_deref()),
        memory_bytes: machine::memory_bytes(root),
        kernel: machine::kernel(),
        clock_source: root
            .line("sys/devices/system/clocksource/clocksource0/current_clocksource")
            .unwrap_or_default(),
        pushbench_version: build.version.clone(),
        commit: build.commit.clone(),
        rustc: build.rustc.clone(),
        build: build.profile.clone(),
        no_counters: no_counters(),
        settings: settings::capture(root),
        link_by: None,
        cpu_model,
        cores,
        hypervisor,
        runtimes,
    }
}

/// Where the files of the kernel are; another place in tests.
struct Root(PathBuf);

impl Root {
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        std::fs::read_to_string(self.0.join(path)).ok()
    }

    /// The file's text without the white space around it, if there is any.
    fn line(&self, path: impl AsRef<Path>) -> Option<String> {
        let text = self.text(path)?;
        // A few files of the kernel end in a zero byte.
        let line = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!line.is_empty()).then(|| line.to_owned())
    }

    fn exists(&self, path: impl AsRef<Path>) -> bool {
        self.0.join(path).exists()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with these files, as the root of a machine.
    pub(super) fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Root(directory.path().to_owned());
        (directory, root)
    }

    #[test]
    fn this_machine_is_described() {
        let build = Build {
            version: "0.1.0".into(),
            commit: Some("abc-dirty".into()),
            rustc: "rustc 1".into(),
            profile: "debug".into(),
        };
        let environment = capture(&build, BTreeMap::from([("node".into(), "20".into())]));
        assert!(
            environment.kernel.starts_with("Linux"),
            "{}",
            environment.kernel
        );
        assert!(environment.memory_bytes > 0 && !environment.cores.is_empty());
        assert!(!environment.machine.is_empty());
        assert_eq!(environment.commit.as_deref(), Some("abc-dirty"));
        assert_eq!(environment.runtimes["node"], "20");
        assert!(environment.settings.contains_key("open files"));
    }

    /// In a sandbox that hides everything there is still an environment, with gaps.
    #[test]
    fn unknown_facts_are_left_out() {
        let (_directory, root) = machine(&[]);
        let environment = capture_in(&root, &Build::default(), BTreeMap::new());
        assert_eq!(environment.hypervisor, None);
        assert_eq!(environment.clock_source, "");
        assert!(!environment.settings.contains_key("net.core.somaxconn"));
    }
}
