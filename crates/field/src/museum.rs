//! The museum: faulty samples of server push, as they are found in tutorials, each run as it is usually written and with its
//! fix.
//!
//! # Layout
//!
//! - [`exhibit`]: what an exhibit says of itself
//! - [`exhibits`]: one file each, and the list of them
//! - [`run`](mod@run): showing one
//! - [`tables`]: what was seen, as parts of a survey

pub mod exhibit;
pub mod exhibits;
pub mod run;
pub mod tables;

pub use exhibit::{Exhibit, Form, Kind, Outcome};
pub use exhibits::EXHIBITS;
