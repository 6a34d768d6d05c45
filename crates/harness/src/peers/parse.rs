//! From TOML to a list of peers that is known to be valid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pushbench_model::measurement::Publisher;
use pushbench_model::peers::{CountedBy, PeerLoad};
use pushbench_model::profile::Profile;
use pushbench_model::record::ServerLabel;
use pushbench_model::tuning::Tuning;
use serde::Deserialize;
use toml::Spanned;

use super::{PeerList, PushServer, Receiver, VersionCommands};
use crate::servers::{Paths, Server, ServersError, Source, is_plain, needs};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawList {
    receivers: RawReceivers,
    servers: Spanned<RawLoad>,
    #[serde(default)]
    receiver: Vec<RawReceiver>,
    #[serde(default)]
    server: Vec<RawServer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawReceivers {
    sender: String,
    connections: Spanned<u32>,
    rate: f64,
    payload_bytes: u32,
    warm_up_s: f64,
    measure_s: f64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLoad {
    connections: u32,
    rate: f64,
    payload_bytes: u32,
    warm_up_s: f64,
    measure_s: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReceiver {
    name: Spanned<String>,
    transport: Spanned<String>,
    #[serde(default)]
    ours: bool,
    #[serde(default)]
    command: Vec<String>,
    directory: Option<PathBuf>,
    #[serde(default = "yes")]
    announces: bool,
    #[serde(default = "yes")]
    counts: bool,
    about: String,
    program: Option<String>,
    minimum: Option<u32>,
    #[serde(default)]
    needs: Vec<PathBuf>,
    #[serde(default)]
    install: String,
    #[serde(default)]
    versions: VersionCommands,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServer {
    stack: Spanned<String>,
    #[serde(default)]
    ours: bool,
    #[serde(default)]
    versions: VersionCommands,
}

fn yes() -> bool {
    true
}

pub(super) fn parse(text: &str, file: &Path) -> Result<PeerList, ServersError> {
    let source = Source { text, file };
    let raw: RawList = toml::from_str(text)
        .map_err(|error| source.error(error.span().unwrap_or(0..0), error.message()))?;
    let of_receivers = RawLoad {
        connections: *raw.receivers.connections.get_ref(),
        rate: raw.receivers.rate,
        payload_bytes: raw.receivers.payload_bytes,
        warm_up_s: raw.receivers.warm_up_s,
        measure_s: raw.receivers.measure_s,
    };
    let list = PeerList {
        sender: raw.receivers.sender,
        receiver_load: of_receivers
            .validate()
            .map_err(|why| source.error(raw.receivers.connections.span(), &why))?,
        server_load: raw
            .servers
            .get_ref()
            .validate()
            .map_err(|why| source.error(raw.servers.span(), &why))?,
        receivers: receivers(raw.receiver, &source)?,
        servers: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let mut servers = Vec::new();
    for server in raw.server {
        if !seen.insert(server.stack.get_ref().clone()) {
            let message = format!("{} is listed twice", server.stack.get_ref());
            return Err(source.error(server.stack.span(), &message));
        }
        servers.push(PushServer {
            stack: server.stack.into_inner(),
            ours: server.ours,
            versions: server.versions,
        });
    }
    Ok(PeerList { servers, ..list })
}

impl RawLoad {
    fn validate(self) -> Result<PeerLoad, String> {
        let positive = |name: &str, value: f64| {
            if value > 0.0 && value.is_finite() {
                Ok(value)
            } else {
                Err(format!("{name} is {value}; more than 0 is needed"))
            }
        };
        positive("connections", f64::from(self.connections))?;
        Ok(PeerLoad {
            connections: self.connections,
            rate: positive("rate", self.rate)?,
            payload_bytes: self.payload_bytes,
            warm_up_s: positive("warm-up-s", self.warm_up_s)?,
            measure_s: positive("measure-s", self.measure_s)?,
        })
    }
}

fn receivers(raw: Vec<RawReceiver>, source: &Source<'_>) -> Result<Vec<Receiver>, ServersError> {
    let mut seen = BTreeSet::new();
    let mut receivers = Vec::new();
    for receiver in raw {
        for name in [&receiver.name, &receiver.transport] {
            if !is_plain(name.get_ref()) {
                let message = format!(
                    "{:?} is not allowed here: a name of lower-case letters, digits and dashes",
                    name.get_ref()
                );
                return Err(source.error(name.span(), &message));
            }
        }
        if receiver.command.is_empty() && !receiver.ours {
            let message = format!(
                "{} has no command: only Pushbench's own load generator needs none",
                receiver.name.get_ref()
            );
            return Err(source.error(receiver.name.span(), &message));
        }
        let name = (
            receiver.name.get_ref().clone(),
            receiver.transport.get_ref().clone(),
        );
        if !seen.insert(name) {
            let message = format!("{} is listed twice", receiver.name.get_ref());
            return Err(source.error(receiver.name.span(), &message));
        }
        receivers.push(receiver.validated(source.file));
    }
    Ok(receivers)
}

impl RawReceiver {
    fn validated(self, file: &Path) -> Receiver {
        let home = file.parent().unwrap_or(Path::new(""));
        let directory = self.directory.as_ref();
        let directory = directory.map(|directory| home.join(directory));
        Receiver {
            process: Server {
                label: ServerLabel {
                    transport: self.transport.into_inner(),
                    stack: self.name.into_inner(),
                    tuning: Tuning::Fixed,
                },
                command: self.command,
                publisher: Publisher::Server,
                paths: Paths::default(),
                resumes: true,
                answers: false,
                says: false,
                tls: false,
                compresses: Vec::new(),
                multiplexes: false,
                about: self.about,
                program: self.program,
                minimum: self.minimum,
                needs: needs(home, self.directory.as_deref(), &self.needs),
                install: self.install,
                one_tuning: false,
                profile: Profile::Quick,
                max_connections: None,
                scenarios: Vec::new(),
                directory,
            },
            ours: self.ours,
            announces: self.announces,
            counted_by: if self.counts {
                CountedBy::Receiver
            } else {
                CountedBy::Server
            },
            versions: self.versions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"[receivers]
sender = "reference"
connections = 2
rate = 10.0
payload-bytes = 16
warm-up-s = 0.1
measure-s = 0.2

[servers]
connections = 3
rate = 5.0
payload-bytes = 16
warm-up-s = 0.1
measure-s = 0.2

[[receiver]]
name = "mine"
transport = "sse"
ours = true
about = ""

[[receiver]]
name = "other"
transport = "sse"
command = ["x", "{address}"]
directory = "there"
counts = false
needs = ["y"]
about = ""
versions = { x = ["x", "-v"] }

[[server]]
stack = "nchan"
"#;

    fn parse(text: &str) -> Result<PeerList, ServersError> {
        super::parse(text, Path::new("benches/peers/peers.toml"))
    }

    #[test]
    fn a_good_file_is_understood() {
        let list = parse(GOOD).unwrap();
        assert_eq!(list.receiver_load.messages(0.2), 2);
        assert_eq!(list.server_load.connections, 3);
        let other = &list.receivers[1];
        assert_eq!(other.counted_by, CountedBy::Server);
        assert!(other.announces && !other.ours);
        let needs = other.process.needs.iter();
        let needs: Vec<_> = needs.map(|need| need.path.as_path()).collect();
        assert_eq!(
            needs,
            [
                Path::new("benches/peers/there"),
                Path::new("benches/peers/there/y")
            ],
            "relative to its directory"
        );
        assert_eq!(other.versions["x"], ["x", "-v"]);
        assert_eq!(list.servers[0].stack, "nchan");
    }

    /// Every mistake names the file, the line and what is allowed.
    #[test]
    fn mistakes_are_located_and_explained() {
        let cases = [
            (
                "name = \"mine\"",
                "name = \"Mine\"",
                17,
                "lower-case letters",
            ),
            ("name = \"other\"", "name = \"mine\"", 23, "listed twice"),
            (
                "name = \"other\"",
                "nam = \"other\"",
                23,
                "unknown field `nam`",
            ),
            ("ours = true\n", "", 17, "has no command"),
            ("connections = 2", "connections = 0", 3, "connections is 0"),
            ("rate = 5.0", "rate = 0.0", 9, "rate is 0"),
            ("sender = \"reference\"\n", "", 1, "missing field `sender`"),
            (
                "[[server]]",
                "[[server]]\nstack = \"nchan\"\n[[server]]",
                35,
                "nchan is listed twice",
            ),
        ];
        for (from, to, line, wanted) in cases {
            assert!(GOOD.contains(from), "{from}");
            let error = parse(&GOOD.replacen(from, to, 1)).expect_err(to);
            assert!(error.message.contains(wanted), "{to}: {error}");
            assert_eq!(
                (error.file.as_str(), error.line),
                ("benches/peers/peers.toml", line),
                "{to}: {error}"
            );
        }
    }
}
