//! Processor time per unit of work, as a multiple of the floor's.

use super::cost::cost;
use super::{Figure, Palette};
use crate::metric::Metric;
use crate::results::Group;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    cost(
        group,
        palette,
        &Metric::Cpu,
        "CPU time",
        "user and kernel time, without the publishing thread",
    )
}
