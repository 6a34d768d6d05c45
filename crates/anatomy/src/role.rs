//! The measured processes. Each is this program, executed again with a role; it says `ready`, its process id and, if it
//! listens, its address in one line of standard output. A client says at its end what it received.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};

use pushbench_model::anatomy::Side;
use pushbench_model::message::Stamp;
use pushbench_server::{Config, Server};
use pushbench_sys::{clock, process};
use pushbench_transport::transport::ServeOptions;

use crate::client;
use crate::contender::{Contender, Start};
use crate::emulator;
use crate::floor;
use crate::floor::server::body_maker;
use crate::wire::Wire;

/// First argument of a measured process.
const ROLE: &str = "pushbench-contender";

/// Last argument of a client that opens its connections one after the other and receives nothing.
const IN_TURN: &str = "in-turn";

/// Last argument of a client that receives until it is told to end.
const AS_PEER: &str = "as-peer";

/// Where a client connects to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Its address.
    pub address: SocketAddr,
    /// Connections.
    pub connections: usize,
    /// What it does with them.
    pub how: How,
}

/// What a client does with its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Receives on all of them.
    Receive,
    /// Receives, and takes the response times of every so many messages apart.
    Slices(u64),
    /// Closes each before the next is opened, once it is subscribed.
    InTurn,
}

/// The arguments with which this program becomes a measured process.
#[must_use]
pub fn arguments(contender: &Contender, sender: Option<Sender>) -> Vec<String> {
    let mut arguments = vec![
        ROLE.to_owned(),
        contender.side.label().to_owned(),
        contender.name.to_owned(),
    ];
    if let Some(sender) = sender {
        arguments.extend([sender.address.to_string(), sender.connections.to_string()]);
        arguments.extend(match sender.how {
            How::Receive => None,
            How::Slices(messages) => Some(messages.to_string()),
            How::InTurn => Some(IN_TURN.to_owned()),
        });
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
    let arguments: Vec<String> = std::env::args_os()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if emulator::keeper(&arguments)? || emulator::inside(&arguments)? {
        return Ok(true);
    }
    let [ROLE, side, name, rest @ ..] = arguments.as_slice() else {
        return Ok(false);
    };
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "not the arguments of a role");
    let side = Side::ALL.into_iter().find(|known| known.label() == *side);
    let contender = side
        .and_then(|side| Contender::by_name(side, name))
        .ok_or_else(wrong)?;
    // An interrupted measurement must not leave servers behind; where the system forbids the request they end with
    // their input.
    let _ = process::die_with_parent();
    let _ = process::raise_nofile();
    match (contender.side, rest) {
        (Side::Server, []) => serve(contender)?,
        (Side::Client, [address, connections, how @ ..]) => {
            let address = address.parse().map_err(|_| wrong())?;
            let connections = connections.parse().map_err(|_| wrong())?;
            let slice = match how {
                [] => None,
                [IN_TURN] => {
                    client::visit(contender, address, connections)?;
                    return Ok(true);
                }
                [AS_PEER] => {
                    client::receive_as_peer(contender, address, connections)?;
                    return Ok(true);
                }
                [slice] => Some(slice.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            };
            let received = client::receive(contender, address, connections, slice)?;
            print!("delivered {} {}", received.delivered, received.p50_ns);
            for slice in received.slices {
                print!(" {slice}");
            }
            println!();
        }
        _ => return Err(wrong()),
    }
    Ok(true)
}

pub(crate) fn ready(address: Option<SocketAddr>) -> io::Result<()> {
    let address = address.map_or_else(String::new, |address| format!(" {address}"));
    println!("ready {}{address}", std::process::id());
    io::stdout().flush()
}

fn serve(contender: &Contender) -> io::Result<()> {
    match contender.start {
        Start::Floor => {
            let mut server = floor::server::Server::bind(Wire::Tcp)?;
            ready(Some(server.address()?))?;
            server.serve(io::stdin())
        }
        Start::Served(served) => serve_own(contender, served.options()),
        Start::Own | Start::Tungstenite(_) | Start::Hyper | Start::Reqwest => {
            Err(io::Error::other("a client does not serve"))
        }
    }
}

/// Publishes a message for every byte of standard input.
fn serve_own(contender: &Contender, options: ServeOptions) -> io::Result<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config {
        transport: contender.speaker(),
        listen: any,
        control: any,
        cores: Vec::new(),
        shards: 1,
        options,
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
        server.hub().publish_together(count, |seq, body| {
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
