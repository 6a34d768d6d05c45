//! Instructions per unit of work, as a multiple of the floor's; only on machines with counters.

use super::cost::cost;
use super::{Figure, Palette};
use crate::metric::Metric;
use crate::results::Group;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    cost(
        group,
        palette,
        Metric::Instructions,
        "Instructions",
        "user space and, where visible, kernel, without the publishing thread",
    )
}
