//! What must be, as formulas: bytes on the wire, round trips, polls and delays.
//!
//! Nothing here measures. A formula is what a figure is held against: where the two differ by more than the figure's
//! uncertainty, one of them is wrong, and both are shown.
//!
//! # Layout
//!
//! - `bytes`: what framing adds to a message, above TCP and below it
//! - [`http2`]: the same in frames of HTTP/2
//! - [`quic`]: the same in HTTP/3 and WebTransport
//! - [`compression`]: the same of messages that are compressed
//! - [`round_trips`]: how many until the first message
//! - [`calls`]: writes, acknowledgements and segments per message
//! - [`dead`]: how long until a peer whose network has gone is noticed
//! - [`flush`]: messages that wait for others
//! - [`polling`]: batches, delays and polls of long-polling and of polling by the clock
//! - [`pushing`]: where in a fan-out a subscriber stands, and what buffers and acknowledgements make of a message
//! - [`timer`]: what a timer that ticks makes of a sleep
//! - [`memory`]: what a connection takes that is open
//!
//! # What is not measured
//!
//! Nothing in this suite speaks HTTP/3 or WebTransport: [`quic`],
//! [`to_first_message_over_http3`](round_trips::to_first_message_over_http3) and
//! [`to_first_message_of_webtransport`](round_trips::to_first_message_of_webtransport) are theory alone. So are [`compression`],
//! [`to_first_message_of_websocket_over_http2`](round_trips::to_first_message_of_websocket_over_http2) and of [`http2`] what is not
//! [`data`](http2::data): trials over HTTP/2 are of event streams and lines, heads of which enter as they were. Early data is not used either.
//!
//! Of the others, no figure is held against [`calls`], [`timer`], [`memory`], [`ethernet`], [`pushing::fan_out`],
//! [`pushing::pushed`], [`pushing::nagle`], nor against what a message has of its poll
//! ([`LongPoll::per_message`](polling::LongPoll::per_message), [`ShortPoll::heads_per_message`](polling::ShortPoll::heads_per_message)).
//!
//! # Where other tables differ
//!
//! - A server that speaks first: two round trips and not one, see [`round_trips`].
//! - The batch for which long-polling costs no more than a stream: [`polling::batch_that_pays`] counts the byte that ends each
//!   message of an answer, so it is a little larger.
//! - The first message out of a buffer: [`pushing::held_by_a_buffer`] counts from the first message that went in.

mod bytes;
pub mod calls;
pub mod compression;
pub mod dead;
pub mod flush;
pub mod http2;
pub mod memory;
pub mod polling;
pub mod pushing;
pub mod quic;
pub mod round_trips;
pub mod timer;

pub use bytes::*;
