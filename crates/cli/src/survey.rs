//! What all commands share that make a survey: where it goes, and how it is shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use pushbench_harness::{RecordWriter, environment};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Record, SCHEMA};
use pushbench_model::survey::{AbsentSystem, Part, Survey};

use crate::command::run::{Chosen, build, command_line, run_config};
use crate::exit::Exit;
use crate::inputs::ChosenServers;
use crate::{output, table};

/// Where a survey goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Destination {
    /// Directory in which a new record is created
    #[arg(
        long,
        value_name = "DIR",
        default_value = "reports",
        conflicts_with = "into"
    )]
    out: PathBuf,
    /// Record to put the survey into, in the place of the one of its kind that it may hold; its report is drawn again
    #[arg(long, value_name = "RECORD")]
    into: Option<PathBuf>,
}

/// Which survey.
pub(crate) struct About {
    /// Name: lower-case letters, digits and dashes.
    pub(crate) name: &'static str,
    /// Heading of its section.
    pub(crate) title: &'static str,
    /// Its place among the surveys of a report.
    pub(crate) place: u32,
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) parts: Vec<Part>,
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) absent: Vec<AbsentSystem>,
    pub(crate) interrupted: bool,
    /// Something was lost or failed that is not the fault of the system itself.
    pub(crate) unusable: bool,
}

/// A survey under way.
pub(crate) struct Paper {
    writer: RecordWriter,
    header: Survey,
    begun: Instant,
}

impl Paper {
    /// Finds its place before minutes are spent.
    pub(crate) fn new(about: &About, destination: &Destination) -> anyhow::Result<Self> {
        let config = run_config(Chosen {
            profile: Profile::Quick,
            repetitions: 1,
            seed: None,
            out: &destination.out,
            scenarios: Vec::new(),
            servers: ChosenServers::default(),
            slices: false,
        });
        let writer = if let Some(record) = &destination.into {
            // What is no record of this version must not be written into.
            Record::read(record)?;
            RecordWriter::open(record)?
        } else {
            config.empty_record()?
        };
        let build = build();
        let header = Survey {
            schema: SCHEMA,
            name: about.name.into(),
            title: about.title.into(),
            place: about.place,
            started: environment::now(),
            wall_s: 0.0,
            command: command_line(),
            interrupted: false,
            pushbench_version: build.version,
            commit: build.commit,
            build: build.profile,
            machine: environment::short_name(&config.environment),
            versions: BTreeMap::new(),
            parts: Vec::new(),
            absent: Vec::new(),
        };
        Ok(Self {
            writer,
            header,
            begun: Instant::now(),
        })
    }

    /// Keeps what was found so far: an interrupted survey is one.
    pub(crate) fn keep(&mut self, found: &Found) -> anyhow::Result<()> {
        let survey = &mut self.header;
        survey.wall_s = self.begun.elapsed().as_secs_f64();
        survey.parts.clone_from(&found.parts);
        survey.versions.clone_from(&found.versions);
        survey.absent.clone_from(&found.absent);
        survey.interrupted = found.interrupted;
        Ok(self.writer.put_survey(survey)?)
    }

    /// Keeps it, draws the report, prints the tables, and says where all is.
    pub(crate) fn conclude(mut self, found: &Found) -> anyhow::Result<Exit> {
        self.keep(found)?;
        let directory = self.writer.directory();
        for section in pushbench_report::survey::sections(&self.header) {
            output::print(&format!("\n{}\n", section.title))?;
            for sentence in &section.about {
                output::print(&output::hanging("", sentence))?;
            }
            let drawn = table::draw(&section.table, output::width());
            output::print(&format!("{drawn}\n"))?;
            for note in &section.table.notes {
                output::print(&output::hanging("note: ", note))?;
            }
        }
        let page = crate::command::report::write(&Record::read(directory)?, directory)?;
        output::print(&format!(
            "record: {}\nreport: {}\n",
            directory.display(),
            page.display()
        ))?;
        Ok(if found.interrupted {
            Exit::Interrupted
        } else if found.unusable {
            Exit::Unusable
        } else {
            Exit::Done
        })
    }
}
