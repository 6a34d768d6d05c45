//! What `servers.toml` says: one [`Server`] for each transport that a stack speaks.
//!
//! Parsing validates: a [`Server`] that exists has a command that can be filled in. Whether this machine can start it
//! is another question, answered by [`check`].

mod availability;
mod parse;
mod paths;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pushbench_model::measurement::Publisher;
use pushbench_model::profile::Profile;
use pushbench_model::record::{LeftOut, ServerLabel};
use pushbench_model::scenario::{Compression, SPOKEN_ON, Scenario, Setting, Workload};

use crate::cores;
use crate::error::HarnessError;

pub(crate) use availability::first_line;
pub use availability::{CheckedServers, check};
pub use parse::ServersError;
pub(crate) use parse::{Source, is_plain};
pub use paths::Paths;

/// The argument of a command in whose place options stand that say how the server is to be set, if a scenario says it.
const SETTING: &str = "{setting}";

/// The same of a server that can be told how to compress, and nothing else.
const COMPRESSION: &str = "{compression}";

/// A server that can take part: one transport spoken by one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Which.
    pub label: ServerLabel,
    /// Program and arguments; `{pushbench}`, `{transport}`, `{tuning}`, `{cores}`, `{connections}` and `{setting}` or
    /// `{compression}` are still to be filled in.
    pub command: Vec<String>,
    /// Where it is started; the current directory if absent.
    pub directory: Option<PathBuf>,
    /// Where its endpoints are, if not where the contract has them.
    pub paths: Paths,
    /// Who publishes: the server by a schedule, or the load process through it.
    pub publisher: Publisher,
    /// Whether a subscriber can ask for what was published before it came, by sequence number. A server that cannot is
    /// left out of scenarios in which connections look for a message that is kept for them, or for those that they missed.
    pub resumes: bool,
    /// Whether it answers questions token by token, at a pace that it is told (docs/PROTOCOL.md, `/chat`). One that does
    /// not is left out of scenarios of that workload.
    pub answers: bool,
    /// Whether it publishes what subscribers say on their subscription (docs/PROTOCOL.md, `say`). One of a transport that can
    /// carry that and does not is left out of scenarios in which subscribers speak.
    pub says: bool,
    /// Whether it secures connections, if it is told to (`--tls`). One that does not is left out of scenarios with TLS.
    pub tls: bool,
    /// How it can compress what it sends, if it is told to (`--compression`). One that cannot is left out of scenarios that want it.
    pub compresses: Vec<Compression>,
    /// Whether many subscribers can share a connection of HTTP/2, if it is told so (`--http2`). One on which they cannot is left out of
    /// scenarios that want it.
    pub multiplexes: bool,
    /// Whether it comes in this tuning only, although libraries can be set: a framework as it is.
    pub one_tuning: bool,
    /// The smallest profile of which it is part when no servers are named.
    pub profile: Profile,
    /// Connections that it can hold; scenarios with more are measured without it. As many as asked for, if absent.
    pub max_connections: Option<u32>,
    /// Names of the scenarios that it is for, where it is not for all.
    pub scenarios: Vec<String>,
    /// What it is, in a sentence.
    pub about: String,
    /// Runtime it needs, looked for on the PATH.
    pub program: Option<String>,
    /// Smallest major version of that runtime.
    pub minimum: Option<u32>,
    /// Files and directories that must exist, the one it is started in among them.
    pub needs: Vec<Need>,
    /// Command that installs what it needs.
    pub install: String,
}

/// A file or directory that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// Where it is looked for.
    pub path: PathBuf,
    /// How it is named, seen from the list of servers: nothing in a record tells where that lies.
    pub named: PathBuf,
}

/// `needs` of a list in the directory `home`; they are relative to `directory`, which is relative to `home` and the
/// first of them.
pub(crate) fn needs(home: &Path, directory: Option<&Path>, needs: &[PathBuf]) -> Vec<Need> {
    let base = directory.unwrap_or(Path::new(""));
    let all = directory.map(Path::to_owned).into_iter();
    all.chain(needs.iter().map(|path| base.join(path)))
        .map(|named| Need {
            path: home.join(&named),
            named,
        })
        .collect()
}

impl Server {
    /// Parses the text of a list of servers; `file` is how errors name it. Directories are relative to the file's,
    /// and what a server needs is relative to its own directory, if it has one.
    ///
    /// # Errors
    ///
    /// When the text is not TOML, a key is unknown or missing, or a value is not allowed.
    pub fn parse(text: &str, file: &Path) -> Result<Vec<Self>, ServersError> {
        parse::parse(text, file)
    }

    /// Reads and parses the file.
    ///
    /// # Errors
    ///
    /// As [`Server::parse`], and when the file cannot be read.
    pub fn read(file: &Path) -> Result<Vec<Self>, HarnessError> {
        let text = fs::read_to_string(file).map_err(|source| HarnessError::Read {
            path: file.into(),
            source,
        })?;
        Ok(Self::parse(&text, file)?)
    }

