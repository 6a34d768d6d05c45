//! What `clients.toml` says, and which of it this machine can start.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pushbench_model::survey::AbsentSystem;
use pushbench_sys::process::Child;
use pushbench_transport::transport::{Transport, by_name};
use serde::Deserialize;

use super::turn::{Load, Phase};
use crate::program;

/// A program that takes longer to say its version is as good as absent.
const PATIENCE: Duration = Duration::from_secs(20);
/// What stands for the address in a command.
const URL: &str = "{url}";

/// A list of clients.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// What each client is sent.
    pub load: Load,
    /// The clients, in the order of the file.
    pub clients: Vec<Client>,
    /// What is done about an error, and how often it is asked again.
    pub handlers: Vec<Handler>,
}

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

/// What a client was told to do about an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handler {
    /// How it reads in a program.
    pub code: String,
    /// What was meant by it.
    pub about: String,
    /// Which client.
    pub client: String,
    /// Program and arguments, as of the client.
    pub command: Vec<String>,
    /// Whether it was meant to be the end.
    #[serde(default)]
    pub stops: bool,
}

/// A list of clients cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file cannot be read.
    #[error(
        "cannot read {path}: {source}; it is part of a checkout, or name another with --clients FILE"
    )]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no list.
    #[error("{path}: {message}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    phase: Vec<Phase>,
    #[serde(default)]
    client: Vec<Client>,
    #[serde(default)]
    handler: Vec<Handler>,
}

impl List {
    /// Reads and parses a file.
    ///
    /// # Errors
    ///
    /// [`ListError`].
    pub fn read(file: &Path) -> Result<Self, ListError> {
        let text = fs::read_to_string(file).map_err(|source| ListError::Read {
            path: file.into(),
            source,
        })?;
        Self::parse(&text, file)
    }

    /// Parses the text of `file`; directories are relative to its own.
    ///
    /// # Errors
    ///
    /// [`ListError::Malformed`].
    pub fn parse(text: &str, file: &Path) -> Result<Self, ListError> {
        let malformed = |message: String| ListError::Malformed {
            path: file.into(),
            message,
        };
        let raw: Raw = toml::from_str(text).map_err(|error| malformed(error.to_string()))?;
        let valid =
            |phase: &Phase| phase.messages > 0 && phase.rate > 0.0 && phase.rate.is_finite();
        if raw.phase.is_empty() || !raw.phase.iter().all(valid) {
            return Err(malformed(
                "there is at least one phase, with messages and a rate above zero".into(),
            ));
        }
        let base = file.parent().unwrap_or_else(|| Path::new(""));
        let mut seen = BTreeSet::new();
        let mut clients = raw.client;
        for client in &mut clients {
            client.check().map_err(malformed)?;
            if !seen.insert((client.name.clone(), client.transport.clone())) {
                return Err(malformed(format!(
                    "client {} is listed twice",
                    client.label()
                )));
            }
            client.directory = base.join(&client.directory);
        }
        for handler in &raw.handler {
            check_command(&handler.code, &handler.command).map_err(malformed)?;
            if !clients.iter().any(|client| client.name == handler.client) {
                return Err(malformed(format!(
                    "handler {:?} is for the client {:?}, which is not in the list",
                    handler.code, handler.client
                )));
            }
        }
        Ok(Self {
            load: Load::of(raw.phase),
            clients,
            handlers: raw.handler,
        })
    }

    /// Those whose name or transport is in `only`, and ours over the same transports; all of them where it is empty.
    ///
    /// # Errors
    ///
    /// A sentence, when nothing has such a name.
    pub fn choose(mut self, only: &[String]) -> Result<Self, String> {
        if only.is_empty() {
            return Ok(self);
        }
        let is_named =
            |client: &Client| only.contains(&client.name) || only.contains(&client.transport);
        let mut known: Vec<&str> = self
            .clients
            .iter()
            .map(|client| client.name.as_str())
            .collect();
        known.dedup();
        known.extend(["sse", "websocket"]);
        if let Some(name) = only.iter().find(|name| !known.contains(&name.as_str())) {
            return Err(format!(
                "no client {name:?}; there are {}",
                known.join(", ")
            ));
        }
        let transports: BTreeSet<String> = self
            .clients
            .iter()
            .filter(|client| is_named(client))
            .map(|client| client.transport.clone())
            .collect();
        self.clients.retain(|client| {
            is_named(client) || (client.is_ours() && transports.contains(&client.transport))
        });
        let clients = &self.clients;
        self.handlers
            .retain(|handler| clients.iter().any(|client| client.name == handler.client));
        Ok(self)
    }
}

