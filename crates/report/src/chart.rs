//! Charts: one file each, over a few parts they share.
//!
//! # Layout
//!
//! - [`canvas`], [`svg`], [`palette`], [`width`], [`scale`]: drawing with plotters, coloured by the page
//! - [`curves`]: percentile curves; [`rows`]: one row per server
//! - everything else is one chart per file, listed in [`CHARTS`]

mod anatomy;
mod batches;
mod buffers;
mod bytes;
mod canvas;
mod common;
mod cost;
mod cpu;
mod curves;
mod drive;
mod grid;
mod instructions;
mod latency;
mod lateness;
mod memory;
mod overhead;
mod palette;
mod parts;
mod rate;
mod repetitions;
mod rows;
mod saturation;
mod scale;
mod seconds;
mod segments;
mod slices;
mod stages;
mod svg;
#[cfg(test)]
mod tidy;
mod trips;
mod waits;
mod width;

pub(crate) use anatomy::figures as anatomy;
pub(crate) use batches::{Age, Dot, figure as batches};
pub(crate) use buffers::figure as buffers;
pub(crate) use canvas::Drawing;
pub(crate) use drive::figures as drive;
pub(crate) use overhead::{Carried, Overhead, figure as overhead, framing};
pub(crate) use palette::Palette;
pub(crate) use saturation::figure as saturation;
pub(crate) use trips::{Trip, Until, figures as trips};
pub(crate) use waits::figure as waits;

use pushbench_model::record::ServerLabel;

use crate::results::Group;
use crate::table::Table;

/// How much room a figure takes on a wide page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// The whole width.
    Full,
    /// Half of it.
    Half,
}

/// A chart with everything said around it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// What it shows.
    pub(crate) title: String,
    /// Unit, which way is better, what it rests on.
    pub(crate) meta: Vec<String>,
    /// One sentence on how to read it.
    pub(crate) caption: String,
    /// What was found by looking at the data, and whether it is as it should be (`None`: there is no telling).
    pub(crate) findings: Vec<(Option<bool>, String)>,
    /// Room on a wide page.
    pub(crate) room: Room,
    /// The drawings.
    pub(crate) panels: Vec<Panel>,
    /// What the marks mean.
    pub(crate) legend: Vec<LegendEntry>,
    /// Whether the legend is only needed where the drawing has no room for names.
    pub(crate) legend_on_phones_only: bool,
    /// The same data as a table.
    pub(crate) data: Table,
}

/// One drawing of a figure, in a version per width of the page.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// Its own title, where a figure has several.
    pub(crate) title: Option<String>,
    /// The versions; the page shows one.
    pub(crate) versions: Vec<Drawing>,
}

impl Panel {
    /// The only one of a figure, which needs no title of its own.
    fn alone(versions: impl Into<Vec<Drawing>>) -> Vec<Self> {
        vec![Self {
            title: None,
            versions: versions.into(),
        }]
    }
}

/// For which width of the page a drawing is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    /// The whole width of a wide page.
    Large,
    /// Half of a wide page, all of a tablet, a printed page.
    Medium,
    /// A phone.
    Small,
    /// Any.
    Any,
}

impl Version {
    fn class(self) -> &'static str {
        match self {
            Self::Large => "large",
            Self::Medium => "medium",
            Self::Small => "small",
            Self::Any => "any",
        }
    }
}

/// A mark and what it means.
#[derive(Clone, Debug)]
pub(crate) struct LegendEntry {
    /// A small drawing.
    pub(crate) mark: Drawing,
    /// What it stands for.
    pub(crate) label: String,
}

type Chart = fn(&Group<'_>, &Palette) -> Option<Figure>;

/// Every chart, in the order of the page. One that has no data for a scenario gives nothing.
const CHARTS: [Chart; 12] = [
    latency::chart,
    parts::chart,
    stages::chart,
    repetitions::chart,
    rate::chart,
    slices::chart,
    cpu::chart,
    instructions::chart,
    bytes::chart,
    segments::chart,
    memory::chart,
    lateness::chart,
];

/// The charts of `group`.
pub(crate) fn figures(group: &Group<'_>, palette: &Palette) -> Vec<Figure> {
    CHARTS
        .iter()
        .filter_map(|chart| chart(group, palette))
        .collect()
}

/// The mark of a server: colour of its transport, form of its stack.
pub(crate) fn server_mark(server: &ServerLabel, palette: &Palette) -> Drawing {
    let label = format!("mark of {server}");
    canvas::draw((12.0, 12.0), "mark", &label, |canvas| {
        canvas.marker(
            (6.0, 6.0),
            4.5,
            palette.shape(server),
            palette.role(server),
            true,
        );
    })
}

#[cfg(test)]
mod tests {
    use super::tidy::assert_tidy;
    use super::*;
    use crate::results::Results;
    use crate::sample;

    fn each_drawing(check: impl Fn(&str, &Drawing)) {
        let records = [
            sample::record(),
            sample::with_counters(sample::record()),
            sample::extreme(sample::record()),
        ];
        let anatomies = [
            sample::anatomy(),
            sample::not_dearer(sample::anatomy()),
            sample::only_floor(sample::anatomy()),
        ];
        let palette = Palette::new(&sample::anatomy_alone().run);
        for stage in anatomies.iter().flat_map(|anatomy| &anatomy.stages) {
            for figure in anatomy(stage, &palette) {
                for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
                    check(&figure.title, drawing);
                }
            }
        }
        for record in records {
            let results = Results::new(&record);
            let palette = Palette::new(&record.run);
            for group in &results.groups {
                for figure in figures(group, &palette) {
                    for drawing in figure.panels.iter().flat_map(|panel| &panel.versions) {
                        check(&figure.title, drawing);
                    }
                }
            }
        }
    }

    #[test]
    fn every_drawing_is_tidy() {
        each_drawing(assert_tidy);
    }

    #[test]
    fn every_figure_says_how_to_read_it() {
        let record = sample::record();
        let results = Results::new(&record);
        for group in &results.groups {
            let figures = figures(group, &Palette::new(&record.run));
            assert!(figures.len() >= 6);
            for figure in figures {
                let meta = figure.meta.join(" ");
                assert!(meta.contains("repetition"), "{}: {meta}", figure.title);
                assert!(
                    meta.contains("better") || meta.contains("right"),
                    "{}",
                    figure.title
                );
                assert!(figure.caption.ends_with('.') && !figure.data.rows.is_empty());
            }
        }
    }
}
