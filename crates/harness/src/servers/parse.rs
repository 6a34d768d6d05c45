//! From TOML to servers that are known to be valid.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pushbench_model::measurement::Publisher;
use pushbench_model::profile::Profile;
use pushbench_model::record::ServerLabel;
use pushbench_model::scenario::{Compression, SPOKEN_ON};
use pushbench_model::tuning::Tuning;
use serde::Deserialize;
use toml::Spanned;

use super::{COMPRESSION, SETTING, Server, needs, paths};

/// A list of servers that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ServersError {
    /// The file, as it was named.
    pub file: String,
    /// Line of the mistake, from 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServers {
    #[serde(default)]
    server: Vec<RawServer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawServer {
    stack: Spanned<String>,
    transports: Spanned<Vec<Spanned<String>>>,
    tunings: Option<Spanned<Vec<Tuning>>>,
    command: Spanned<Vec<Spanned<String>>>,
    directory: Option<PathBuf>,
    publishes: Publishes,
    #[serde(default)]
    paths: paths::RawPaths,
    #[serde(default = "by_sequence")]
    resumes: bool,
    #[serde(default)]
    answers: Vec<Spanned<String>>,
    #[serde(default)]
    says: Vec<Spanned<String>>,
    #[serde(default)]
    tls: bool,
    #[serde(default)]
    compresses: RawCompresses,
    #[serde(default)]
    multiplexes: Vec<Spanned<String>>,
    #[serde(default = "in_every_profile")]
    profile: Profile,
    max_connections: Option<Spanned<u32>>,
    #[serde(default)]
    scenarios: Vec<String>,
    about: String,
    program: Option<String>,
    minimum: Option<Spanned<u32>>,
    #[serde(default)]
    needs: Vec<PathBuf>,
    #[serde(default)]
    install: String,
}

/// Transports on which it compresses, by how.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct RawCompresses {
    message: Vec<Spanned<String>>,
    stream: Vec<Spanned<String>>,
}

impl RawCompresses {
    fn lists(&self) -> [(Compression, &[Spanned<String>]); 2] {
        [
            (Compression::Message, &self.message),
            (Compression::Stream, &self.stream),
        ]
    }

    /// How it compresses on `label`'s transport. As a newcomer gets them, libraries compress nothing.
    fn of(&self, label: &ServerLabel) -> Vec<Compression> {
        if label.tuning == Tuning::Defaults {
            return Vec::new();
        }
        let lists = self.lists().into_iter();
        let can =
            lists.filter(|(_, list)| list.iter().any(|name| *name.get_ref() == label.transport));
        can.map(|(compression, _)| compression).collect()
    }
}

fn by_sequence() -> bool {
    true
}