fn check_command(whose: &str, command: &[String]) -> Result<(), String> {
    if command.iter().any(|argument| argument.contains(URL)) {
        Ok(())
    } else {
        Err(format!("the command of {whose} has no {URL} in it"))
    }
}

impl Client {
    fn check(&self) -> Result<(), String> {
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
            _ => {
                let errors = child.errors();
                Err(errors
                    .lines()
                    .next_back()
                    .unwrap_or("it says nothing")
                    .to_owned())
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "[[client]]\nname = \"own\"\ntransport = \"sse\"\nabout = \"\"\n";

    const PHASE: &str = "[[phase]]\nmessages = 1\nrate = 1.0\n";

    fn parse(text: &str) -> Result<List, String> {
        let text = PHASE.to_owned() + text;
        List::parse(&text, Path::new("/here/clients.toml")).map_err(|error| error.to_string())
    }

    fn other(name: &str, more: &str) -> String {
        format!(
            "[[client]]\nname = \"{name}\"\ntransport = \"sse\"\nabout = \"\"\ndirectory = \"d\"\n\
             command = [\"sh\", \"{{url}}\"]\n{more}\n"
        )
    }

    #[test]
    fn the_list_of_the_checkout_is_one() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/clients/clients.toml");
        let list = List::read(&file).unwrap();
        assert!(
            list.clients
                .iter()
                .filter(|client| client.is_ours())
                .count()
                == 2
        );
        for client in list.clients.iter().filter(|client| !client.is_ours()) {
            let script = client.command.iter().find(|word| word.contains('.'));
            assert!(
                client.directory.join(script.unwrap()).is_file(),
                "{}",
                client.name
            );
            assert!(
                !client.install.is_empty() && !client.versions.is_empty(),
                "{}",
                client.name
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said() {
        for (text, reason) in [
            ("x", "expected"),
            ("[[client]]\nname = \"a\"\n", "missing field `transport`"),
            (&OURS.replace("sse", "tcp"), "it is sse or websocket"),
            (&OURS.repeat(2), "own over sse is listed twice"),
            (&other("a", "").replace("{url}", "x"), "has no {url}"),
            (
                "[[handler]]\ncode = \"c\"\nabout = \"\"\nclient = \"z\"\ncommand = [\"{url}\"]\n",
                "\"z\", which is not in the list",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.contains(reason) && error.contains("/here/"),
                "{error}"
            );
        }
    }

    #[test]
    fn those_named_are_chosen_with_ours() {
        let list = parse(&(OURS.to_owned() + &other("a", "") + &other("b", ""))).unwrap();
        let chosen = list.clone().choose(&["b".into()]).unwrap();
        let names: Vec<&str> = chosen.clients.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["own", "b"]);
        assert!(
            list.choose(&["c".into()])
                .unwrap_err()
                .contains("own, a, b")
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_remedy() {
        let look = |more: &str| parse(&other("a", more)).unwrap().clients[0].look();
        let absent = look("needs = [\"node_modules/x\"]\ninstall = \"get x\"").unwrap_err();
        assert_eq!(absent.reason, "node_modules/x is not installed");
        assert_eq!(absent.install, "get x");
        let client = |command: &str| {
            let text = other("a", command).replace("directory = \"d\"\n", "");
            let text = PHASE.to_owned() + &text;
            List::parse(&text, Path::new("/tmp/clients.toml"))
                .unwrap()
                .clients
                .remove(0)
        };
        let failing =
            client("versions = { x = [\"sh\", \"-c\", \"echo no such option >&2; exit 9\"] }");
        assert!(
            failing
                .look()
                .unwrap_err()
                .reason
                .contains("version of x cannot be found: no such option")
        );
        let present = client("versions = { x = [\"sh\", \"-c\", \"echo v1.2\"] }");
        assert_eq!(present.look().unwrap()["x"], "1.2");
    }
}
