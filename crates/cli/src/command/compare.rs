//! `pushbench compare`: records against a baseline.

mod baselines;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pushbench_model::record::Record;
use pushbench_report::compare::{
    Choice, Compared, Direction, Ending, Subject, Threshold, bencher, compare, github, html, json,
    markdown, text,
};

use crate::exit::{self, Exit, wrong};
use crate::{output, table};

/// Where baselines are kept.
const BASELINES: &str = "reports/baselines";

const MORE: &str = "\
Thresholds, for --fail-if: METRIC > CHANGE or METRIC < CHANGE
  METRIC  p50, p99, p99.9, cpu, load-cpu, instructions, bytes, segments, memory, rate, lost
  CHANGE  against the baseline: +10%, -5%, +500us, +2ms, +4kB, +0; without % the sign is needed
A regression is a change whose whole 95 % interval lies beyond the threshold (corrected over all
that the threshold is held against); a change whose interval holds the threshold is undecided.
Messages lost are counted per trial, invalid trials included.

Baselines: `pushbench compare --save main RECORD` keeps a record under a name, and
`pushbench compare main RECORD` compares with it.";

#[derive(Debug, clap::Args)]
#[command(after_help = format!("{MORE}\n\n{}", exit::HELP))]
pub(crate) struct Options {
    /// Directories of records, or names of baselines; the first is what the others are compared with
    #[arg(value_name = "RECORD")]
    records: Vec<PathBuf>,
    /// Change that is a regression, such as 'p99 > +10%'; repeatable
    #[arg(long, value_name = "THRESHOLD")]
    fail_if: Vec<Threshold>,
    /// Scenario to compare; repeatable [default: all that the records share]
    #[arg(long = "scenario", value_name = "NAME")]
    scenarios: Vec<String>,
    /// Server to compare: transport, stack or transport/stack; repeatable [default: all that they share]
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// File to write it to [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Directory of the baselines
    #[arg(long, value_name = "DIR", default_value = BASELINES)]
    baselines: PathBuf,
    /// Keep the one record given as a baseline of this name, and compare nothing
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["fail_if", "scenarios", "servers", "format", "out"]
    )]
    save: Option<String>,
    /// Let --save replace a baseline
    #[arg(long, requires = "save")]
    force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Tables for a terminal
    Text,
    /// A comment for a pull request
    Markdown,
    /// All figures, for programs
    Json,
    /// A page that stands alone
    Html,
    /// Bencher Metric Format: the figures of the one candidate
    Bmf,
    /// github-action-benchmark, customSmallerIsBetter: all but rates
    Github,
    /// github-action-benchmark, customBiggerIsBetter: rates
    GithubBigger,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    if let Some(name) = &options.save {
        return save(options, name);
    }
    let records = read(options)?;
    let subjects: Vec<Subject<'_>> = records
        .iter()
        .map(|(name, record)| Subject { name, record })
        .collect();
    let choice = Choice {
        scenarios: options.scenarios.clone(),
        servers: options.servers.clone(),
    };
    let compared = compare(&subjects, &choice, &options.fail_if)?;
    let written = write(&compared, options)?;
    match &options.out {
        Some(path) => std::fs::write(path, written)
            .with_context(|| format!("cannot write {}", path.display()))?,
        None => output::print(&written)?,
    }
    Ok(end(&compared))
}

fn save(options: &Options, name: &str) -> anyhow::Result<Exit> {
    let [record] = &options.records[..] else {
        wrong!("--save takes one record, {} given", options.records.len());
    };
    let directory = baselines::save(name, record, &options.baselines, options.force)?;
    output::print(&format!("baseline {name}: {}\n", directory.display()))?;
    Ok(Exit::Done)
}

/// The records with the names they go by: the shortest that tell them apart.
fn read(options: &Options) -> anyhow::Result<Vec<(String, Record)>> {
    let mut found = Vec::new();
    for given in &options.records {
        found.push(baselines::resolve(given, &options.baselines)?);
    }
    let mut names: Vec<String> = found.iter().map(|directory| last_part(directory)).collect();
    for index in 0..names.len() {
        if names.iter().filter(|name| **name == names[index]).count() > 1 {
            names = found
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            break;
        }
    }
    let mut records = Vec::new();
    for (directory, name) in found.iter().zip(names) {
        records.push((name, Record::read(directory)?));
    }
    Ok(records)
}

fn last_part(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or(directory.as_os_str());
    name.to_string_lossy().into_owned()
}

fn write(compared: &Compared<'_>, options: &Options) -> anyhow::Result<String> {
    Ok(match options.format {
        Format::Text => in_text(compared, options.out.is_none()),
        Format::Markdown => markdown(compared),
        Format::Json => json(compared),
        Format::Html => html(compared),
        Format::Bmf => bencher(compared, only_candidate(compared)?),
        Format::Github => github(
            compared,
            only_candidate(compared)?,
            Direction::SmallerIsBetter,
        ),
        Format::GithubBigger => github(
            compared,
            only_candidate(compared)?,
            Direction::BiggerIsBetter,
        ),
    })
}

/// A tracker's file is about one commit.
fn only_candidate(compared: &Compared<'_>) -> anyhow::Result<usize> {
    match compared.candidates().len() {
        1 => Ok(1),
        many => wrong!(
            "a tracker's file holds the figures of one candidate, {many} given: write one file for each"
        ),
    }
}

fn in_text(compared: &Compared<'_>, to_terminal: bool) -> String {
    let width = if to_terminal { output::width() } else { 120 };
    let said = text(compared);
    let mut out = String::new();
    for sentence in &said.headline {
        out += &output::hanging("", sentence);
    }
    for section in &said.sections {
        out += &format!("\n{}\n", section.title);
        if let Some(drawn) = &section.table {
            out += &format!("{}\n", table::draw(drawn, width));
        }
    }
    out.push('\n');
    for notice in &said.notices {
        out += &output::hanging("note: ", notice);
    }
    out
}

/// The exit code, with its reason on standard error where it is not zero.
fn end(compared: &Compared<'_>) -> Exit {
    let ending = compared.ending();
    let gates = || compared.gates.iter();
    let list = |wanted: Ending| {
        let texts = gates().filter(|gate| gate.ending() == wanted);
        let texts: Vec<&str> = texts.map(|gate| gate.threshold.text.as_str()).collect();
        texts.join(", ")
    };
    match ending {
        Ending::Pass => Exit::Done,
        Ending::Undecided => {
            output::say(&format!("pushbench: undecided: {}", list(ending)));
            Exit::Undecided
        }
        Ending::Regression => {
            output::say(&format!("pushbench: regression: {}", list(ending)));
            Exit::Regression
        }
        Ending::Unusable => {
            let missing = list(ending);
            let what = if missing.is_empty() {
                "some trial of what was compared is invalid, failed or missing".to_owned()
            } else {
                format!("there are figures missing for {missing}")
            };
            output::say(&format!("pushbench: unusable: {what}"));
            Exit::Unusable
        }
    }
}
