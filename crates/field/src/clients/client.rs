//! A client of the list: whether this machine can start it, and starting it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::Child;
use pushbench_transport::transport::{Transport, by_name};
use serde::Deserialize;

use crate::program;

/// A program that takes longer to say its version is as good as absent.
const PATIENCE: Duration = Duration::from_secs(20);
/// What stands for the address in a command.
const URL: &str = "{url}";

/// A client of others, or one of our own subscribers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Name in tables.
    pub name: String,
    /// `sse` or `websocket`.
    pub transport: String,
    /// What it is, in a sentence.
    pub about: String,
    /// Program and arguments, with `{url}` where the address goes; none is Pushbench's own subscriber.
    #[serde(default)]
    pub command: Vec<String>,
    /// Where it is started; in the file relative to it.
    #[serde(default)]
    pub directory: PathBuf,
    /// Files that must exist, relative to the directory.
    #[serde(default)]
    pub needs: Vec<PathBuf>,
    /// Command that installs it.
    #[serde(default)]
    pub install: String,
    /// Commands that print versions, by what they are the version of.
    #[serde(default)]
    pub versions: BTreeMap<String, Vec<String>>,
    /// Why it loses messages, where that is its own fault: the loss is then a finding and no failure.
    pub loses: Option<String>,
    /// Whether what it does at the end of a stream is of interest.
    #[serde(default)]
    pub endings: bool,
}

impl Client {
    /// Whether what the list says of it makes sense.
    pub(super) fn check(&self) -> Result<(), String> {
        if !["sse", "websocket"].contains(&self.transport.as_str()) {
            return Err(format!(
                "client {} has the transport {:?}; it is sse or websocket",
                self.name, self.transport
            ));
        }
        if self.is_ours() {
            return Ok(());
        }
        check_command(&self.name, &self.command)
    }

    /// Whether it is Pushbench's own subscriber.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.command.is_empty()
    }

    /// Name and transport.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} over {}", self.name, self.transport)
    }

    /// The transport that it speaks.
    ///
    /// # Errors
    ///
    /// A sentence, when there is none of that name.
    pub fn transport(&self) -> Result<&'static dyn Transport, String> {
        by_name(&self.transport).map_err(|error| error.to_string())
    }

    /// Whether this machine can start it, and in which versions.
    ///
    /// # Errors
    ///
    /// What is missing, with the command that installs it.
    pub fn look(&self) -> Result<BTreeMap<String, String>, AbsentSystem> {
        let absent = |reason: String| AbsentSystem {
            name: self.label(),
            reason,
            install: self.install.clone(),
        };
        if let Some(missing) = self
            .needs
            .iter()
            .find(|path| !self.directory.join(path).exists())
        {
            return Err(absent(format!("{} is not installed", missing.display())));
        }
        if let Some(program) = self.command.first()
            && program::find(&self.place(program)).is_none()
        {
            return Err(absent(format!("{program} is not on the PATH")));
        }
        let mut versions = BTreeMap::new();
        for (name, words) in &self.versions {
            // What cannot say its version cannot be started, either.
            let version = self.version(words).map_err(|error| {
                absent(format!("the version of {name} cannot be found: {error}"))
            })?;
            versions.insert(name.clone(), version);
        }
        Ok(versions)
    }

    fn version(&self, words: &[String]) -> Result<String, String> {
        let mut child = self.start(words, "").map_err(|error| error.to_string())?;
        let line = child.line(PATIENCE);
        let status = child.wait(PATIENCE).map_err(|error| error.to_string())?;
        match line {
            Ok(line) if status.success() => Ok(line.trim().trim_start_matches('v').to_owned()),
            _ => Err(said(&child.errors())),
        }
    }

    /// A program with a slash is one of the client's directory.
    fn place(&self, program: &str) -> String {
        if program.contains('/') {
            self.directory.join(program).to_string_lossy().into_owned()
        } else {
            program.to_owned()
        }
    }

    /// Starts `command` with `url` filled in, in the client's directory, with a pipe to its standard input.
    pub(crate) fn start(&self, command: &[String], url: &str) -> std::io::Result<Child> {
        let program = command.first().map_or("", String::as_str);
        let mut process = Command::new(self.place(program));
        process
            .args(
                command
                    .iter()
                    .skip(1)
                    .map(|argument| argument.replace(URL, url)),
            )
            .current_dir(&self.directory)
            .stdin(Stdio::piped());
        Child::start(&mut process)
    }
}

/// Whether `command`, of `whose`, has a place for the address.
pub(super) fn check_command(whose: &str, command: &[String]) -> Result<(), String> {
    if command.iter().any(|argument| argument.contains(URL)) {
        Ok(())
    } else {
        Err(format!("the command of {whose} has no {URL} in it"))
    }
}

/// What is wrong, of what a program wrote to standard error: the line that names an error, or the last.
pub(super) fn said(errors: &str) -> String {
    let named = errors.lines().find(|line| line.contains("Error"));
    let line = named.or_else(|| errors.lines().next_back());
    line.unwrap_or("it says nothing").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::testing::shell;
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let client = Client {
            needs: vec!["node_modules/x".into()],
            install: "get x".into(),
            ..shell("")
        };
        let absent = client.look().unwrap_err();
        assert_eq!(absent.name, "shell over sse");
        assert_eq!(absent.reason, "node_modules/x is not installed");
        assert_eq!(absent.install, "get x");
        let with_version = |script: &str| Client {
            versions: [("x".into(), ["sh", "-c", script].map(String::from).into())].into(),
            ..shell("")
        };
        let absent = with_version("echo no such option >&2; exit 9")
            .look()
            .unwrap_err();
        assert_eq!(
            absent.reason,
            "the version of x cannot be found: no such option"
        );
        assert_eq!(with_version("echo v1.2").look().unwrap()["x"], "1.2");
        let nowhere = Client {
            command: vec!["no-such-program-1".into()],
            ..shell("")
        };
        assert!(
            nowhere
                .look()
                .unwrap_err()
                .reason
                .contains("no-such-program-1 is not on the PATH")
        );
    }

    #[test]
    fn of_what_a_program_says_the_error_is_told() {
        assert_eq!(said(""), "it says nothing");
        assert_eq!(said("Traceback\n  x\nKeyError: 1\n"), "KeyError: 1");
        let node = "file:1\n  throw\nTypeError: no\n    at x\n\nNode.js v20.0.0";
        assert_eq!(said(node), "TypeError: no");
    }
}
