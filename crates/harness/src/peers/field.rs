//! Who takes part: what `peers.toml` lists, sorted by whether this machine can start it, with versions.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pushbench_model::peers::{AbsentPeer, CountedBy, Part, Peer, PeerId};
use pushbench_model::tuning::Tuning;

use super::{PeerList, Receiver, VersionCommands};
use crate::servers::{self, Server};

/// Who takes part and who cannot.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// Those that take part.
    pub contestants: Vec<Contestant>,
    /// Those that cannot.
    pub absent: Vec<AbsentPeer>,
}

/// A peer that can take part.
#[derive(Clone, Debug)]
pub struct Contestant {
    /// What the record says of it.
    pub peer: Peer,
    /// Whether its process is this program, whose version is the run's.
    pub(super) is_this_program: bool,
    pub(super) kind: Kind,
}

/// How its turns are made.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// The load process receives from this server.
    OwnReceiver(Server),
    /// This receiver does.
    Receiver {
        receiver: Box<Receiver>,
        sender: Server,
    },
    /// The load process receives from it.
    PushServer(Server),
}

impl Field {
    /// Chooses from `list` those named in `only`, or all; the names of peers or of transports. `servers` are those that
    /// the list speaks of. `only` never takes away Pushbench's own, which the others are held against.
    ///
    /// # Errors
    ///
    /// When the list speaks of a server that is not there, or `only` names no peer.
    pub fn choose(list: &PeerList, servers: &[Server], only: &[String]) -> Result<Self, String> {
        let mut field = Self::default();
        let named = |name: &str| only.iter().any(|only| only == name);
        // One's own stay until it is known whether others are left.
        let chosen = |id: &PeerId, ours: bool| {
            only.is_empty() || ours || named(&id.name) || named(&id.transport)
        };
        check_names(list, only)?;
        for receiver in &list.receivers {
            let id = PeerId {
                part: Part::Receiver,
                transport: receiver.process.label.transport.clone(),
                name: receiver.process.label.stack.clone(),
            };
            if chosen(&id, receiver.ours) {
                let sender = find(servers, &list.sender, Some(&id.transport))?;
                field.receiver(id, receiver, sender[0]);
            }
        }
        for push in &list.servers {
            for server in find(servers, &push.stack, None)? {
                let id = PeerId {
                    part: Part::Server,
                    transport: server.label.transport.clone(),
                    name: server.label.stack.clone(),
                };
                // Long-polling has no stream: a poll for each message is another comparison.
                if ["sse", "websocket"].contains(&id.transport.as_str()) && chosen(&id, push.ours) {
                    field.add(
                        id,
                        server,
                        push.ours,
                        CountedBy::Receiver,
                        &push.versions,
                        Kind::PushServer(server.clone()),
                    );
                }
            }
        }
        field.drop_lonely(only);
        Ok(field)
    }

    fn receiver(&mut self, id: PeerId, receiver: &Receiver, sender: &Server) {
        let sender = sender.clone();
        let kind = if receiver.process.command.is_empty() {
            Kind::OwnReceiver(sender)
        } else {
            Kind::Receiver {
                receiver: Box::new(receiver.clone()),
                sender,
            }
        };
        self.add(
            id,
            &receiver.process,
            receiver.ours,
            receiver.counted_by,
            &receiver.versions,
            kind,
        );
    }

    fn add(
        &mut self,
        id: PeerId,
        process: &Server,
        ours: bool,
        counted_by: CountedBy,
        versions: &VersionCommands,
        kind: Kind,
    ) {
        let mut reason = servers::check(vec![process.clone()])
            .absent
            .pop()
            .map(|absent| absent.reason);
        let found = versions_of(versions, process.directory.as_deref());
        if reason.is_none() {
            // What cannot say its version cannot be started, either.
            reason = found.as_ref().err().cloned();
        }
        match (reason, found) {
            (None, Ok(versions)) => self.contestants.push(Contestant {
                peer: Peer {
                    id,
                    ours,
                    about: process.about.clone(),
                    counted_by,
                    versions,
                },
                // A receiver without a command is the load process.
                is_this_program: process.command.is_empty() || process.is_this_program(),
                kind,
            }),
            (reason, _) => self.absent.push(AbsentPeer {
                id,
                reason: reason.unwrap_or_default(),
                install: process.install.clone(),
            }),
        }
    }

    /// Of our own that nothing is left to be held against, none needs a turn.
    fn drop_lonely(&mut self, only: &[String]) {
        if only.is_empty() {
            return;
        }
        let others: Vec<PeerId> = self
            .contestants
            .iter()
            .filter(|contestant| {
                let id = &contestant.peer.id;
                !contestant.peer.ours || only.contains(&id.name) || only.contains(&id.transport)
            })
            .map(|contestant| contestant.peer.id.clone())
            .collect();
        self.contestants.retain(|contestant| {
            let own = &contestant.peer.id;
            others
                .iter()
                .any(|id| id.part == own.part && id.transport == own.transport)
        });
    }
}

fn check_names(list: &PeerList, only: &[String]) -> Result<(), String> {
    let stack = |push: &str| push.split('@').next().unwrap_or_default().to_owned();
    let mut known: Vec<String> = list
        .receivers
        .iter()
        .map(|receiver| receiver.process.label.stack.clone())
        .chain(list.servers.iter().map(|push| stack(&push.stack)))
        .chain(["sse".to_owned(), "websocket".to_owned()])
        .collect();
    known.sort();
    known.dedup();
    match only.iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(format!(
            "no peer {unknown:?}; there are {}",
            known.join(", ")
        )),
        None => Ok(()),
    }
}

