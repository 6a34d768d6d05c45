//! Columns of subscribers whose network went away.

use pushbench_model::measurement::DeadCount;

use super::Builder;
use super::troubles::grown_by;
use crate::metric::{P50, Series};
use crate::number::{Unit, significant, whole};
use crate::results::Arm;
use crate::table::{Cell, Column};

/// Of all trials of a server together.
#[derive(Default)]
struct Dead {
    count: DeadCount,
}

impl Dead {
    fn of(arm: &Arm<'_>) -> Option<Self> {
        let counts = arm.valid.iter().filter_map(|recorded| {
            let measured = recorded.trial.measurement.as_ref()?;
            measured.dead
        });
        let mut sum = DeadCount::default();
        for one in counts {
            sum.dead += one.dead;
            sum.noticed += one.noticed;
            sum.noticed_last_s = sum.noticed_last_s.max(one.noticed_last_s);
            sum.given_up += one.given_up;
            sum.given_up_after_s += one.given_up_after_s;
            sum.watched_s += one.watched_s;
        }
        (sum.dead > 0).then_some(Self { count: sum })
    }

    /// How long each was watched, seconds, on average.
    fn watched_s(&self) -> f64 {
        self.count.watched_s / self.count.dead as f64
    }

    fn noticed(&self) -> Cell {
        let count = &self.count;
        let cell = Cell::plain(format!("{} of {}", whole(count.noticed), whole(count.dead)));
        if count.noticed < count.dead {
            return cell.under(format!("within {} s", significant(self.watched_s(), 2)));
        }
        cell
    }

    fn given_up(&self) -> Cell {
        let count = &self.count;
        let cell = Cell::plain(format!(
            "{} of {}",
            whole(count.given_up),
            whole(count.dead)
        ));
        if count.given_up == 0 {
            return cell.under(format!("within {} s", significant(self.watched_s(), 2)));
        }
        let after_s = count.given_up_after_s / count.given_up as f64;
        cell.under(format!("after {} s", significant(after_s, 2)))
    }
}

impl Builder<'_, '_> {
    /// How long it took until anybody noticed, on either side, and what the server has grown by meanwhile.
    pub(super) fn dead(&mut self) {
        let group = self.group;
        let all: Vec<_> = group.arms.iter().map(Dead::of).collect();
        if all.iter().all(Option::is_none) {
            return;
        }
        let medians = group
            .arms
            .iter()
            .map(|arm| arm.percentile(Series::Noticed, P50));
        let medians: Vec<_> = medians.collect();
        let last = all
            .iter()
            .flatten()
            .map(|dead| dead.count.noticed_last_s * 1e9);
        let known = medians.iter().filter_map(|median| median.value());
        let time = Unit::Time.scale(known.chain(last));
        let grown: Vec<_> = group.arms.iter().map(grown_by).collect();
        let memory = Unit::Memory.scale(grown.iter().copied().flatten());
        self.columns.extend([
            Column::numbers("dead ones noticed", ""),
            Column::numbers("noticed after, p50", time.symbol),
            Column::numbers("noticed after, most", time.symbol),
            Column::numbers("servers given up by clients", ""),
            Column::numbers("server grown by", memory.symbol),
        ]);
        let rows = self.rows.iter_mut().zip(all).zip(medians).zip(grown);
        for (((row, dead), median), grown) in rows {
            let Some(dead) = dead else {
                row.extend((0..5).map(|_| Cell::absent("")));
                continue;
            };
            row.push(dead.noticed());
            row.extend(match dead.count.noticed {
                0 => [Cell::absent(""), Cell::absent("")],
                _ => [
                    Cell::percentile(median, &time),
                    Cell::plain(time.number(dead.count.noticed_last_s * 1e9)),
                ],
            });
            row.push(dead.given_up());
            row.push(grown.map_or_else(
                || Cell::absent(""),
                |grown| Cell::plain(memory.number(grown)),
            ));
        }
    }
}
