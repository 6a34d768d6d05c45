//! `pushbench museum`: faulty samples of server push, as written and with their fix.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use pushbench_field::museum::run::Hall;
use pushbench_field::museum::tables::{Shown, parts};
use pushbench_field::museum::{EXHIBITS, Exhibit, Form};

use crate::exit::{Exit, wrong};
use crate::output;
use crate::survey::{About, Destination, Found, Paper};

/// Where a checkout keeps the exhibits.
const MUSEUM: &str = "benches/museum";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Exhibits to visit [default: all]
    #[arg(value_name = "EXHIBIT")]
    exhibits: Vec<String>,
    /// Name the exhibits and what goes wrong in each, and end
    #[arg(long)]
    list: bool,
    /// Directory of the exhibits' programs
    #[arg(long, value_name = "DIR", default_value = MUSEUM)]
    museum: PathBuf,
    #[command(flatten)]
    destination: Destination,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    if options.list {
        let width = EXHIBITS
            .iter()
            .map(|exhibit| exhibit.name.len())
            .max()
            .unwrap_or(0);
        let lines = EXHIBITS
            .iter()
            .map(|exhibit| format!("{:width$}  {}\n", exhibit.name, exhibit.title));
        output::print(&lines.collect::<String>())?;
        return Ok(Exit::Done);
    }
    let chosen = chosen(&options.exhibits)?;
    let stop = super::run::stop_on_signals()?;
    let about = About {
        name: "museum",
        title: "The museum of faulty samples",
        place: 50,
    };
    let mut found = Found::default();
    let hall = match Hall::open(&options.museum) {
        Ok(hall) => hall,
        Err(absent) => anyhow::bail!("{}; {}", absent.reason, absent.install),
    };
    found.versions.extend(
        hall.node_version()
            .map(|version| ("node".to_owned(), version)),
    );
    let mut paper = Paper::new(&about, &options.destination)?;
    let mut shown = Vec::new();
    for (index, exhibit) in chosen.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            found.interrupted = true;
            break;
        }
        if let Some(absent) = hall.missing(exhibit) {
            output::say(&format!(
                "absent: {}: {}; to install it: {}",
                absent.name, absent.reason, absent.install
            ));
            found.absent.push(absent);
            continue;
        }
        output::say(&format!("{}/{} {}", index + 1, chosen.len(), exhibit.name));
        let show = |form| hall.show(exhibit, form);
        match show(Form::Faulty).and_then(|faulty| Ok([faulty, show(Form::Fixed)?])) {
            Ok(outcomes) => {
                let [faulty, fixed] = &outcomes;
                if faulty.is_as_meant(exhibit) || !fixed.is_as_meant(exhibit) {
                    output::say(&format!(
                        "{} is not what it says: its faulty form works, or its fix does not",
                        exhibit.name
                    ));
                    found.unusable = true;
                }
                shown.push(Shown { exhibit, outcomes });
            }
            Err(reason) => {
                output::say(&format!("not shown: {reason}"));
                found.unusable = true;
            }
        }
        found.parts = parts(&shown);
        paper.keep(&found)?;
    }
    paper.conclude(&found)
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Exhibit>> {
    if names.is_empty() {
        return Ok(EXHIBITS.iter().collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let Some(exhibit) = EXHIBITS.iter().find(|exhibit| exhibit.name == name) else {
            let known: Vec<&str> = EXHIBITS.iter().map(|exhibit| exhibit.name).collect();
            wrong!(
                "there is no exhibit {name:?}; there are {}",
                known.join(", ")
            );
        };
        chosen.push(exhibit);
    }
    Ok(chosen)
}