/// The servers of a stack, in the tuning named, that speak a transport.
fn find<'a>(
    servers: &'a [Server],
    name: &str,
    transport: Option<&str>,
) -> Result<Vec<&'a Server>, String> {
    let (stack, tuning) = match name.split_once('@') {
        Some((stack, tuning)) => (stack, tuning),
        None => (name, Tuning::Fixed.label()),
    };
    let found: Vec<&Server> = servers
        .iter()
        .filter(|server| {
            let label = &server.label;
            label.stack == stack
                && label.tuning.label() == tuning
                && transport.is_none_or(|transport| transport == label.transport)
        })
        .collect();
    if found.is_empty() {
        let over = transport.map_or_else(String::new, |transport| format!(" over {transport}"));
        return Err(format!(
            "the list of peers speaks of the server {name}{over}, and no list of servers has it"
        ));
    }
    Ok(found)
}

fn versions_of(
    commands: &VersionCommands,
    directory: Option<&Path>,
) -> Result<BTreeMap<String, String>, String> {
    let mut versions = BTreeMap::new();
    for (name, words) in commands {
        let mut command = Command::new(words.first().map_or("", String::as_str));
        command.args(words.get(1..).unwrap_or_default());
        if let Some(directory) = directory {
            command.current_dir(directory);
        }
        let line = servers::first_line(&mut command)
            .map_err(|error| format!("the version of {name} cannot be found: {error}"))?;
        versions.insert(name.clone(), bare(&line).to_owned());
    }
    Ok(versions)
}

/// The first word of a line that has a version in it: `v20.1.0`, `nginx/1.22.1`, `1.3.6+dfsg-2`, without what stands before
/// the number.
fn bare(line: &str) -> &str {
    let word = line
        .split_ascii_whitespace()
        .find(|word| word.contains(|c: char| c.is_ascii_digit()))
        .unwrap_or(line);
    let start = word.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
    &word[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(receiver: &str) -> (PeerList, Vec<Server>) {
        let load =
            "connections = 1\nrate = 1.0\npayload-bytes = 1\nwarm-up-s = 1.0\nmeasure-s = 1.0\n";
        let text = format!(
            "[receivers]\nsender = \"a\"\n{load}[servers]\n{load}\
             [[receiver]]\nname = \"mine\"\ntransport = \"sse\"\nours = true\nabout = \"\"\n\
             [[receiver]]\nname = \"other\"\ntransport = \"sse\"\ncommand = [\"x\"]\nabout = \"\"\n{receiver}\n\
             [[server]]\nstack = \"a\"\nours = true\n"
        );
        let servers = "[[server]]\nstack = \"a\"\ntransports = [\"sse\", \"websocket\"]\ncommand = [\"x\"]\n\
                       publishes = \"schedule\"\nabout = \"\"\n";
        (
            PeerList::parse(&text, Path::new("peers.toml")).unwrap(),
            Server::parse(servers, Path::new("servers.toml")).unwrap(),
        )
    }

    fn names(field: &Field) -> Vec<String> {
        let ids = field.contestants.iter().map(|c| c.peer.id.to_string());
        ids.collect()
    }

    #[test]
    fn what_is_missing_is_named_with_the_command_that_installs_it() {
        let (list, servers) = lists("needs = [\"/no/such\"]\ninstall = \"get other\"");
        let field = Field::choose(&list, &servers, &[]).unwrap();
        assert_eq!(
            names(&field),
            ["mine over sse", "a over sse", "a over websocket"]
        );
        let absent = &field.absent[0];
        assert_eq!(absent.reason, "/no/such does not exist");
        assert_eq!(absent.install, "get other");
        let (list, servers) = lists("versions = { x = [\"/no/such/program\"] }");
        let field = Field::choose(&list, &servers, &[]).unwrap();
        assert!(
            field.absent[0].reason.contains("version of x"),
            "{:?}",
            field.absent
        );
    }

    #[test]
    fn those_named_are_chosen_with_what_they_are_held_against() {
        let (list, servers) = lists("");
        let only = |name: &str| Field::choose(&list, &servers, &[name.to_owned()]);
        assert_eq!(
            names(&only("other").unwrap()),
            ["mine over sse", "other over sse"]
        );
        assert_eq!(names(&only("websocket").unwrap()), ["a over websocket"]);
        assert!(only("nobody").unwrap_err().contains("mine, other"));
    }

    #[test]
    fn whatever_is_this_program_is_known_for_it() {
        let raw = "[[receiver]]\nname = \"raw\"\ntransport = \"sse\"\nabout = \"\"\n\
                   command = [\"{pushbench}\", \"{address}\"]";
        let (list, servers) = lists(raw);
        let field = Field::choose(&list, &servers, &[]).unwrap();
        let own = field.contestants.iter().filter(|c| c.is_this_program);
        let own: Vec<String> = own.map(|c| c.peer.id.to_string()).collect();
        // The load process, and the floor; not what is started as "x", although the list calls one of them ours.
        assert_eq!(own, ["mine over sse", "raw over sse"]);
    }

    #[test]
    fn an_unknown_sender_is_named() {
        let (mut list, servers) = lists("");
        list.sender = "b@defaults".into();
        let error = Field::choose(&list, &servers, &[]).unwrap_err();
        assert!(error.contains("b@defaults over sse"), "{error}");
    }

    #[test]
    fn versions_lose_what_stands_before_them() {
        assert_eq!(bare("v20.20.2"), "20.20.2");
        assert_eq!(bare("nginx version: nginx/1.22.1"), "1.22.1");
        assert_eq!(bare("locust 2.47.0 from /some/where"), "2.47.0");
        assert_eq!(bare("1:1.3.6+dfsg-2"), "1:1.3.6+dfsg-2");
    }
}
