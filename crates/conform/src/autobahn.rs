//! The Autobahn test suite (github.com/crossbario/autobahn-testsuite): its client against our WebSocket servers, and its server
//! against our client.

mod client;
mod report;
mod servers;

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_server::ServeError;
use pushbench_sys::process::{Child, NoLine};
use pushbench_transport::stack::Stack;

pub use report::{CaseResult, GROUPS, State, Tally};

/// Where a checkout keeps the suite.
const VENV: &str = "benches/conformance/venv";
/// What installs it.
const INSTALL: &str = "scripts/install-extras autobahn";
/// The suite says something for every case; the longest take a good minute on a slow machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The suite, as it is installed.
#[derive(Debug)]
pub struct Suite {
    python: PathBuf,
    program: PathBuf,
    /// Its version.
    pub version: String,
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Patterns of case numbers, such as `1.*`.
    pub cases: Vec<String>,
    /// Directory for the pages of the suite; created if need be.
    pub out: PathBuf,
    /// Stacks whose servers are tested.
    pub stacks: Vec<Stack>,
    /// Whether our client is tested.
    pub client: bool,
}

/// What came of one of ours.
#[derive(Debug)]
pub struct Tested {
    /// A stack, or `client`.
    pub agent: String,
    /// Its cases, in the order of their numbers.
    pub cases: Vec<CaseResult>,
    /// The suite's page of all its cases.
    pub page: PathBuf,
}

/// The suite cannot be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum AutobahnError {
    /// A file of it cannot be written or read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A server of ours does not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The suite does not start, or ends too early.
    #[error("the Autobahn suite {what}; it said: {said}")]
    Suite {
        /// What it did.
        what: String,
        /// The end of its standard error.
        said: String,
    },
    /// Its report is not as it should be.
    #[error("the report of the Autobahn suite in {}: {reason}", path.display())]
    Report {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A person stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl Suite {
    /// Finds the suite in a checkout, from its root.
    ///
    /// # Errors
    ///
    /// The suite as absent, with the command that installs it.
    pub fn find() -> Result<Self, AbsentSystem> {
        Self::find_in(Path::new(VENV))
    }

    fn find_in(venv: &Path) -> Result<Self, AbsentSystem> {
        let absent = |reason: String| AbsentSystem {
            name: "Autobahn test suite".into(),
            reason,
            install: INSTALL.into(),
        };
        let python = venv.join("bin/python");
        let program = venv.join("bin/wstest");
        if !program.is_file() {
            return Err(absent(format!("{} is not there", program.display())));
        }
        let mut command = Command::new(&python);
        command.args(["-c", "import autobahntestsuite as a; print(a.version)"]);
        let version = Child::start(&mut command)
            .ok()
            .and_then(|child| child.line(Duration::from_secs(60)).ok());
        match version {
            Some(version) => Ok(Self {
                python,
                program,
                version,
            }),
            None => Err(absent(format!("{} cannot load it", python.display()))),
        }
    }

    /// Runs what is planned; `progress` is told what is being run. The pages of earlier runs are overwritten.
    ///
    /// # Errors
    ///
    /// [`AutobahnError`]; a case that fails is none.
    pub fn run(
        &self,
        plan: &Plan,
        stop: &AtomicBool,
        progress: &mut dyn FnMut(&str),
    ) -> Result<Vec<Tested>, AutobahnError> {
        let mut all = Vec::new();
        if !plan.stacks.is_empty() {
            all = servers::run(self, plan, stop, progress)?;
        }
        if plan.client {
            all.push(client::run(self, plan, stop, progress)?);
        }
        Ok(all)
    }

    /// Starts it without anything of this program's own input.
    fn start(&self, arguments: &[&str]) -> Result<Child, AutobahnError> {
        let mut command = Command::new(&self.python);
        command.arg("-u").args(arguments);
        command.stdin(std::process::Stdio::null());
        Child::start(&mut command).map_err(|error| AutobahnError::Suite {
            what: format!("does not start: {error}"),
            said: String::new(),
        })
    }
}

impl Tested {
    /// How many cases of each group of the suite are in which state.
    #[must_use]
    pub fn tallies(&self) -> Vec<Tally> {
        report::tallies(&self.cases)
    }
}

/// The next line that the suite prints; `None` when it has ended.
fn line(child: &mut Child, stop: &AtomicBool) -> Result<Option<String>, AutobahnError> {
    const LOOK: Duration = Duration::from_millis(200);
    let mut waited = Duration::ZERO;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(AutobahnError::Interrupted);
        }
        match child.line(LOOK) {
            Ok(line) => return Ok(Some(line)),
            Err(NoLine::Closed) => return Ok(None),
            Err(NoLine::TimedOut) if waited >= PATIENCE => {
                return Err(AutobahnError::Suite {
                    what: format!("has said nothing for {} s", PATIENCE.as_secs()),
                    said: child.errors(),
                });
            }
            Err(NoLine::TimedOut) => waited += LOOK,
        }
    }
}

/// Writes the specification of a run and returns its path.
fn write_spec(
    directory: &Path,
    name: &str,
    spec: &serde_json::Value,
) -> Result<PathBuf, AutobahnError> {
    let path = directory.join(name);
    let written = std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, format!("{spec:#}\n")));
    match written {
        Ok(()) => Ok(path),
        Err(source) => Err(AutobahnError::File { path, source }),
    }
}

/// A path as an argument or in JSON; the suite is given no other.
fn text(path: &Path) -> Result<&str, AutobahnError> {
    path.to_str().ok_or_else(|| AutobahnError::File {
        path: path.to_owned(),
        source: io::Error::other("the suite takes only paths in UTF-8"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_absent() {
        let here = tempfile::tempdir().unwrap();
        let absent = Suite::find_in(here.path()).unwrap_err();
        assert!(
            absent.reason.contains("bin/wstest is not there"),
            "{absent:?}"
        );
        assert_eq!(absent.install, INSTALL);
        std::fs::create_dir(here.path().join("bin")).unwrap();
        std::fs::write(here.path().join("bin/wstest"), "").unwrap();
        let absent = Suite::find_in(here.path()).unwrap_err();
        assert!(
            absent.reason.ends_with("bin/python cannot load it"),
            "{absent:?}"
        );
    }
}
