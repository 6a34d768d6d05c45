//! Programs of others, in turns with our own: receivers of the same messages, and push servers under the same load.
//!
//! # Layout
//!
//! - `parse`: what `peers.toml` says
//! - `field`: which of it this machine can start, in which versions
//! - `run`: the rounds
//! - `receive`: one turn of a receiver
//! - `control`: orders to the server that sends

mod control;
mod field;
mod parse;
mod receive;
mod run;

use std::collections::BTreeMap;
use std::path::Path;

use pushbench_model::peers::{CountedBy, PeerLoad};

use crate::error::HarnessError;
use crate::servers::{Server, ServersError};

pub use field::{Contestant, Field};
pub use run::{PeersConfig, PeersObserver, run};

/// Commands that print versions, by what they are the version of.
pub type VersionCommands = BTreeMap<String, Vec<String>>;

/// What `peers.toml` says.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerList {
    /// Server that sends to receivers, `stack@tuning`.
    pub sender: String,
    /// What receivers are sent.
    pub receiver_load: PeerLoad,
    /// What push servers have to send.
    pub server_load: PeerLoad,
    /// Receivers.
    pub receivers: Vec<Receiver>,
    /// Push servers.
    pub servers: Vec<PushServer>,
}

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// How it is named and started and what it needs, in the terms of a server; without a command it is the load process.
    pub process: Server,
    /// Whether others are held against it.
    pub ours: bool,
    /// Whether it says when its connections are subscribed.
    pub announces: bool,
    /// Who counts its messages.
    pub counted_by: CountedBy,
    /// How to ask for its versions.
    pub versions: VersionCommands,
}

/// A push server, by its name in a list of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushServer {
    /// `stack@tuning`, or `stack` where there is no choice.
    pub stack: String,
    /// Whether others are held against it.
    pub ours: bool,
    /// How to ask for its versions.
    pub versions: VersionCommands,
}

impl PeerList {
    /// Parses the text of a list of peers; `file` is how errors name it, and paths are relative to its directory.
    ///
    /// # Errors
    ///
    /// When the text is not TOML, a key is unknown or missing, or a value is not allowed.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ServersError> {
        parse::parse(text, file)
    }

    /// Reads and parses the file.
    ///
    /// # Errors
    ///
    /// As [`PeerList::parse`], and when the file cannot be read.
    pub fn read(file: &Path) -> Result<Self, HarnessError> {
        let text = std::fs::read_to_string(file).map_err(|source| HarnessError::Read {
            path: file.into(),
            source,
        })?;
        Ok(Self::parse(&text, file)?)
    }
}
