//! What `clients.toml` says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::client::{Client, check_command};
use super::turn::{Load, Phase};

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
        let raw: Raw =
            toml::from_str(text).map_err(|error| malformed(in_one_line(&error, text)))?;
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

fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(1, |before| before.matches('\n').count() + 1);
    let message: Vec<&str> = error.message().lines().collect();
    format!("line {line}: {}", message.join(" "))
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
}
