//! The yardstick: how much a delivery costs at least on this machine, and how many times that ours cost.
//!
//! # Layout
//!
//! - [`floor`]: the least a server and a load generator can do: one loop over raw epoll, one write or one read per
//!   delivery
//! - [`wire`]: what the other end of a measured process must know of each transport
//! - [`contender`]: who is measured: a table
//! - [`role`]: the measured processes, each a re-execution of the program that measures it; `client`: how clients receive
//! - [`trial`]: a measured process with its peer, delivering batch by batch
//! - [`count`]: instructions, allocations and system calls per delivery; [`memory`]: bytes per connection
//! - [`emulator`]: an emulated machine that counts what program and kernel execute
//! - [`cpu`]: CPU time per delivery, in slices that take turns
//! - [`batching`]: several messages per wake against one; [`instrument`]: our subscriber against a raw receiver;
//!   [`setup`]: connections
//! - [`ladder`]: all of it, stage by stage; [`text`]: a stage as a plain table
//! - [`local`]: a server and subscribers in this process, for the criterion benches
//!
//! Every process is measured from outside, and every delivery is counted: a trial in which one is missing fails.

pub mod batching;
mod client;
pub mod contender;
pub mod count;
pub mod cpu;
pub mod emulator;
pub mod floor;
pub mod instrument;
pub mod ladder;
pub mod local;
pub mod memory;
pub mod role;
pub mod setup;
pub mod text;
pub mod trial;
pub mod wire;
