//! The yardstick: how much a delivery costs at least on this machine, and how many times that ours cost.
//!
//! # Layout
//!
//! - [`floor`]: the least a server and a load generator can do: one loop over raw epoll, one write or one read per
//!   delivery
//! - [`wire`]: what the other end of a measured process must know of each transport
//! - [`contender`]: the measured processes, each a re-execution of the bench that measures it
//! - [`trial`]: a measured process with its peer, delivering message by message
//! - [`count`]: instructions and system calls per delivery
//! - [`cpu`]: CPU time per delivery, in slices that take turns
//! - [`local`]: a server and subscribers in this process, for the criterion benches
//!
//! Every process is measured from outside, and every delivery is counted: a trial in which one is missing fails.

pub mod contender;
pub mod count;
pub mod cpu;
pub mod floor;
pub mod local;
pub mod trial;
pub mod wire;
