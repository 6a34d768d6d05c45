//! Instructions per unit of work, as a multiple of the floor's; only on machines with counters.

use super::cost::cost;
use super::{Figure, Palette};
use crate::metric::Space;
use crate::results::Group;

pub(super) fn chart(group: &Group<'_>, palette: &Palette) -> Option<Figure> {
    let (name, what) = match group.space {
        Space::All => (
            "Instructions",
            "user space and kernel, without the publishing thread",
        ),
        Space::User => (
            "User-space instructions",
            "user space only, because some trials could not count the kernel's; without the publishing thread",
        ),
    };
    let metric = |side| group.instructions(side);
    cost(group, palette, &metric, name, what)
}
