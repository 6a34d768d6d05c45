//! What all subscribers of one thread share.

use std::io;

use pushbench_model::inbox::Inbox;

use super::SubscribeError;
use crate::tls::Tally;

/// Where the messages of all subscribers of a thread arrive, and what is known of them together.
#[derive(Debug, Default)]
pub struct Inlet {
    /// Verifies, stamps and records messages.
    pub inbox: Inbox,
    /// Subscribers that the server has accepted.
    pub subscribed: u64,
    /// Subscribers whose connection has ended.
    pub ended: u64,
    /// Of these, subscribers that the server had not accepted before.
    pub refused: u64,
    /// Who was to subscribe on connections that could not be opened; they are no subscribers.
    pub unconnected: u64,
    /// What happened to single subscribers since somebody last took the notes.
    pub notes: Vec<Note>,
    /// Handshakes and records, where connections are secured.
    pub tls: Tally,
    /// When the loop last looked at the clock, which is once per read: CLOCK_MONOTONIC nanoseconds.
    pub now: u64,
}

/// Something that happened to one subscriber.
#[derive(Debug)]
pub struct Note {
    /// Which one, as [`super::Subscribers::open`] named it.
    pub key: usize,
    /// What.
    pub happened: Happened,
}

/// What can happen to a subscriber.
#[derive(Debug)]
pub enum Happened {
    /// The connection could not be opened. Its key is free again.
    Unconnected(io::Error),
    /// It has its first message; told only where somebody wants to know ([`super::Request::tells`]) and of one that comes
    /// back ([`super::Subscribers::reopen`]).
    Served {
        /// When it was read, CLOCK_MONOTONIC nanoseconds.
        received: u64,
        /// Bodies of this read that failed their checksum or were no messages.
        corrupted: u64,
    },
    /// Its connection has ended, or is of no use any more. It is read no further and stays open until it is closed.
    Ended(SubscribeError),
}
