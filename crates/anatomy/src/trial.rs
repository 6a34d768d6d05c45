//! A measured process with its peer in this one. Messages follow each other one by one: the next is published when the
//! last has arrived everywhere and the measured process sleeps again, so that every delivery is a write and a read of
//! its own and a trial is the same work each time.

mod child;
mod sink;

use std::io::{self, Write as _};
use std::process::Command;
use std::sync::OnceLock;

use pushbench_sys::affinity;

use crate::contender::{Contender, Half, arguments};
use crate::floor::server::Server;

use child::Child;
use sink::Sink;

/// Cores for the measured process and its peer: two different ones if there are two.
#[must_use]
pub fn cores() -> (usize, usize) {
    static CORES: OnceLock<(usize, usize)> = OnceLock::new();
    // Asked once, because a thread that has pinned itself knows of one core only.
    *CORES.get_or_init(|| match affinity::online_cores().as_slice() {
        [] => (0, 0),
        [only] => (*only, *only),
        [peer, .., measured] => (*measured, *peer),
    })
}

/// A running trial.
pub struct Trial {
    child: Child,
    peer: Peer,
    connections: usize,
    published: u64,
}

enum Peer {
    Sink(Sink),
    Sender(Box<Server>),
}

impl Trial {
    /// Starts `half` of `contender` with `connections` subscribers. `wrap` may put a tool in front of its command.
    ///
    /// # Errors
    ///
    /// When the process or a connection fails.
    pub fn start(
        contender: Contender,
        half: Half,
        connections: usize,
        wrap: impl FnOnce(&[String]) -> Command,
    ) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let program = program.to_string_lossy().into_owned();
        let command = |sender| {
            let mut words = vec![program];
            words.extend(arguments(contender, half, sender));
            wrap(&words)
        };
        let (mut child, peer) = match half {
            Half::Server => {
                let mut child = Child::spawn(command(None))?;
                let address = child.ready()?.ok_or_else(|| no_line("its address"))?;
                let sink = Sink::connect(contender.wire(), address, connections)?;
                (child, Peer::Sink(sink))
            }
            Half::Receiver => {
                let mut server = Box::new(Server::bind(contender.wire())?);
                let mut child = Child::spawn(command(Some((server.address()?, connections))))?;
                for _ in 0..connections {
                    server.accept()?;
                }
                child.ready()?;
                (child, Peer::Sender(server))
            }
        };
        child.wait_until_asleep()?;
        Ok(Self {
            child,
            peer,
            connections,
            published: 0,
        })
    }

    /// Process id of the measured process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Delivers `messages` messages to all subscribers.
    ///
    /// # Errors
    ///
    /// When the measured process fails.
    pub fn deliver(&mut self, messages: u64) -> io::Result<()> {
        for _ in 0..messages {
            self.published += 1;
            match &mut self.peer {
                Peer::Sink(sink) => {
                    self.child.stdin().write_all(b".")?;
                    sink.wait_for(self.published)?;
                }
                Peer::Sender(server) => server.publish()?,
            }
            self.child.wait_until_asleep()?;
        }
        Ok(())
    }

    /// Ends the process and checks that all it was sent arrived.
    ///
    /// # Errors
    ///
    /// When something is missing.
    pub fn finish(self) -> io::Result<()> {
        let Self {
            child,
            peer,
            connections,
            published,
        } = self;
        let receives = matches!(peer, Peer::Sender(_));
        // A receiver ends when its connections do, a server when its input does.
        drop(peer);
        let last = child.end()?;
        let expected = format!("delivered {}", published * connections as u64);
        if receives && last.trim() != expected {
            return Err(io::Error::other(format!(
                "{last:?} instead of {expected:?}"
            )));
        }
        Ok(())
    }
}

fn no_line(what: &str) -> io::Error {
    io::Error::other(format!("a measured process did not say {what}"))
}

/// A command with no tool in front of it.
#[must_use]
pub fn plain(program: &[String]) -> Command {
    let mut command = Command::new(&program[0]);
    command.args(&program[1..]);
    command
}
