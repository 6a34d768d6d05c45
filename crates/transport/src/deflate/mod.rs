//! Compression on both sides: DEFLATE (RFC 1951) in a WebSocket's messages (RFC 7692) or in a response of `Content-Encoding: gzip`
//! (RFC 1952), flushed after what is written, so that it can be read.
//!
//! # Layout
//!
//! - [`Packer`]: compressing, each message by itself or with what came before
//! - [`Inflater`]: the other way round, incremental and bounded
//! - `gzip`: the header of a gzip stream
//! - `agree`: what is offered, and what is answered
//! - `line`: a connection on the stack `bare` that has a compressor of its own
//!
//! The library is flate2 with its implementation in Rust, `miniz_oxide`, at its usual level, which is zlib's 6.

pub(crate) mod agree;
pub(crate) mod gzip;
mod inflater;
pub(crate) mod line;
mod packer;

pub(crate) use inflater::Room;
pub use inflater::{InflateError, Inflater};
pub use packer::Packer;
pub(crate) use packer::{pack, stored, unpack};

/// What a flush ends with: the length of an empty block that is stored, and its complement. A WebSocket leaves it out.
pub const FLUSHED: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
