//! The only place that writes records (docs/RECORD.md). What is recorded stays readable whatever happens next: files
//! are written before the line that names them, and a line counts only once it is complete.

mod home;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use pushbench_model::anatomy::{ANATOMY_FILE, Anatomy};
use pushbench_model::histogram::Summary;
use pushbench_model::measurement::Measurement;
use pushbench_model::peers::{PEERS_FILE, Peers};
use pushbench_model::record::{
    HLOG_DIR, RUN_FILE, Record, Run, SCHEMA, TRIALS_FILE, Trial, write_hlog,
};
use pushbench_model::search::{SEARCH_FILE, Search};
use pushbench_model::selftest::{SELFTEST_FILE, SelfTest};
use pushbench_model::slices::{SLICES_FILE, SliceTrial};
use pushbench_model::survey::Survey;
use serde::Serialize;

use crate::error::HarnessError;
use crate::plan::PlannedTrial;
use crate::trial::FinishedTrial;
use home::Home;

/// Writes one record.
#[derive(Debug)]
pub struct RecordWriter {
    directory: PathBuf,
    home: Home,
}

impl RecordWriter {
    /// Creates the directory of a new record in `parent`. An existing one is left alone: `-2`, `-3` and so on are
    /// appended to `name` until it is a new one.
    ///
    /// # Errors
    ///
    /// When a directory or file cannot be created.
    pub fn create(parent: &Path, name: &str, run: &Run) -> Result<Self, HarnessError> {
        fs::create_dir_all(parent).map_err(HarnessError::write(parent))?;
        let directory = new_directory(parent, name)?;
        let hlog = directory.join(HLOG_DIR);
        fs::create_dir(&hlog).map_err(HarnessError::write(&hlog))?;

        let path = directory.join(RUN_FILE);
        let home = Home::of_this_process();
        let text = document(run, &home).map_err(HarnessError::write(&path))?;
        write_file(&path, &text)?;
        // A record without trials is a record: an interrupted run can be read from its first moment.
        write_file(&directory.join(TRIALS_FILE), "")?;
        Ok(Self { directory, home })
    }

    /// Adds to a record that is there.
    ///
    /// # Errors
    ///
    /// When `directory` holds no record.
    pub fn open(directory: &Path) -> Result<Self, HarnessError> {
        let run = directory.join(RUN_FILE);
        fs::metadata(&run).map_err(|source| HarnessError::Read { path: run, source })?;
        Ok(Self {
            directory: directory.into(),
            home: Home::of_this_process(),
        })
    }

    /// Opens the record in `directory` to put an anatomy beside what it holds.
    ///
    /// # Errors
    ///
    /// When it is not a record, or holds an anatomy already: nothing in a record is overwritten.
    pub fn beside(directory: &Path) -> Result<Self, HarnessError> {
        let record = Record::read(directory)?;
        if record.anatomy.is_some() {
            return Err(HarnessError::Kept {
                path: directory.join(ANATOMY_FILE),
            });
        }
        Ok(Self {
            directory: directory.into(),
            home: Home::of_this_process(),
        })
    }

    /// Where the record is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Appends a trial and returns it as it was recorded. When this returns it is on the disk.
    ///
    /// # Errors
    ///
    /// When the disk is full or a file cannot be written. The trials recorded before can still be read.
    pub fn append(
        &mut self,
        planned: &PlannedTrial,
        finished: FinishedTrial,
    ) -> Result<Trial, HarnessError> {
        let mut trial = Trial {
            schema: SCHEMA,
            trial: planned.number,
            repetition: planned.repetition,
            scenario: planned.scenario.name.clone(),
            server: planned.server.label.clone(),
            outcome: finished.outcome,
            started: finished.started,
            wall_s: finished.wall_s,
            seed: planned.seed,
            measurement: finished.measurement,
            summaries: BTreeMap::new(),
            hlog: None,
            server_usage: finished.server_usage,
            load_usage: finished.load_usage,
            steal: finished.steal,
            others_cpu: finished.others_cpu,
            cpu_pressure: finished.cpu_pressure,
            steadiness: finished.steadiness,
            flags: finished.flags,
            rate: planned.rate,
            link: finished.link,
        };
        if let Some(measurement) = &mut trial.measurement {
            let (log, summaries) = take_histograms(measurement);
            if !summaries.is_empty() {
                let name = hlog_name(planned);
                write_file(&self.directory.join(&name), &log)?;
                trial.hlog = Some(name);
            }
            trial.summaries = summaries;
        }
        self.append_line(TRIALS_FILE, &trial)?;
        Ok(trial)
    }

    /// Appends a trial in slices. When this returns it is on the disk. The first one creates the file.
    ///
    /// # Errors
    ///
    /// As [`Self::append`].
    pub fn append_slices(&mut self, trial: &SliceTrial) -> Result<(), HarnessError> {
        let path = self.directory.join(SLICES_FILE);
        if !path.exists() {
            write_file(&path, "")?;
        }
        self.append_line(SLICES_FILE, trial)
    }

