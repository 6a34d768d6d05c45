//! Whether the publisher kept its schedule.

use super::common::{better, percentile_table, samples_of};
use super::latency::{HALF, legend, named, plot};
use super::{Figure, Palette, Room};
use crate::metric::{Metric, P50, Series};
use crate::results::Group;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let plot = plot(group, palette, Series::Lateness)?;
    let title = "Lateness of the schedule, by percentile";
    let [trials, samples] = samples_of(group, Series::Lateness);
    Some(Figure {
        title: title.into(),
        meta: vec![
            "actual minus intended publish time, logarithmic".into(),
            better(Metric::Percentile(Series::Lateness, P50)),
            trials,
            samples,
        ],
        caption: "Lateness is inside the response time: compare it with that before blaming a transport for a slow tail."
            .into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![named(&plot, title, &HALF)],
        legend: legend(&plot),
        legend_on_phones_only: true,
        data: percentile_table(group, &[Series::Lateness]),
    })
}
