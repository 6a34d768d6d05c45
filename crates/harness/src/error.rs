//! What stops a run. A trial that fails does not: it is a row of the record.

use std::io;
use std::path::{Path, PathBuf};

use pushbench_model::record::ReadError;

use crate::servers::ServersError;

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// The list of servers cannot be used.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The record cannot be written.
    #[error("cannot write {path}: {source}; {}", advice(.source))]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record to add to cannot be read.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// A record holds already what was to be added to it.
    #[error(
        "{path} is there already, and nothing in a record is overwritten: choose another record, or leave it out \
             for a new one"
    )]
    Kept {
        /// Which file.
        path: PathBuf,
    },
    /// The plan is empty.
    #[error("nothing to run: {0}")]
    NothingToRun(&'static str),
}

impl HarnessError {
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write {
            path: path.into(),
            source,
        }
    }
}

/// What a person can do about a record that cannot be written.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space or choose another directory; the trials recorded before this one can be read"
        }
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => "choose a directory that you may write to",
        _ => "the trials recorded before this one can be read",
    }
}
