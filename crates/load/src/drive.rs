//! Load on any endpoint, which promises nothing but its transport: `pushbench load`.
//!
//! # Layout
//!
//! - [`plan`]: what to do, and on whom
//! - [`live`]: what is seen of it while it goes on

pub mod live;
pub mod plan;

pub use live::{Live, Snapshot};
pub use plan::Plan;
