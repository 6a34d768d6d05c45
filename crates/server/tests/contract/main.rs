//! The servers as a client sees them: real sockets on port 0, raw bytes, plain blocking clients. Nothing here uses the
//! codecs of the transports, so that a fault in them cannot hide itself.
//!
//! A transport is held to the same words on each stack and in each tuning: its file is a module of [`equalised`], of
//! [`defaults`], of [`bare`] and of [`axum`], which has words of its own where a file is named after hyper. What is
//! different between tunings is in [`tunings`].

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]
#![allow(
    clippy::duplicate_mod,
    reason = "the same tests for each stack and tuning"
)]

mod axum;
mod bare;
#[allow(dead_code, reason = "not every test program needs all of it")]
mod common;
mod control;
mod defaults;
mod equalised;
mod fetched;
mod heads;
mod tunings;
mod workers;