    /// Keeps the self-test that was made before the run.
    ///
    /// # Errors
    ///
    /// When the disk is full or the file cannot be written.
    pub fn put_selftest(&self, selftest: &SelfTest) -> Result<(), HarnessError> {
        let path = self.directory.join(SELFTEST_FILE);
        let text = document(selftest, &self.home).map_err(HarnessError::write(&path))?;
        write_file(&path, &text)
    }

    /// Writes what a search has found so far, in the place of what it had found before; whoever reads meanwhile, or
    /// after an interruption, sees the one or the other.
    ///
    /// # Errors
    ///
    /// When the disk is full or the file cannot be written.
    pub fn put_search(&self, search: &Search) -> Result<(), HarnessError> {
        self.replace(SEARCH_FILE, search)
    }

    /// Writes what a comparison with peers has found so far, as [`Self::put_search`] does.
    ///
    /// # Errors
    ///
    /// When the disk is full or the file cannot be written.
    pub fn put_peers(&self, peers: &Peers) -> Result<(), HarnessError> {
        self.replace(PEERS_FILE, peers)
    }

    /// Writes the stages of an anatomy that were measured so far, in the place of those before, as [`Self::put_search`]
    /// does.
    ///
    /// # Errors
    ///
    /// When the disk is full or the file cannot be written.
    pub fn put_anatomy(&self, anatomy: &Anatomy) -> Result<(), HarnessError> {
        self.replace(ANATOMY_FILE, anatomy)
    }

    /// Writes what a survey has found so far, in the place of the one of the same name, as [`Self::put_search`] does.
    ///
    /// # Errors
    ///
    /// When the disk is full or the file cannot be written.
    pub fn put_survey(&self, survey: &Survey) -> Result<(), HarnessError> {
        self.replace(&survey.file(), survey)
    }

    fn replace(&self, name: &str, content: &impl Serialize) -> Result<(), HarnessError> {
        let path = self.directory.join(name);
        let draft = self.directory.join(format!("{name}.new"));
        let put = || -> io::Result<()> {
            let text = document(content, &self.home)?;
            let mut file = File::create(&draft)?;
            file.write_all(text.as_bytes())?;
            file.sync_data()?;
            fs::rename(&draft, &path)
        };
        put().map_err(HarnessError::write(&path))
    }

    fn append_line(&self, file: &str, trial: &impl Serialize) -> Result<(), HarnessError> {
        let path = self.directory.join(file);
        let append = || -> io::Result<()> {
            let line = self.home.hidden_in(serde_json::to_string(trial)?) + "\n";
            let mut file = OpenOptions::new().append(true).open(&path)?;
            let length = file.metadata()?.len();
            file.write_all(line.as_bytes())
                .and_then(|()| file.sync_data())
                .inspect_err(|_| {
                    // Readers pass over half a line; without it, the file is as it was.
                    let _ = file.set_len(length);
                })
        };
        append().map_err(HarnessError::write(&path))
    }
}

/// The text of a file of its own.
fn document(content: &impl Serialize, home: &Home) -> io::Result<String> {
    Ok(home.hidden_in(serde_json::to_string_pretty(content)?) + "\n")
}

fn new_directory(parent: &Path, name: &str) -> Result<PathBuf, HarnessError> {
    let mut directory = parent.join(name);
    let mut number = 1;
    loop {
        match fs::create_dir(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                directory = parent.join(format!("{name}-{number}"));
            }
            Err(error) => return Err(HarnessError::write(&directory)(error)),
        }
    }
}

/// Writes a file that must not exist yet, to the disk.
fn write_file(path: &Path, text: &str) -> Result<(), HarnessError> {
    let write = || -> io::Result<()> {
        let mut file = File::create_new(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()
    };
    write().map_err(HarnessError::write(path))
}

/// The text of the log and the summaries; the measurement keeps all but its histograms.
fn take_histograms(measurement: &mut Measurement) -> (String, BTreeMap<String, Summary>) {
    // Those that do not decode were refused when the result was read.
    let mut histograms = std::mem::take(&mut measurement.histograms);
    let mut summaries = BTreeMap::new();
    histograms.retain(|name, encoded| match encoded.decode() {
        Ok(histogram) => {
            let lost = measurement.lost_beside(name);
            summaries.insert(name.clone(), Summary::of(&histogram, lost));
            true
        }
        Err(_) => false,
    });
    let maxima = summaries
        .iter()
        .map(|(name, summary)| (name.clone(), summary.max))
        .collect();
    let seconds = measurement.elapsed_ns as f64 / 1e9;
    (write_hlog(&histograms, &maxima, seconds), summaries)
}

/// The name of a scenario has what its link does, where it runs over several.
fn hlog_name(planned: &PlannedTrial) -> String {
    let label = &planned.server.label;
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let scenario: String = planned.scenario.name.chars().map(plain).collect();
    let (transport, stack, tuning) = (&label.transport, &label.stack, label.tuning);
    format!(
        "{HLOG_DIR}/{:04}-{scenario}-{transport}-{stack}-{tuning}.hlog",
        planned.number
    )
}

#[cfg(test)]
mod tests;
