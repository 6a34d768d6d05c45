//! The servers as a client sees them: real sockets on port 0, raw bytes, plain blocking clients. Nothing here uses the
//! codecs of the transports, so that a fault in them cannot hide itself.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;
mod control;
mod long_poll;
mod slow;
mod sse;
mod tcp;
mod websocket;
mod workers;
