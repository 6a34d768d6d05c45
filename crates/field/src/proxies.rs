//! Proxies in front of our servers: what arrives, when, in which pieces, and what cuts it.
//!
//! # Layout
//!
//! - [`setting`]: a proxy and how it is set
//! - [`proxy`]: one that runs, with all its settings at once
//! - [`watch`]: one subscriber of any transport, read by read
//! - [`http2`]: one that speaks HTTP/2
//! - [`observe`]: messages sent and seen
//! - [`visit`](mod@visit): the plan, in turns
//! - [`tables`]: what was seen, as parts of a survey

pub mod http2;
pub mod observe;
pub mod proxy;
pub mod setting;
pub mod tables;
pub mod visit;
pub mod watch;

pub use setting::{SETTINGS, Setting};
pub use visit::{Observed, Plan, visit};

/// Transports that proxies are asked to pass on.
pub const TRANSPORTS: [&str; 3] = ["sse", "websocket", "long-poll"];
