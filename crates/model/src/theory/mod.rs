//! What must be, as formulas: bytes on the wire, round trips, polls and delays.
//!
//! Nothing here measures. A formula is what a figure is held against: where the two differ by more than the figure's
//! uncertainty, one of them is wrong, and both are shown.
//!
//! # Layout
//!
//! - `bytes`: what framing adds to a message, above TCP and below it
//! - [`round_trips`]: how many until the first message
//! - [`dead`]: how long until a peer whose network has gone is noticed
//! - [`flush`]: messages that wait for others
//! - [`polling`]: batches, delays and polls of long-polling and of polling by the clock
//! - [`pushing`]: where in a fan-out a subscriber stands, and what buffers and acknowledgements make of a message

mod bytes;
pub mod dead;
pub mod flush;
pub mod polling;
pub mod pushing;
pub mod round_trips;

pub use bytes::*;
