//! `pushbench report`

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pushbench_model::record::Record;

use crate::exit::Exit;
use crate::output;

/// Names of the files of a report, within its record.
pub(crate) const HTML: &str = "report.html";
const MARKDOWN: &str = "report.md";
const CSV: &str = "report.csv";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Directory of the record
    record: PathBuf,
    /// Directory to write the report to [default: the record's]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let record = Record::read(&options.record)?;
    let out = options.out.as_deref().unwrap_or(&options.record);
    let page = write(&record, out)?;
    super::run::print_summary(&record)?;
    output::print(&format!("report: {}\n", page.display()))?;
    Ok(Exit::Done)
}

/// Writes the report in all formats; returns the path of the page.
pub(crate) fn write(record: &Record, directory: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let put = |name: &str, text: String| -> anyhow::Result<PathBuf> {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    put(MARKDOWN, pushbench_report::markdown(record))?;
    put(CSV, pushbench_report::csv(record))?;
    put(HTML, pushbench_report::html(record))
}
