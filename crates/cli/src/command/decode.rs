//! `pushbench decode`: a stream on standard input, as JSON.

use std::io::{self, ErrorKind};

use pushbench_conform::decode::{DecodeFailure, sse};

use crate::exit::Exit;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// What standard input is
    #[arg(value_enum)]
    format: Format,
    /// Longest message, bytes
    #[arg(long, value_name = "BYTES", default_value_t = 16 << 20)]
    max_message: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// An event stream: a line of JSON for every event (event, data, id), then one with the last event id and the
    /// reconnection time in milliseconds (lastEventId, retry)
    Sse,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let Format::Sse = options.format;
    match sse(io::stdin().lock(), io::stdout().lock(), options.max_message) {
        // A reader that has seen enough is no error.
        Err(DecodeFailure::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(Exit::Done),
        result => {
            result?;
            Ok(Exit::Done)
        }
    }
}
