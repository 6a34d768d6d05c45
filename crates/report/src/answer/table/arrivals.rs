//! A column for connections that come by a schedule: how many of them were open at the same time.

use super::Builder;
use crate::number::{counted, significant, whole};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column};

impl Builder<'_, '_> {
    /// The most connections that were open at the same time in any valid trial.
    pub(super) fn open_at_most(&mut self) {
        if self.group.arriving().is_none() {
            return;
        }
        self.columns.push(Column::numbers("open at most", ""));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            row.push(
                most_open(arm).map_or_else(|| Cell::absent(""), |most| Cell::plain(whole(most))),
            );
        }
    }
}

fn most_open(arm: &Arm<'_>) -> Option<u64> {
    let measured = arm.valid.iter();
    let measured = measured.filter_map(|valid| valid.trial.measurement.as_ref());
    measured.filter_map(|m| Some(m.arrivals?.most_open)).max()
}

/// What figures of connections that come by a schedule are.
pub(super) fn note(group: &Group<'_>) -> Option<String> {
    let arriving = group.arriving()?;
    let at_once = group.scenario.workload.subscribers() as usize;
    let open = if arriving.stay_s > 0.0 {
        format!(
            "{} stay at the same time on average",
            counted(at_once, "connection")
        )
    } else {
        "each connection is closed at its first message".to_owned()
    };
    Some(format!(
        "Connections come by a schedule, {} a second whatever the server does: that rate is asked, and says nothing of how many a server could take. \
         Times run from when a connection was due, so that a server that stands still pays for all that come meanwhile. Open at most: \
         connections at the same time, those not served yet included; {open}.",
        significant(arriving.rate, 3)
    ))
}
