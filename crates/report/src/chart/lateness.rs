//! Whether the publisher, or who opens connections by a schedule, kept it.

use super::common::{better, percentile_table, samples_of};
use super::latency::{HALF, legend, named, plot};
use super::{Figure, Palette, Room};
use crate::metric::{Metric, P50, Series};
use crate::results::Group;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let plot = plot(group, palette, Series::Lateness)?;
    let title = "Lateness of the schedule, by percentile";
    let (from, caption) = if group.arriving().is_some() {
        (
            "start of connect() minus the time it was due, logarithmic",
            "Lateness of the load process is inside the time to the first message: compare it with that before blaming a server for a slow \
             tail.",
        )
    } else {
        (
            "actual minus intended publish time, logarithmic",
            "Lateness is inside the response time: compare it with that before blaming a transport for a slow tail.",
        )
    };
    let [trials, samples] = samples_of(group, Series::Lateness);
    Some(Figure {
        title: title.into(),
        meta: vec![
            from.into(),
            better(Metric::Percentile(Series::Lateness, P50)),
            trials,
            samples,
        ],
        caption: caption.into(),
        findings: Vec::new(),
        room: Room::Half,
        panels: vec![named(&plot, title, &HALF)],
        legend: legend(&plot),
        legend_on_phones_only: true,
        data: percentile_table(group, &[Series::Lateness]),
    })
}
