//! The highest rate that a server sustains under an objective (method rules 31 and 32).
//!
//! # Layout
//!
//! - [`search`]: which rate to try next, a state machine without clocks or processes
//! - [`mod@judge`]: what a finished trial says of its rate
//! - [`run`](mod@run): the loop that makes a trial of every probe and records it
//! - [`simulate`]: a queue whose true limit is known, to prove all of it

pub mod judge;
pub mod run;
pub mod search;
pub mod simulate;

pub use judge::judge;
pub use run::{NoWatcher, SaturateConfig, SaturateOutcome, Watcher, run};
pub use search::{Bisection, Found, Strategy};
