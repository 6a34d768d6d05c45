//! `pushbench compare`, through the program: synthetic records written to disk, good and bad ones.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "compare/bad.rs"]
mod bad;
#[path = "compare/baselines.rs"]
mod baselines;
mod common;
#[path = "compare/disk.rs"]
mod disk;
#[path = "compare/good.rs"]
mod good;
#[path = "../../report/tests/support/mod.rs"]
mod support;
