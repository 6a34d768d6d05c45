//! The measured processes. Each is this program, executed again with a role; it says `ready`, its process id and, if it
//! listens, its address in one line of standard output.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use pushbench_model::message::Stamp;
use pushbench_model::sequence::SequenceCounts;
use pushbench_model::windows::Grid;
use pushbench_server::{Config, Server};
use pushbench_sys::{clock, process};
use pushbench_transport::subscriber::Request;
use pushbench_transport::transport::{ServeOptions, TRANSPORTS, Transport};

use crate::floor;
use crate::floor::server::body_maker;
use crate::wire::Wire;

/// First argument of a measured process.
const ROLE: &str = "pushbench-contender";

/// Who is measured.
#[derive(Clone, Copy)]
pub enum Contender {
    /// The raw epoll loop.
    Floor,
    /// Ours.
    Transport(&'static dyn Transport),
}

/// Which half of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The server.
    Server,
    /// The load generator.
    Receiver,
}

impl Half {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Server, Self::Receiver];

    /// Its name in arguments and tables.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Receiver => "receiver",
        }
    }
}

impl Contender {
    /// The floor first, then every transport that has this half measured: a poll is answered and not pushed, so there
    /// is no sender that long-polling could share with the others.
    pub fn all(half: Half) -> Vec<Self> {
        let transports = TRANSPORTS.iter().copied().map(Self::Transport);
        std::iter::once(Self::Floor)
            .chain(transports)
            .filter(|contender| half == Half::Server || contender.wire() != Wire::LongPoll)
            .collect()
    }

    /// Its name in arguments and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Transport(transport) => transport.name(),
        }
    }

    /// The bytes it speaks.
    #[must_use]
    pub fn wire(self) -> Wire {
        match self {
            Self::Floor => Wire::Tcp,
            Self::Transport(transport) => {
                Wire::of(transport.name()).expect("every transport has its wire in wire.rs")
            }
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Self::all(Half::Server)
            .into_iter()
            .find(|contender| contender.name() == name)
    }
}

/// The arguments with which this program becomes a measured process.
#[must_use]
pub fn arguments(
    contender: Contender,
    half: Half,
    sender: Option<(SocketAddr, usize)>,
) -> Vec<String> {
    let mut arguments = vec![
        ROLE.to_owned(),
        half.label().to_owned(),
        contender.name().to_owned(),
    ];
    if let Some((address, connections)) = sender {
        arguments.extend([address.to_string(), connections.to_string()]);
    }
    arguments
}

/// Plays the role that the arguments of this process ask for. Returns whether they asked for one; the first thing that
/// `main` must call.
///
/// # Errors
///
/// When the role cannot be played.
pub fn play() -> io::Result<bool> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [ROLE, half, name, rest @ ..] = arguments.as_slice() else {
        return Ok(false);
    };
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "not the arguments of a role");
    let contender = Contender::by_name(name).ok_or_else(wrong)?;
    // An interrupted bench must not leave servers behind; where the system forbids the request they end with their input.
    let _ = process::die_with_parent();
    let _ = process::raise_nofile();
    match (*half, rest) {
        ("server", []) => serve(contender)?,
        ("receiver", [address, connections]) => {
            let address = address.parse().map_err(|_| wrong())?;
            let connections = connections.parse().map_err(|_| wrong())?;
            let delivered = receive(contender, address, connections)?;
            println!("delivered {delivered}");
        }
        _ => return Err(wrong()),
    }
    Ok(true)
}

fn ready(address: Option<SocketAddr>) -> io::Result<()> {
    let address = address.map_or_else(String::new, |address| format!(" {address}"));
    println!("ready {}{address}", std::process::id());
    io::stdout().flush()
}

/// Publishes a message for every byte of standard input.
fn serve(contender: Contender) -> io::Result<()> {
    match contender {
        Contender::Floor => {
            let mut server = floor::server::Server::bind(Wire::Tcp)?;
            ready(Some(server.address()?))?;
            server.serve(io::stdin())
        }
        Contender::Transport(transport) => {
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let config = Config {
                transport,
                listen: any,
                control: any,
                cores: Vec::new(),
                shards: 1,
                options: ServeOptions::default(),
            };
            let server = Server::start(config).map_err(io::Error::other)?;
            ready(Some(server.data_addr()))?;
            let maker = body_maker();
            let mut triggers = [0; 64];
            loop {
                let count = io::stdin().read(&mut triggers)?;
                if count == 0 {
                    return Ok(());
                }
                for _ in 0..count {
                    server.hub().publish_with(|seq, body| {
                        let now = clock::now();
                        let stamp = Stamp {
                            seq,
                            intended: now,
                            published: now,
                        };
                        maker.body(stamp, body);
                        maker.is_binary()
                    });
                }
            }
        }
    }
}

/// Receives until the sender closes. Returns how many messages arrived, all in sequence.
fn receive(contender: Contender, address: SocketAddr, connections: usize) -> io::Result<u64> {
    match contender {
        Contender::Floor => {
            let mut receiver = floor::receiver::Receiver::connect(address, connections)?;
            ready(None)?;
            receiver.receive()
        }
        Contender::Transport(transport) => subscribe(transport, address, connections),
    }
}

fn subscribe(
    transport: &'static dyn Transport,
    address: SocketAddr,
    connections: usize,
) -> io::Result<u64> {
    let request = Request {
        host: "localhost".to_owned(),
        path: transport.endpoint().1.to_owned(),
        after: Some(0),
        poll_timeout_ms: 20_000,
        once: false,
    };
    let mut subscribers = transport.subscribers(request, None)?;
    // As in a trial of a minute: what a new window costs is spread over many deliveries.
    let grid = Grid::over(clock::now(), Duration::from_secs(60));
    subscribers.inlet_mut().inbox.watch(grid);
    subscribers.reserve(connections);
    for _ in 0..connections {
        subscribers.open(address, None, *b"0123456789abcdef")?;
    }
    while subscribers.inlet().subscribed < connections as u64 {
        subscribers.turn(None)?;
    }
    ready(None)?;
    // Every connection ends with the sender; that is no fault here.
    while subscribers.inlet().ended < connections as u64 {
        subscribers.turn(None)?;
    }
    let inbox = &subscribers.inlet().inbox;
    let newest = inbox.settled() / connections as u64;
    let mut counts = SequenceCounts::default();
    subscribers.for_each(&mut |subscriber, _| counts.add(&subscriber.check.counts(newest)));
    let counts = inbox.counts(std::iter::once(counts));
    if !counts.is_clean() {
        return Err(io::Error::other(format!(
            "messages are missing: {counts:?}"
        )));
    }
    Ok(counts.delivered.min(inbox.recorder().response.len()))
}
