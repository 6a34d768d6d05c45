//! `pushbench schema`: the JSON Schema of a record's files, made from the types that write them.

use pushbench_model::anatomy::Anatomy;
use pushbench_model::drive::DriveReport;
use pushbench_model::peers::Peers;
use pushbench_model::record::{Run, Trial};
use pushbench_model::search::Search;
use pushbench_model::selftest::SelfTest;
use pushbench_model::slices::SliceTrial;
use pushbench_model::survey::Survey;

use crate::exit::Exit;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which document
    #[arg(value_enum)]
    document: Document,
}

/// A document of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Document {
    /// run.json
    Run,
    /// A line of trials.jsonl
    Trial,
    /// A line of slices.jsonl
    Slices,
    /// selftest.json
    Selftest,
    /// search.json
    Search,
    /// peers.json
    Peers,
    /// anatomy.json
    Anatomy,
    /// survey-NAME.json
    Survey,
    /// What `pushbench load --output json` writes
    Load,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let schema = match options.document {
        Document::Run => schemars::schema_for!(Run),
        Document::Trial => schemars::schema_for!(Trial),
        Document::Slices => schemars::schema_for!(SliceTrial),
        Document::Selftest => schemars::schema_for!(SelfTest),
        Document::Search => schemars::schema_for!(Search),
        Document::Peers => schemars::schema_for!(Peers),
        Document::Anatomy => schemars::schema_for!(Anatomy),
        Document::Survey => schemars::schema_for!(Survey),
        Document::Load => schemars::schema_for!(DriveReport),
    };
    output::print(&(serde_json::to_string_pretty(&schema)? + "\n"))?;
    Ok(Exit::Done)
}
