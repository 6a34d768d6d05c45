//! Reading a record.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::consistent;
use super::{HlogError, RUN_FILE, Run, SCHEMA, TRIALS_FILE, Trial, parse_hlog};
use crate::anatomy::{ANATOMY_FILE, Anatomy};
use crate::histogram::Histogram;
use crate::peers::{PEERS_FILE, Peers};
use crate::search::{SEARCH_FILE, Search};
use crate::selftest::{SELFTEST_FILE, SelfTest};
use crate::slices::{SLICES_FILE, SliceTrial};
use crate::survey::{SURVEY_PREFIX, Survey};

/// A trial together with its histograms.
#[derive(Clone, Debug)]
pub struct RecordedTrial {
    /// The line of `trials.jsonl`.
    pub trial: Trial,
    /// Its histograms by name; empty when it failed.
    pub histograms: BTreeMap<String, Histogram>,
}

/// A whole record in memory.
#[derive(Clone, Debug)]
pub struct Record {
    /// `run.json`.
    pub run: Run,
    /// The trials, in the order they ran.
    pub trials: Vec<RecordedTrial>,
    /// Trials in slices, in the order they ran.
    pub slices: Vec<SliceTrial>,
    /// The last self-test on this machine before the run, if there was one.
    pub selftest: Option<SelfTest>,
    /// What a search found, if the run was one.
    pub search: Option<Search>,
    /// How Pushbench compares with programs of others, if that was measured.
    pub peers: Option<Peers>,
    /// What a delivery is made of, if that was measured: beside the trials, or instead of them.
    pub anatomy: Option<Anatomy>,
    /// What surveys found, in the order of a report.
    pub surveys: Vec<Survey>,
}

/// Why a directory cannot be read as a record.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be opened.
    #[error(
        "cannot read {path}: {source}; a record is a directory with {RUN_FILE} and {TRIALS_FILE}"
    )]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what the schema says.
    #[error("{path}, line {line}: {message}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// Another version of the schema.
    #[error("{path}: field `schema` is {found}, this version of pushbench reads {SCHEMA}")]
    Schema {
        /// Which file.
        path: PathBuf,
        /// The version found.
        found: u64,
    },
}

impl Record {
    /// Reads the record in `dir`.
    ///
    /// # Errors
    ///
    /// When a file is missing, damaged or of another schema. A record without scenarios and trials is one: `pushbench
    /// anatomy` leaves it behind. A last line of `trials.jsonl` without its newline is what
    /// an interrupted write leaves behind: it is not an error, and it is not counted.
    pub fn read(dir: &Path) -> Result<Self, ReadError> {
        let run_path = dir.join(RUN_FILE);
        let mut run: Run = parse(&run_path, 1, &read_text(&run_path)?)?;
        hand_on_link(&mut run);
        consistent::run(&run).map_err(malformed(&run_path, 1))?;

        let trials_path = dir.join(TRIALS_FILE);
        let text = read_text(&trials_path)?;
        let mut trials = Vec::new();
        for (index, line) in complete(&text).lines().enumerate() {
            let trial: Trial = parse(&trials_path, index + 1, line)?;
            consistent::trial(&run, &trial).map_err(malformed(&trials_path, index + 1))?;
            let histograms = match &trial.hlog {
                Some(name) => {
                    let path = dir.join(name);
                    let histograms = read_histograms(&path)?;
                    consistent::histograms(&trial, &histograms).map_err(malformed(&path, 1))?;
                    histograms
                }
                None => BTreeMap::new(),
            };
            trials.push(RecordedTrial { trial, histograms });
        }
        let slices_path = dir.join(SLICES_FILE);
        let slices = read_slices(&slices_path)?;
        let numbers = trials.iter().map(|recorded| recorded.trial.trial);
        consistent::numbers(numbers).map_err(malformed(&trials_path, 1))?;
        let numbers = trials.iter().map(|recorded| recorded.trial.trial);
        let numbers = numbers.chain(slices.iter().map(|trial| trial.trial));
        consistent::numbers(numbers).map_err(malformed(&slices_path, 1))?;
        let anatomy_path = dir.join(ANATOMY_FILE);
        let anatomy: Option<Anatomy> = read_if_there(&anatomy_path)?;
        if let Some(anatomy) = &anatomy {
            consistent::anatomy(anatomy).map_err(malformed(&anatomy_path, 1))?;
        }
        Ok(Self {
            run,
            trials,
            slices,
            selftest: read_if_there(&dir.join(SELFTEST_FILE))?,
            search: read_if_there(&dir.join(SEARCH_FILE))?,
            peers: read_if_there(&dir.join(PEERS_FILE))?,
            anatomy,
            surveys: read_surveys(dir)?,
        })
    }
}

