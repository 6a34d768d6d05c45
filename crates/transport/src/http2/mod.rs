//! HTTP/2 by prior knowledge (RFC 9113 §3.3): what streams of it need that share one connection.
//!
//! - [`frame`]: frames, read out of bytes and written
//! - [`head`]: the head of a request and of a response (RFC 7541)
//! - [`subscriber`]: the subscriber half, many subscriptions on a connection
//! - [`server`]: what hyper needs to serve them
//! - `bare`: the server half on the stack `bare`

pub(crate) mod bare;
pub mod frame;
pub mod head;
pub(crate) mod server;
pub(crate) mod subscriber;

use crate::dialogue::{Dialogue, hold_shared};
use crate::sse::Sse;
use crate::sse::subscriber::SharedSse;
use crate::transport::Transport as _;

/// What so many subscribers to events that share a connection make of a server that sends `pieces`, each in one read, and then ends
/// it. Each message stands behind the number of its subscriber.
#[must_use]
pub fn dialogue(streams: u32, pieces: &[&[u8]]) -> Dialogue {
    hold_shared::<SharedSse>(Sse.endpoint().1, streams, pieces.iter().copied())
}

/// What the client's side of a connection begins with.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
