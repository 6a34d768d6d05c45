//! Why there is no measurement.

use std::io;
use std::net::SocketAddr;

/// A measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The address of a server is not usable.
    #[error("{url:?} is not the address of a server: {reason}; write it as http://127.0.0.1:8080")]
    Target {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The limit on open files is below what the scenario needs.
    #[error(
        "this scenario needs {needed} open files and the limit is {limit}; raise it (ulimit -n {needed}) or ask for \
         fewer subscribers; `pushbench doctor` shows the limits"
    )]
    TooFewFiles {
        /// Connections and a few more.
        needed: u64,
        /// The limit after raising it as far as allowed.
        limit: u64,
    },
    /// One own address has too few ports for the connections of the scenario, and there are no others.
    #[error(
        "{needed} connections to {target} need as many ports and net.ipv4.ip_local_port_range has {ports}; widen it \
         (sysctl net.ipv4.ip_local_port_range=\"1024 65535\"), ask for fewer subscribers, or connect to 127.0.0.1, \
         which takes several source addresses"
    )]
    TooFewPorts {
        /// Connections.
        needed: u64,
        /// Ports of the range.
        ports: u64,
        /// Where to.
        target: SocketAddr,
    },
    /// Nobody answers.
    #[error("cannot connect to {address}: {source}; is the server running and the port right?")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Subscribers were not accepted.
    #[error("only {subscribed} of {wanted} subscribers were accepted{after}{first}")]
    Subscribe {
        /// Accepted.
        subscribed: u64,
        /// Asked for.
        wanted: u64,
        /// ` within 30s`, or empty when they failed before.
        after: String,
        /// The first error, with a leading colon, or empty.
        first: String,
    },
    /// The control endpoint does not do what docs/PROTOCOL.md says.
    #[error("{request} at {address} failed: {reason}")]
    Control {
        /// Method and path.
        request: &'static str,
        /// Where.
        address: SocketAddr,
        /// What happened.
        reason: String,
    },
    /// An endpoint says no usable time between two polls.
    #[error(
        "the endpoint's query says period={0}: milliseconds from one poll to the next, from 1 to 60000, are wanted, such as \
         /poll?period=250"
    )]
    Period(String),
    /// Slices were asked of a workload that publishes nothing to many.
    #[error("the workload {0} cannot run in slices; fan-out can")]
    NoSlices(&'static str),
    /// Answers were asked for over a transport that only pushes what all get.
    #[error(
        "the workload tokens cannot run over {0}, which makes no answers for one client; sse, websocket and ndjson do"
    )]
    NoAnswers(&'static str),
    /// Nobody is there who could take a network away.
    #[error(
        "subscribers are to lose their network, which only whoever holds a link can take away: run the scenario with \
         pushbench run --link rtt=1ms"
    )]
    NoLink,
    /// A thread or runtime cannot be had.
    #[error("cannot start a worker: {0}")]
    Worker(io::Error),
    /// A worker thread panicked, which is a bug of this program.
    #[error("a worker thread ended unexpectedly; please report this with the lines above")]
    WorkerDied,
    /// A certificate or a key cannot be used.
    #[error("TLS: {0}")]
    Tls(String),
    /// A transport whose messages nobody compresses.
    #[error(
        "there is no compression over {0}: the scenario's key `compression` is for sse, websocket and ndjson"
    )]
    Compression(&'static str),
    /// A transport whose subscribers share no connection.
    #[error(
        "no subscribers of {0} share a connection: the scenario's key `streams` is for sse and ndjson"
    )]
    Streams(&'static str),
    /// What is to be found in messages is not named rightly.
    #[error("{0}")]
    Reading(String),
    /// The process that drives this one has gone.
    #[error("the harness went away at phase {0:?}")]
    Barrier(&'static str),
}
