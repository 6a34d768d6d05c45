//! The clients: how each kind of them receives. Library clients do with a message what the raw receiver does
//! ([`Ledger`]), so that what they cost more is the library.

mod hyper;
mod own;
mod poll;
mod reqwest;
mod tungstenite;

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::Once;

use pushbench_model::histogram::Histogram;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::contender::{Contender, Start};
use crate::floor::framing::{Chunked, Framed, Framing, Prefixed};
use crate::floor::ledger::Ledger;
use crate::floor::receiver::Receiver;
use crate::role::ready;
use crate::wire::Wire;

/// What a client received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Messages, all in sequence.
    pub(crate) delivered: u64,
    /// Median of their response times, nanoseconds; in slices, of the last slice.
    pub(crate) p50_ns: u64,
    /// Percentiles of each slice, where slices were asked for.
    pub(crate) slices: Vec<Delay>,
}

/// Percentiles of response times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delay {
    /// The median, nanoseconds.
    pub(crate) p50_ns: u64,
    /// The 99th percentile, nanoseconds.
    pub(crate) p99_ns: u64,
}

impl Delay {
    pub(crate) fn of(response: &Histogram) -> Self {
        Self {
            p50_ns: response.value_at_quantile(0.5),
            p99_ns: response.value_at_quantile(0.99),
        }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.p50_ns, self.p99_ns)
    }
}

impl FromStr for Delay {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (p50, p99) = text.split_once(':').ok_or(())?;
        Ok(Self {
            p50_ns: p50.parse().map_err(|_| ())?,
            p99_ns: p99.parse().map_err(|_| ())?,
        })
    }
}

/// A ledger that the tasks of a thread share.
type SharedLedger = Rc<RefCell<Ledger>>;

/// Receives until the sender closes. With `slice`, our load generator and the raw receivers take the percentiles of every
/// so many messages apart.
pub(crate) fn receive(
    contender: &Contender,
    address: SocketAddr,
    connections: usize,
    slice: Option<u64>,
) -> io::Result<Received> {
    match contender.start {
        Start::Floor => match contender.wire() {
            Wire::Tcp => raw::<Prefixed>(address, connections, slice),
            Wire::Sse => raw::<Chunked>(address, connections, slice),
            Wire::WebSocket => raw::<Framed>(address, connections, slice),
            Wire::LongPoll => Err(io::Error::other("no raw receiver polls")),
        },
        Start::Own => own::receive(contender.speaker(), address, connections, slice),
        Start::Tungstenite(buffer) => alone(tungstenite::receive(address, connections, buffer)),
        Start::Hyper if polls(contender) => alone(poll::hyper(address, connections)),
        Start::Hyper => alone(hyper::receive(address, connections)),
        Start::Reqwest if polls(contender) => alone(poll::reqwest(address, connections)),
        Start::Reqwest => alone(reqwest::receive(address, connections)),
        Start::Served(_) => Err(not_a_client()),
    }
}

/// Says why a connection ended. All end with the sender, so that one says it for all; it is read only if this process ends
/// before its last message.
fn ended(error: &dyn fmt::Display) {
    static SAID: Once = Once::new();
    SAID.call_once(|| eprintln!("a connection ended: {error}"));
}

/// Receives until a line can be read from standard input; says when it is subscribed and what it has received, as a peer does
/// (benches/peers/README.md).
pub(crate) fn receive_as_peer(
    contender: &Contender,
    address: SocketAddr,
    connections: usize,
) -> io::Result<()> {
    match (contender.start, contender.wire()) {
        (Start::Floor, Wire::Tcp) => raw_peer::<Prefixed>(address, connections),
        (Start::Floor, Wire::Sse) => raw_peer::<Chunked>(address, connections),
        (Start::Floor, Wire::WebSocket) => raw_peer::<Framed>(address, connections),
        _ => Err(io::Error::other("only a raw receiver is a peer")),
    }
}

fn raw_peer<F: Framing>(address: SocketAddr, connections: usize) -> io::Result<()> {
    let mut receiver = Receiver::<F>::connect(address, connections)?;
    receiver.end_with(io::stdin())?;
    println!("PHASE connected");
    let delivered = receiver.receive()?;
    println!("RESULT {delivered}");
    Ok(())
}

fn raw<F: Framing>(
    address: SocketAddr,
    connections: usize,
    slice: Option<u64>,
) -> io::Result<Received> {
    let mut receiver = Receiver::<F>::connect(address, connections)?;
    if let Some(messages) = slice {
        receiver.slice(messages);
    }
    ready(None)?;
    receiver.receive()?;
    Ok(receiver.received())
}

/// Opens `connections` connections one after the other, and closes each when it is subscribed.
pub(crate) fn visit(
    contender: &Contender,
    address: SocketAddr,
    connections: usize,
) -> io::Result<()> {
    match contender.start {
        Start::Floor => {
            let mut receiver = Receiver::<Prefixed>::connect(address, 0)?;
            ready(None)?;
            for _ in 0..connections {
                receiver.open(address)?;
                receiver.close();
            }
            Ok(())
        }
        Start::Own => own::visit(contender.speaker(), address, connections),
        Start::Tungstenite(buffer) => in_turn(connections, async || {
            drop(tungstenite::subscribe(address, buffer).await?);
            Ok(())
        }),
        Start::Hyper if polls(contender) => {
            in_turn(connections, async || poll::hyper_visit(address).await)
        }
        Start::Hyper => in_turn(connections, async || {
            hyper::subscribe(address).await?.leave().await
        }),
        Start::Reqwest if polls(contender) => {
            let client = poll::client()?;
            in_turn(connections, async || {
                poll::reqwest_visit(&client, address).await
            })
        }
        Start::Reqwest => {
            let client = reqwest::client()?;
            in_turn(connections, async || {
                drop(reqwest::subscribe(&client, address).await?);
                Ok(())
            })
        }
        Start::Served(_) => Err(not_a_client()),
    }
}

fn polls(contender: &Contender) -> bool {
    contender.wire() == Wire::LongPoll
}

fn not_a_client() -> io::Error {
    io::Error::other("a server does not receive")
}

/// On a current-thread runtime.
fn alone<T>(client: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, client)
}

/// Has `visit` open and close a connection, again and again.
fn in_turn(connections: usize, visit: impl AsyncFn() -> io::Result<()>) -> io::Result<()> {
    alone(async {
        ready(None)?;
        for _ in 0..connections {
            visit().await?;
        }
        Ok(())
    })
}
