//! The field: clients, browsers, proxies and faulty samples that we did not write, in front of our servers, and what they
//! deliver, lose, delay and cost.
//!
//! # Layout
//!
//! - [`browser`]: Chromium, driven from here
//! - [`clients`]: clients of others as subscribers of our servers
//! - [`museum`]: faulty samples, as written and with their fix
//! - [`proxies`]: proxies in front of our servers
//! - [`fetch`]: one HTTP request, with everything that came back and when
//! - [`own`]: a server of ours, in this process
//! - [`program`]: whether a program is there, in which version, and how one is run without leaving it behind

pub mod browser;
pub mod clients;
pub mod fetch;
pub mod museum;
pub mod own;
pub mod program;
pub mod proxies;
