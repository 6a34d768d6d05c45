//! A measured process with its peer in this one. Batches of messages follow each other one by one: the next is
//! published when the last has arrived everywhere and the measured process sleeps again, so that a trial is the same work
//! each time. In a batch of one every delivery is a write and a read of its own.

mod child;
mod sink;
mod visits;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use pushbench_model::anatomy::Side;
use pushbench_sys::affinity;

use crate::client::Received;
use crate::contender::Contender;
use crate::floor::server::Server;
use crate::role::{How, Sender, arguments};
use crate::wire::Wire;

use child::Child;
use sink::Sink;
pub use sink::Traffic;
pub use visits::visit;

/// How long to wait for a client to connect before asking whether it lives.
const PATIENCE: Duration = Duration::from_millis(200);

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
    shape: Shape,
    published: u64,
    /// Bytes that the peer has sent, if that is what it does.
    sent: u64,
}

/// How a trial is shaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Subscribers.
    pub connections: usize,
    /// Messages that are published together.
    pub batch: usize,
}

impl Shape {
    /// Deliveries that `batches` batches make.
    #[must_use]
    pub fn deliveries(self, batches: u64) -> f64 {
        batches as f64 * self.batch as f64 * self.connections as f64
    }
}

enum Peer {
    Sink(Sink),
    Sender(Box<Server>),
}

impl Trial {
    /// Starts `contender`. `wrap` may put a tool in front of its command.
    ///
    /// # Errors
    ///
    /// When the process or a connection fails.
    pub fn start(
        contender: &Contender,
        shape: Shape,
        wrap: impl FnOnce(&[String]) -> Command,
    ) -> io::Result<Self> {
        Self::start_in_slices(contender, shape, None, wrap)
    }