fn in_every_profile() -> Profile {
    Profile::Quick
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Publishes {
    /// By a schedule it is given.
    Schedule,
    /// What is posted to it.
    Relay,
}

pub(super) fn parse(text: &str, file: &Path) -> Result<Vec<Server>, ServersError> {
    let source = Source { text, file };
    let raw: RawServers = toml::from_str(text)
        .map_err(|error| source.error(error.span().unwrap_or(0..0), error.message()))?;
    let mut servers = Vec::new();
    let mut seen = BTreeSet::new();
    for server in raw.server {
        server.validate(&source)?;
        for transport in server.transports.get_ref() {
            for &tuning in server.tunings() {
                let label = ServerLabel {
                    transport: transport.get_ref().clone(),
                    stack: server.stack.get_ref().clone(),
                    tuning,
                };
                // Two servers of one name and different tunings must be one block: they are one server.
                if !seen.insert(label.to_string()) {
                    let message = format!("{label} is listed twice: every server has its own name");
                    return Err(source.error(transport.span(), &message));
                }
                servers.push(server.with(label, file));
            }
        }
    }
    let labels: Vec<ServerLabel> = servers.iter().map(|server| server.label.clone()).collect();
    for server in &mut servers {
        let same = |label: &&ServerLabel| label.name() == server.label.name();
        server.one_tuning =
            server.label.tuning != Tuning::Fixed && labels.iter().filter(same).count() == 1;
    }
    Ok(servers)
}

impl RawServer {
    /// One that says nothing has no settings to choose from.
    fn tunings(&self) -> &[Tuning] {
        match &self.tunings {
            Some(tunings) => tunings.get_ref(),
            None => &[Tuning::Fixed],
        }
    }

    fn validate(&self, source: &Source<'_>) -> Result<(), ServersError> {
        // Labels are part of file names and command lines.
        for name in self.transports.get_ref().iter().chain([&self.stack]) {
            if !is_plain(name.get_ref()) {
                let message = format!(
                    "{:?} is not allowed here: a name of lower-case letters, digits and dashes",
                    name.get_ref()
                );
                return Err(source.error(name.span(), &message));
            }
        }
        for (list, wanted) in [
            (&self.transports, "at least one transport"),
            (&self.command, "a program and its arguments"),
        ] {
            if list.get_ref().is_empty() {
                return Err(source.error(list.span(), &format!("[] is not allowed here: {wanted}")));
            }
        }
        for argument in self.command.get_ref() {
            if let Some(unknown) = unknown_placeholder(argument.get_ref()) {
                let message = format!(
                    "{unknown} is no placeholder: there are {{pushbench}}, {{transport}}, {{tuning}}, {{cores}}, \
                     {{connections}} and, as arguments of their own, {{setting}} and {{compression}}"
                );
                return Err(source.error(argument.span(), &message));
            }
        }
        let spoken = self.transports.get_ref();
        let is_spoken = |name: &String| spoken.iter().any(|spoken| spoken.get_ref() == name);
        let can_say = |name: &String| name == SPOKEN_ON && is_spoken(name);
        let answers = self.answers.iter().find(|name| !is_spoken(name.get_ref()));
        let says = self.says.iter().find(|name| !can_say(name.get_ref()));
        let compresses = self.compresses.lists().into_iter();
        let compresses = compresses
            .flat_map(|(_, list)| list)
            .find(|name| !is_spoken(name.get_ref()));
        let mut multiplexes = self.multiplexes.iter();
        let multiplexes = multiplexes.find(|name| !is_spoken(name.get_ref()));
        for (unknown, wanted) in [
            (
                answers,
                "transports of this server on which it answers questions",
            ),
            (
                says,
                "\"websocket\", for a server that publishes what subscribers say on it",
            ),
            (
                compresses,
                "transports of this server on which it compresses messages",
            ),
            (
                multiplexes,
                "transports of this server on which subscribers can share a connection",
            ),
        ] {
            if let Some(unknown) = unknown {
                let message = format!("{:?} is not allowed here: {wanted}", unknown.get_ref());
                return Err(source.error(unknown.span(), &message));
            }
        }
        paths::validate(&self.paths, self.transports.get_ref(), source)?;
        if let Some(tunings) = &self.tunings {
            let uses = |argument: &Spanned<String>| argument.get_ref().contains("{tuning}");
            let is_told = self.command.get_ref().iter().any(uses);
            let choice = tunings.get_ref().iter().all(|&t| t != Tuning::Fixed);
            if tunings.get_ref().is_empty() || !choice || !is_told {
                return Err(source.error(
                    tunings.span(),
                    "a server with tunings lists \"equalised\", \"defaults\" or both, and its command says {tuning}",
                ));
            }
        }
        if let Some(most) = &self.max_connections
            && *most.get_ref() == 0
        {
            return Err(source.error(
                most.span(),
                "0 is not allowed here: connections it can hold, or no such line for as many as asked for",
            ));
        }
        match &self.minimum {
            Some(minimum) if self.program.is_none() => Err(source.error(
                minimum.span(),
                "a minimum is the major version of `program`, which is missing",
            )),
            _ => Ok(()),
        }
    }

    fn with(&self, label: ServerLabel, file: &Path) -> Server {
        let home = file.parent().unwrap_or(Path::new(""));
        let directory = self
            .directory
            .as_ref()
            .map(|directory| home.join(directory));
        let command = self
            .command
            .get_ref()
            .iter()
            .map(|argument| argument.get_ref().clone());
        let lists =
            |list: &[Spanned<String>]| list.iter().any(|name| *name.get_ref() == label.transport);
        Server {
            answers: lists(&self.answers),
            says: lists(&self.says),
            tls: self.tls,
            compresses: self.compresses.of(&label),
            multiplexes: lists(&self.multiplexes),
            paths: paths::of(&self.paths, &label.transport),
            label,
            command: command.collect(),
            resumes: self.resumes,
            publisher: match self.publishes {
                Publishes::Schedule => Publisher::Server,
                Publishes::Relay => Publisher::Load,
            },
            one_tuning: false,
            profile: self.profile,
            max_connections: self.max_connections.as_ref().map(|most| *most.get_ref()),
            scenarios: self.scenarios.clone(),
            about: self.about.clone(),
            program: self.program.clone(),
            minimum: self.minimum.as_ref().map(|minimum| *minimum.get_ref()),
            needs: needs(home, self.directory.as_deref(), &self.needs),
            install: self.install.clone(),
            directory,
        }
    }
}

pub(crate) fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !name.is_empty() && name.bytes().all(plain)
}

/// The first `{word}` that nothing is filled in for. Other braces are the program's own business.
fn unknown_placeholder(argument: &str) -> Option<&str> {
    let starts = argument
        .match_indices('{')
        .map(|(start, _)| &argument[start..]);
    starts
        .filter_map(|rest| {
            let word = &rest[..=rest.find('}')?];
            let name = &word[1..word.len() - 1];
            let known = ["pushbench", "transport", "tuning", "cores", "connections"];
            let known = known.contains(&name) || [SETTING, COMPRESSION].contains(&argument);
            (is_plain(name) && !known).then_some(word)
        })
        .next()
}

/// The text being parsed, to turn byte offsets into lines.
pub(crate) struct Source<'a> {
    pub(crate) text: &'a str,
    pub(crate) file: &'a Path,
}

impl Source<'_> {
    pub(crate) fn error(&self, span: Range<usize>, message: &str) -> ServersError {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        ServersError {
            file: self.file.display().to_string(),
            line: 1 + before.iter().filter(|&&b| b == b'\n').count(),
            message: message.trim_end().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
