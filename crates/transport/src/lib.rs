//! The transports: Server-Sent Events, WebSocket, HTTP long-polling, and the TCP floor they are held against.
//!
//! # Layout
//!
//! One module per transport holds all of it: codec, server half, subscriber half.
//!
//! - [`sse`], [`websocket`], [`long_poll`], [`tcp`]: the transports
//! - [`stack`]: the software that can speak them
//! - [`transport`]: the trait they share and the list of them
//! - [`bare`]: the write loop of the stack that has no more than handshake and framing
//! - [`hub`]: the sequenced ring of messages between a publisher and its subscribers; each is encoded once
//! - [`listener`]: accepting connections; `framework`: the same as axum does it
//! - [`subscriber`]: the read loop of the load generator
//! - [`http1`]: reading HTTP/1.1 responses, shared by three transports
//! - [`dialogue`]: a subscription without a socket
//! - [`limits`]: how much a peer may make a decoder hold
//!
//! Dispatch, allocation and locks cost once per connection or once per message, never once per delivery.

mod ascii;
pub mod bare;
pub mod dialogue;
mod framework;
pub mod http1;
pub mod hub;
pub mod limits;
pub mod listener;
pub mod long_poll;
#[cfg(test)]
mod pieces;
pub mod sse;
pub mod stack;
pub mod subscriber;
pub mod tcp;
pub mod transport;
pub mod websocket;
