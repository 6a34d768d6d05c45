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

/// The same for a command that also makes sense without a record.
#[derive(Debug, clap::Args)]
pub(crate) struct OptionalDestination {
    /// Directory in which a new record is created, with what was found
    #[arg(long, value_name = "DIR", conflicts_with = "into")]
    out: Option<PathBuf>,
    /// Record to put what was found into, in the place of what of its kind it may hold; its report is drawn again
    #[arg(long, value_name = "RECORD")]
    into: Option<PathBuf>,
}

impl OptionalDestination {
    /// Where it goes, if anywhere.
    pub(crate) fn chosen(&self) -> Option<Destination> {
        let (out, into) = (self.out.clone(), self.into.clone());
        (out.is_some() || into.is_some()).then(|| Destination {
            out: out.unwrap_or_default(),
            into,
        })
    }
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
        let header = header(about, environment::short_name(&config.environment));
        Ok(Self {
            writer,
            header,
            begun: Instant::now(),
        })
    }

    /// Keeps what was found so far: an interrupted survey is one.
    pub(crate) fn keep(&mut self, found: &Found) -> anyhow::Result<()> {
        self.header.wall_s = self.begun.elapsed().as_secs_f64();
        fill(&mut self.header, found);
        Ok(self.writer.put_survey(&self.header)?)
    }

    /// Keeps it, draws the report, prints the tables, and says where all is.
    pub(crate) fn conclude(mut self, found: &Found) -> anyhow::Result<Exit> {
        self.keep(found)?;
        let directory = self.writer.directory();
        print(&self.header)?;
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

/// A survey of which nothing is known but what it is about.
fn header(about: &About, machine: String) -> Survey {
    let build = build();
    Survey {
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
        machine,
        versions: BTreeMap::new(),
        parts: Vec::new(),
        absent: Vec::new(),
    }
}

fn fill(survey: &mut Survey, found: &Found) {
    survey.parts.clone_from(&found.parts);
    survey.versions.clone_from(&found.versions);
    survey.absent.clone_from(&found.absent);
    survey.interrupted = found.interrupted;
}

/// A survey that goes into no record.
pub(crate) fn loose(about: &About, found: &Found) -> Survey {
    let mut survey = header(about, String::new());
    fill(&mut survey, found);
    survey
}

/// Prints the tables of a survey.
pub(crate) fn print(survey: &Survey) -> anyhow::Result<()> {
    for section in pushbench_report::survey::sections(survey) {
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
    Ok(())
}
