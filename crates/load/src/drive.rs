//! Load on any endpoint, which promises nothing but its transport: `pushbench load`.
//!
//! # Layout
//!
//! - [`plan`]: what to do, and on whom
//! - [`live`]: what is seen of it while it goes on
//! - [`run`](fn@run): the whole of it
//! - `place`, `tls`, `link`: where a URL leads, and a socket with or without TLS
//! - `speech`: the socket-free half of each transport
//! - `reading`, `pointer`: what a message says of itself
//! - `worker`, `tally`, `delays`, `reconnect`: one thread, its connections, and what they have seen
//! - `posting`, `waiting`: a publisher of our own, and how long its messages are waited for
//!
//! Subscribers of a trial are another loop (`transport::subscriber`): they speak to servers that keep the contract, over plain sockets, and
//! cost as little as can be. Here connections come and go, are secured and redirected, and messages are whatever they are.

mod delays;
mod link;
pub mod live;
mod place;
pub mod plan;
mod pointer;
mod posting;
mod reading;
mod reconnect;
mod run;
mod speech;
mod tally;
mod tls;
mod waiting;
mod worker;

pub use live::{Live, Snapshot};
pub use plan::Plan;
pub use pointer::Pointer;
pub use run::run;
