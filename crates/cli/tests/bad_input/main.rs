//! What goes wrong: each time one clear line, a documented exit code, no panic, and the record can be read.

#![allow(
    clippy::unwrap_used,
    reason = "also where it is not in a test function"
)]

#[path = "../common/mod.rs"]
mod common;
mod fake_http;
mod limits;
mod records;
mod servers;
mod words;

#[track_caller]
pub(crate) fn contains(text: &str, wanted: &[&str]) {
    assert!(
        wanted.iter().all(|wanted| text.contains(wanted)),
        "{wanted:?}: {text}"
    );
}