    /// Starts `contender`, which takes the response times of every `slice` messages apart, if it is a client that can:
    /// our load generator and the raw receivers.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_in_slices(
        contender: &Contender,
        shape: Shape,
        slice: Option<u64>,
        wrap: impl FnOnce(&[String]) -> Command,
    ) -> io::Result<Self> {
        let command = |sender| Ok::<_, io::Error>(wrap(&words(contender, sender)?));
        match contender.side {
            Side::Server => {
                let mut child = Child::spawn(command(None)?)?;
                let sink = serve(&mut child, contender, shape.connections);
                let sink = sink.map_err(|error| child.why(error))?;
                Self::at_rest(child, Peer::Sink(sink), shape)
            }
            Side::Client => Self::start_client(contender.wire(), shape, |address| {
                command(Some(Sender {
                    address,
                    connections: shape.connections,
                    how: slice.map_or(How::Receive, How::Slices),
                }))
            }),
        }
    }

    /// Starts a client, which may be another than the contenders: `command` makes its command from the address that it is to
    /// connect to. It says `ready` and its process id when it is subscribed, has no thread more or less from then on, and says
    /// `delivered`, messages and median response time in nanoseconds when its connections have ended.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub fn start_client(
        wire: Wire,
        shape: Shape,
        command: impl FnOnce(SocketAddr) -> io::Result<Command>,
    ) -> io::Result<Self> {
        let mut server = Box::new(Server::bind(wire)?);
        let mut child = Child::spawn(command(server.address()?)?)?;
        accept(&mut child, &mut server, shape.connections).map_err(|error| child.why(error))?;
        Self::at_rest(child, Peer::Sender(server), shape)
    }

    fn at_rest(mut child: Child, peer: Peer, shape: Shape) -> io::Result<Self> {
        child
            .wait_until_asleep()
            .map_err(|error| child.why(error))?;
        Ok(Self {
            child,
            peer,
            shape,
            published: 0,
            sent: 0,
        })
    }

    /// Process id of the measured process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Delivers `batches` batches of messages to all subscribers.
    ///
    /// # Errors
    ///
    /// When the measured process fails.
    pub fn deliver(&mut self, batches: u64) -> io::Result<()> {
        self.try_deliver(batches)
            .map_err(|error| self.child.why(error))
    }

    fn try_deliver(&mut self, batches: u64) -> io::Result<()> {
        let Shape { batch, connections } = self.shape;
        for _ in 0..batches {
            self.published += batch as u64;
            match &mut self.peer {
                Peer::Sink(sink) => {
                    self.child.stdin().write_all(&vec![b'.'; batch])?;
                    sink.wait_for(self.published)?;
                }
                Peer::Sender(server) => {
                    self.sent += (server.publish(batch)? * connections) as u64;
                }
            }
            self.child.wait_until_asleep()?;
        }
        Ok(())
    }

    /// Opens and resets `connections` connections to a server, besides those that it has, one after the other.
    ///
    /// # Errors
    ///
    /// When the server fails, or the measured process is none.
    pub(crate) fn set_up(&mut self, connections: u64) -> io::Result<()> {
        let set_up = self.try_set_up(connections);
        set_up.map_err(|error| self.child.why(error))
    }

    fn try_set_up(&mut self, connections: u64) -> io::Result<()> {
        let Peer::Sink(sink) = &self.peer else {
            return Err(io::Error::other("a client accepts no connections"));
        };
        for _ in 0..connections {
            sink.set_up()?;
        }
        self.child.wait_until_asleep()
    }

    /// Bytes that travelled for the messages so far; what a client sends to a peer is not seen.
    #[must_use]
    pub fn traffic(&self) -> (u64, Option<u64>) {
        match &self.peer {
            Peer::Sink(sink) => {
                let Traffic { down, up } = sink.traffic();
                (down, Some(up))
            }
            Peer::Sender(_) => (self.sent, None),
        }
    }

    /// Ends the process and checks that all it was sent arrived. Returns the median response time of a client,
    /// nanoseconds.
    ///
    /// # Errors
    ///
    /// When something is missing.
    pub fn finish(self) -> io::Result<Option<u64>> {
        Ok(self.end()?.map(|received| received.p50_ns))
    }

    /// Ends the process and checks that all it was sent arrived. Returns what a client says of it.
    pub(crate) fn end(self) -> io::Result<Option<Received>> {
        let Self {
            child,
            peer,
            shape,
            published,
            ..
        } = self;
        let receives = matches!(peer, Peer::Sender(_));
        // A client ends when its connections do, a server when its input does.
        drop(peer);
        let last = child.end()?;
        if !receives {
            return Ok(None);
        }
        let expected = published * shape.connections as u64;
        let received = read_received(&last).filter(|received| received.delivered == expected);
        received.map(Some).ok_or_else(|| {
            io::Error::other(format!("{last:?} instead of \"delivered {expected} ...\""))
        })
    }
}

fn serve(child: &mut Child, contender: &Contender, connections: usize) -> io::Result<Sink> {
    let address = child.ready()?.ok_or_else(|| no_line("its address"))?;
    Sink::connect(contender.wire(), address, connections)
}

fn accept(child: &mut Child, server: &mut Server, connections: usize) -> io::Result<()> {
    for _ in 0..connections {
        while !server.is_asked(PATIENCE)? {
            child.check_alive()?;
        }
        server.accept()?;
    }
    child.ready()?;
    Ok(())
}

/// What a client says at its end.
fn read_received(line: &str) -> Option<Received> {
    let mut words = line.strip_prefix("delivered ")?.split_whitespace();
    Some(Received {
        delivered: words.next()?.parse().ok()?,
        p50_ns: words.next()?.parse().ok()?,
        slices: words.map(|word| word.parse().ok()).collect::<Option<_>>()?,
    })
}

/// The command of the measured process: this program, in its role.
fn words(contender: &Contender, sender: Option<Sender>) -> io::Result<Vec<String>> {
    let program = std::env::current_exe()?;
    let mut words = vec![program.to_string_lossy().into_owned()];
    words.extend(arguments(contender, sender));
    Ok(words)
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
