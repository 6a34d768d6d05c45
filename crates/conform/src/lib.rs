//! Our decoders, state machines and servers, held against the specifications.
//!
//! # Layout
//!
//! - [`group`]: the groups of a corpus that was written from the specifications, one file each; their cases are data, in
//!   `corpus/`
//! - [`cuts`]: the ways in which bytes are cut into reads
//! - [`escape`]: bytes in the text of the corpus
//! - [`autobahn`]: the Autobahn test suite against our WebSocket servers and our client
//! - [`findings`]: what was found, as tables
//! - [`decode`]: an event stream as JSON, for pipes
//! - [`inspect`]: any stream, byte by byte, with its meaning

pub mod autobahn;
pub mod cuts;
pub mod decode;
pub mod escape;
pub mod findings;
pub mod group;
pub mod inspect;

mod own;