    /// Whether `profile` has it not, and why.
    #[must_use]
    pub fn left_out_of(&self, profile: Profile) -> Option<LeftOut> {
        (self.profile > profile).then(|| LeftOut {
            server: self.label.clone(),
            scenario: None,
            reason: format!(
                "it is part of profiles from {} on; --server {} measures it in any",
                self.profile,
                self.label.name()
            ),
        })
    }

    /// Connections that it has at a time in `scenario`, at most: who cannot speak on a subscription may post beside it.
    #[must_use]
    pub fn connections(&self, scenario: &Scenario) -> u32 {
        if self.label.transport == SPOKEN_ON && scenario.is_two_way() {
            scenario.workload.subscribers()
        } else {
            scenario.connections()
        }
    }

    /// Whether it cannot take part in `scenario`, and why.
    #[must_use]
    pub fn left_out_by(&self, scenario: &Scenario) -> Option<LeftOut> {
        let wanted = self.connections(scenario);
        let too_many = self.max_connections.filter(|&most| wanted > most).map(|most| {
            format!("{wanted} connections are more than the {most} that servers.toml gives it (max-connections)")
        });
        let not_for = || {
            let is_for_it = self.scenarios.is_empty() || self.scenarios.contains(&scenario.name);
            (!is_for_it).then(|| {
                format!(
                    "it is for {} only (servers.toml: scenarios)",
                    self.scenarios.join(", ")
                )
            })
        };
        let reason = too_many.or_else(not_for).or_else(|| {
            let asks = matches!(scenario.workload, Workload::Tokens(_));
            if !scenario.server.is_none() && !self.can_be_set(scenario.server) {
                return Some(format!(
                    "it cannot be told what the scenario wants of a server: {} (servers.toml: {SETTING} in command)",
                    scenario.server.words()
                ));
            }
            if scenario.server.tls.is_some() && !self.tls {
                return Some("it has no TLS (servers.toml: tls)".to_owned());
            }
            if let Some(wanted) = scenario.server.compression
                && !self.compresses.contains(&wanted)
            {
                return Some(format!(
                    "{}, which it cannot have (servers.toml: compresses)",
                    wanted.words()
                ));
            }
            if scenario.server.streams > 0 && !self.multiplexes {
                return Some(
                    "subscribers cannot share a connection of it (servers.toml: multiplexes)"
                        .to_owned(),
                );
            }
            if asks && !self.answers {
                return Some(
                    "no answers at a pace that they are told (servers.toml: answers)".to_owned(),
                );
            }
            if scenario.is_two_way() && self.label.transport == SPOKEN_ON && !self.says {
                return Some(
                    "what its subscribers say is not published (servers.toml: says)".to_owned(),
                );
            }
            let sought = match &scenario.workload {
                Workload::Connect(_) => "a message that was published before",
                Workload::FanOut(fan_out) => {
                    fan_out.cuts.filter(|cuts| cuts.resume)?;
                    "what they missed"
                }
                Workload::Tokens(_) => return None,
            };
            (!self.resumes).then(|| {
                format!(
                    "new connections look for {sought}, which it cannot be asked for by number (servers.toml: resumes = false)"
                )
            })
        })?;
        Some(LeftOut {
            server: self.label.clone(),
            scenario: Some(scenario.name.clone()),
            reason,
        })
    }

    /// Whether what is started is this program.
    pub(crate) fn is_this_program(&self) -> bool {
        let program = self.command.first();
        program.is_some_and(|program| program == "{pushbench}")
    }

    /// Whether a scenario can tell it to be set so.
    fn can_be_set(&self, setting: Setting) -> bool {
        let takes = |what: &str| self.command.iter().any(|argument| argument == what);
        let only_compression = Setting {
            compression: setting.compression,
            ..Setting::default()
        };
        takes(SETTING) || (takes(COMPRESSION) && setting == only_compression)
    }

    /// Program and arguments that start it, set as `setting` wants it, to hold `connections` at a time. `pushbench` is an
    /// absolute path, because the server may have a directory of its own.
    #[must_use]
    pub fn arguments(
        &self,
        pushbench: &Path,
        server_cores: &[usize],
        connections: u32,
        setting: Setting,
    ) -> Vec<OsString> {
        let fill = |argument: &String| -> OsString {
            if argument == "{pushbench}" {
                return pushbench.into();
            }
            argument
                .replace("{pushbench}", &pushbench.to_string_lossy())
                .replace("{transport}", &self.label.transport)
                .replace("{tuning}", self.label.tuning.label())
                .replace("{cores}", &cores::list(server_cores))
                .replace("{connections}", &connections.to_string())
                .into()
        };
        let told = || setting.arguments().into_iter().map(OsString::from);
        let filled = self.command.iter().flat_map(|argument| {
            let is_setting = argument == SETTING || argument == COMPRESSION;
            let other = (!is_setting).then(|| fill(argument));
            other.into_iter().chain(told().filter(move |_| is_setting))
        });
        filled.collect()
    }
}
