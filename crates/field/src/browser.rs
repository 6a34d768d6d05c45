//! Chromium in front of our servers: what a page gets, when, at what cost, and where the browser has limits of its own.
//!
//! # Layout
//!
//! - [`chromium`]: the browser, its profile, tabs with our page
//! - [`visit`](mod@visit): the plan
//! - `devtools`: the protocol by which it is driven
//! - [`clock`]: a clock that pages can ask
//! - [`delivery`]: messages to the handler of a page
//! - [`limits`]: how many connections it opens
//! - [`http2`]: the same over HTTP/2, through nginx
//! - [`endings`]: what its EventSource does when a stream ends
//! - [`tables`]: all of it, as parts of a survey

pub mod chromium;
pub mod clock;
pub mod delivery;
mod devtools;
pub mod endings;
pub mod http2;
pub mod limits;
pub mod tables;
pub mod visit;

pub use devtools::BrowserError;
pub use visit::{NoVisit, Observer, Plan, Visited, visit};
