//! Whether a program is there, and in which version.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::Child;

/// A program that takes longer to say its version is as good as absent.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks for `program` on the PATH; a name with a slash is a path.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(Path::new(program).to_owned()).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// What is missing where `program` is not on the PATH.
///
/// # Errors
///
/// The system `name` as absent, with the command that installs it.
pub fn need(name: &str, program: &str, install: &str) -> Result<PathBuf, AbsentSystem> {
    find(program).ok_or_else(|| AbsentSystem {
        name: name.into(),
        reason: format!("{program} is not on the PATH"),
        install: install.into(),
    })
}

/// The first line that `program` prints when it is asked with `argument`, from standard output or error.
#[must_use]
pub fn version(program: &Path, argument: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null());
    let mut child = Child::start(&mut command).ok()?;
    let line = child.line(PATIENCE).ok().filter(|line| !line.is_empty());
    let _ = child.wait(PATIENCE);
    line.or_else(|| child.errors().lines().next().map(str::to_owned))
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_there_and_what_is_not() {
        assert!(find("sh").unwrap().is_absolute());
        let absent = need("Nothing", "no-such-program-1", "apt-get install nothing");
        assert!(absent.unwrap_err().reason.contains("no-such-program-1"));
        let version = version(&find("uname").unwrap(), "-s");
        assert_eq!(version.as_deref(), Some("Linux"));
    }
}
