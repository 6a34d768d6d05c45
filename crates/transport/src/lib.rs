//! The transports: Server-Sent Events, NDJSON, WebSocket, HTTP long-polling and polling by the clock, and the TCP floor
//! they are held against.
//!
//! # Layout
//!
//! One module per transport holds all of it: codec, server half, subscriber half.
//!
//! - [`sse`], [`websocket`], [`long_poll`], [`tcp`], [`ndjson`], [`short_poll`]: the transports
//! - `stream`: the HTTP response that never ends, which two of them are
//! - [`tokens`]: answers that are made for one client, token by token
//! - [`stack`]: the software that can speak them
//! - [`transport`]: the trait they share and the list of them
//! - [`bare`]: the write loop of the stack that has no more than handshake and framing
//! - [`hub`]: the sequenced ring of messages between a publisher and its subscribers; each is encoded once
//! - [`listener`]: accepting connections; `framework`: the same as axum does it
//! - [`subscriber`]: the read loop of the load generator
//! - [`deflate`]: compression on both sides
//! - [`tls`]: what both sides put between a socket and a transport
//! - [`http1`]: reading HTTP/1.1 responses, shared by all transports but `tcp`
//! - [`http2`]: streams that share a connection
//! - [`dialogue`]: a subscription without a socket
//! - [`limits`]: how much a peer may make a decoder hold
//!
//! Dispatch, allocation and locks cost once per connection or once per message, never once per delivery.

mod ascii;
pub mod bare;
pub mod deflate;
pub mod dialogue;
mod framework;
pub mod http1;
pub mod http2;
pub mod hub;
pub mod limits;
pub mod listener;
pub mod long_poll;
pub mod ndjson;
#[cfg(test)]
mod pieces;
pub mod short_poll;
pub mod sse;
pub mod stack;
mod stream;
pub mod subscriber;
pub mod tcp;
pub mod tls;
pub mod tokens;
pub mod transport;
pub mod websocket;
