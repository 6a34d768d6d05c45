//! The servers as a client sees them: real sockets on port 0, raw bytes, plain blocking clients. Nothing here uses the
//! codecs of the transports, so that a fault in them cannot hide itself.
//!
//! A transport with a choice of tunings is held to the same words in each: its file is a module of [`equalised`] and
//! of [`defaults`]. What is different between them is in [`tunings`]. So is the framework in [`axum`], which has words of
//! its own where a file is named after hyper.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(clippy::duplicate_mod, reason = "the same tests for each tuning")]

mod axum;
mod common;
mod control;
mod defaults;
mod equalised;
mod tcp;
mod tunings;
mod workers;
