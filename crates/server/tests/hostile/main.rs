//! Peers that are slow, broken or hostile, against the stack `bare`: what they cost is bounded, and a healthy subscriber
//! gets every message in order meanwhile.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod chats;
mod child;
#[path = "../contract/common.rs"]
#[allow(dead_code, reason = "not every test program needs all of it")]
mod common;
mod crowd;
mod files;
mod healthy;
mod lies;
mod polls;
mod stopped;
mod wire;
