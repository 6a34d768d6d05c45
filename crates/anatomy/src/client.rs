//! The clients: how each kind of them receives. Library clients do with a message what the raw receiver does
//! ([`Ledger`]), so that what they cost more is the library.

mod hyper;
mod own;
mod reqwest;
mod tungstenite;

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use crate::contender::{Contender, Start};
use crate::floor::ledger::Ledger;
use crate::floor::receiver::Receiver;
use crate::role::ready;

/// What a client received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Messages, all in sequence.
    pub(crate) delivered: u64,
    /// Median of their response times, nanoseconds.
    pub(crate) p50_ns: u64,
}

/// A ledger that the tasks of a thread share.
type SharedLedger = Rc<RefCell<Ledger>>;

/// Receives until the sender closes.
pub(crate) fn receive(
    contender: &Contender,
    address: SocketAddr,
    connections: usize,
) -> io::Result<Received> {
    match contender.start {
        Start::Floor => {
            let mut receiver = Receiver::connect(address, connections)?;
            ready(None)?;
            receiver.receive()?;
            Ok(receiver.received())
        }
        Start::Own => own::receive(contender.speaker(), address, connections),
        Start::Tungstenite(buffer) => alone(tungstenite::receive(address, connections, buffer)),
        Start::Hyper => alone(hyper::receive(address, connections)),
        Start::Reqwest => alone(reqwest::receive(address, connections)),
        Start::Served(_) => Err(io::Error::other("a server does not receive")),
    }
}

/// On a current-thread runtime.
fn alone(client: impl Future<Output = io::Result<Received>>) -> io::Result<Received> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, client)
}