/// In older records the run as a whole has the link.
fn hand_on_link(run: &mut Run) {
    if let Some(link) = run.link.take() {
        for scenario in &mut run.scenarios {
            scenario.link.get_or_insert(link);
        }
    }
}

/// An inconsistency, with its place.
fn malformed(path: &Path, line: usize) -> impl FnOnce(String) -> ReadError {
    let path = path.to_owned();
    move |message| ReadError::Malformed {
        path,
        line,
        message,
    }
}

/// `text` up to its last newline: what follows is half a line that an interrupted write left behind.
fn complete(text: &str) -> &str {
    text.rfind('\n').map_or("", |end| &text[..end])
}

/// A record without slices has no such file.
fn read_slices(path: &Path) -> Result<Vec<SliceTrial>, ReadError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = read_text(path)?;
    let lines = complete(&text).lines().enumerate();
    lines
        .map(|(index, line)| parse(path, index + 1, line))
        .collect()
}

fn read_if_there<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, ReadError> {
    if !path.exists() {
        return Ok(None);
    }
    parse(path, 1, &read_text(path)?).map(Some)
}

fn read_surveys(dir: &Path) -> Result<Vec<Survey>, ReadError> {
    let io = |source| ReadError::Io {
        path: dir.into(),
        source,
    };
    let mut surveys = Vec::new();
    for entry in fs::read_dir(dir).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let is_one =
            name.is_some_and(|name| name.starts_with(SURVEY_PREFIX) && name.ends_with(".json"));
        if is_one {
            let survey: Survey = parse(&path, 1, &read_text(&path)?)?;
            survey.check().map_err(malformed(&path, 1))?;
            surveys.push(survey);
        }
    }
    surveys.sort_by(|a, b| (a.place, &a.name).cmp(&(b.place, &b.name)));
    Ok(surveys)
}

fn read_text(path: &Path) -> Result<String, ReadError> {
    fs::read_to_string(path).map_err(|source| ReadError::Io {
        path: path.into(),
        source,
    })
}

fn read_histograms(path: &Path) -> Result<BTreeMap<String, Histogram>, ReadError> {
    parse_hlog(&read_text(path)?).map_err(|HlogError { line, message }| ReadError::Malformed {
        path: path.into(),
        line,
        message,
    })
}

/// Parses JSON after looking at its schema, so that another version is named as such.
fn parse<T: serde::de::DeserializeOwned>(
    path: &Path,
    line: usize,
    text: &str,
) -> Result<T, ReadError> {
    let malformed = |error: serde_json::Error| ReadError::Malformed {
        path: path.into(),
        line: line + error.line() - 1,
        message: error.to_string(),
    };
    let value: serde_json::Value = serde_json::from_str(text).map_err(malformed)?;
    match value.get("schema").and_then(serde_json::Value::as_u64) {
        Some(found) if found != u64::from(SCHEMA) => Err(ReadError::Schema {
            path: path.into(),
            found,
        }),
        Some(_) => serde_json::from_value(value).map_err(|error| ReadError::Malformed {
            path: path.into(),
            line,
            message: error.to_string(),
        }),
        None => Err(ReadError::Malformed {
            path: path.into(),
            line,
            message: "no field `schema`: this is not a record of pushbench".into(),
        }),
    }
}
