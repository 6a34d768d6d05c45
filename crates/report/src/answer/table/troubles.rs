//! Columns of scenarios in which something goes wrong on purpose.

use pushbench_model::measurement::SlowCount;
use pushbench_model::scenario::Workload;
use pushbench_model::theory::{Heartbeat, pushing};

use super::Builder;
use super::crowd::is_crowd;
use crate::metric::{P50, P99, Series};
use crate::number::{Unit, significant, whole};
use crate::results::Arm;
use crate::table::{Cell, Column};

/// Of one trial: what became of its slow subscribers, and how many the server says it let go.
struct Slow {
    count: SlowCount,
    let_go: u64,
}

impl Slow {
    fn of(arm: &Arm<'_>) -> Vec<Self> {
        let trials = arm.valid.iter().filter_map(|recorded| {
            let measured = recorded.trial.measurement.as_ref()?;
            let count = measured.slow?;
            let lagged = measured.server.as_ref().map_or(0, |server| server.lagged);
            Some(Self {
                count,
                let_go: count.let_go.max(lagged),
            })
        });
        trials.collect()
    }
}

/// By how many bytes a server has grown since all were connected, on average over the trials; `None` where one does not
/// tell.
pub(super) fn grown_by(arm: &Arm<'_>) -> Option<f64> {
    let grown = arm.valid.iter().map(|recorded| {
        let memory = recorded.trial.server_usage?.memory?;
        Some(memory.anonymous_after? as f64 - memory.anonymous_connected? as f64)
    });
    let grown: Option<Vec<f64>> = grown.collect();
    let grown = grown.filter(|grown| !grown.is_empty())?;
    Some(grown.iter().sum::<f64>() / grown.len() as f64)
}

/// Of all trials of a server, one stream in one trial.
struct Alive {
    /// Signs of life, where there are any.
    heartbeats: Option<f64>,
    bytes_per_hour: f64,
}

impl Alive {
    /// Where `rate` messages are published a second. A phase begins with its first message and ends with its last, so that of few
    /// messages more are in it than its length has room for: their bytes count by their number, those of signs of life by the time.
    fn of(arm: &Arm<'_>, rate: f64) -> Option<Self> {
        let measured = arm.valid.iter();
        let measured: Vec<_> = measured
            .filter_map(|t| t.trial.measurement.as_ref())
            .collect();
        let heartbeats: Option<u64> = measured.iter().map(|one| one.heartbeats).sum();
        let each = Heartbeat::of(&arm.server.transport).map_or(0, |one| one.down + one.up);
        let of_heartbeats = (heartbeats.unwrap_or(0) * each) as f64;
        let (mut streams, mut stream_s, mut messages, mut bytes) = (0.0, 0.0, 0.0, 0.0);
        for one in &measured {
            let count = one.measured_subscribers() as f64;
            streams += count;
            stream_s += count * one.elapsed_ns as f64 / 1e9;
            messages += count * one.published as f64;
            bytes += (one.wire.bytes_down + one.wire.bytes_up) as f64;
        }
        (stream_s > 0.0 && messages > 0.0).then(|| Self {
            heartbeats: heartbeats.map(|all| all as f64 / streams),
            bytes_per_hour: 3600.0
                * ((bytes - of_heartbeats) / messages * rate + of_heartbeats / stream_s),
        })
    }
}

impl Builder<'_, '_> {
    /// How long it took until streams flowed again that were cut, what was missed, and the crowd of those who came back.
    pub(super) fn cuts(&mut self) {
        let group = self.group;
        let all = |arm: &Arm<'_>| {
            let counts = arm.valid.iter().filter_map(|t| {
                let measured = t.trial.measurement.as_ref()?;
                Some((measured.cuts?, measured.sequence.lost))
            });
            counts.collect::<Vec<_>>()
        };
        if group.arms.iter().all(|arm| all(arm).is_empty()) {
            return;
        }
        let columns = [("recovery p50", P50), ("recovery p99", P99)];
        for (name, rank) in columns {
            let figures: Vec<_> = group
                .arms
                .iter()
                .map(|arm| arm.percentile(Series::Recovery, rank))
                .collect();
            let scale = Unit::Time.scale(figures.iter().filter_map(|figure| figure.value()));
            self.columns.push(Column::numbers(name, scale.symbol));
            for (figure, row) in figures.into_iter().zip(&mut self.rows) {
                row.push(Cell::percentile(figure, &scale));
            }
        }
        self.columns.push(Column::numbers("cuts", ""));
        let failed = |arm: &Arm<'_>| {
            all(arm)
                .iter()
                .map(|(counts, _)| counts.failed)
                .sum::<u64>()
        };
        let some_failed = group.arms.iter().any(|arm| failed(arm) > 0);
        if some_failed {
            self.columns
                .push(Column::numbers("attempts to come back that failed", ""));
        }
        self.columns.push(Column::numbers("missed per cut", ""));
        self.columns
            .push(Column::numbers("back at once, most", "per s"));
        for (arm, row) in group.arms.iter().zip(&mut self.rows) {
            let all = all(arm);
            let cuts: u64 = all.iter().map(|(counts, _)| counts.cuts).sum();
            if cuts == 0 {
                let cells = if some_failed { 4 } else { 3 };
                row.extend((0..cells).map(|_| Cell::absent("")));
                continue;
            }
            let missed: u64 = all.iter().map(|(_, lost)| lost).sum();
            let away: f64 = all.iter().map(|(counts, _)| counts.away_s).sum();
            let peak = all
                .iter()
                .map(|(counts, _)| counts.peak_per_s)
                .fold(0.0, f64::max);
            row.push(Cell::plain(whole(cuts)));
            if some_failed {
                row.push(Cell::plain(whole(failed(arm))));
            }
            let mut cell = Cell::plain(significant(missed as f64 / cuts as f64, 3));
            if let Workload::FanOut(fan_out) = group.scenario.workload
                && fan_out.cuts.is_some_and(|cuts| !cuts.resume)
            {
                let theory = pushing::missed_while_away(fan_out.rate, away / cuts as f64);
                cell = cell.under(format!("{} by rate and time away", significant(theory, 3)));
            }
            row.push(cell);
            row.push(Cell::plain(whole(peak as u64)));
        }
    }

    /// Signs of life, and what an hour of such a stream takes, or of one of a crowd that has none.
    pub(super) fn heartbeats(&mut self) {
        let Workload::FanOut(fan_out) = self.group.scenario.workload else {
            return;
        };
        let arms = self.group.arms.iter();
        let all: Vec<_> = arms.map(|arm| Alive::of(arm, fan_out.rate)).collect();
        let heard = all.iter().flatten().any(|alive| alive.heartbeats.is_some());
        if !heard && (!is_crowd(self.group) || all.iter().all(Option::is_none)) {
            return;
        }
        let hours = all.iter().flatten().map(|alive| alive.bytes_per_hour);
        let scale = Unit::Bytes.scale(hours);
        if heard {
            self.columns
                .push(Column::numbers("heartbeats per stream", ""));
        }
        self.columns
            .push(Column::numbers("an hour of a stream", scale.symbol));
        for (alive, row) in all.iter().zip(&mut self.rows) {
            if heard {
                let heartbeats = alive.as_ref().and_then(|alive| alive.heartbeats);
                row.push(heartbeats.map_or_else(
                    || Cell::absent(""),
                    |heartbeats| Cell::plain(significant(heartbeats, 3)),
                ));
            }
            row.push(alive.as_ref().map_or_else(
                || Cell::absent(""),
                |alive| Cell::plain(scale.number(alive.bytes_per_hour)).under("messages included"),
            ));
        }
    }

    /// What a server made of subscribers that do not read: whether it let them go, and how much it has grown, with the
    /// messages that it keeps for anybody.
    pub(super) fn slow(&mut self) {
        let all: Vec<_> = self.group.arms.iter().map(Slow::of).collect();
        if all.iter().all(Vec::is_empty) {
            return;
        }
        let grown: Vec<_> = self.group.arms.iter().map(grown_by).collect();
        let scale = Unit::Memory.scale(grown.iter().copied().flatten());
        self.columns.push(Column::numbers("slow ones let go", ""));
        self.columns
            .push(Column::numbers("server grown by", scale.symbol));
        for ((trials, grown), row) in all.iter().zip(grown).zip(&mut self.rows) {
            if trials.is_empty() {
                row.extend([Cell::absent(""), Cell::absent("")]);
                continue;
            }
            let let_go: u64 = trials.iter().map(|trial| trial.let_go).sum();
            let slow: u64 = trials.iter().map(|trial| trial.count.slow).sum();
            let heard: u64 = trials.iter().map(|trial| trial.count.let_go).sum();
            let cell = Cell::plain(format!("{} of {}", whole(let_go), whole(slow)));
            row.push(if heard > 0 {
                let after: f64 = trials.iter().map(|trial| trial.count.let_go_after_s).sum();
                cell.under(format!("after {} s", significant(after / heard as f64, 2)))
            } else {
                cell
            });
            row.push(grown.map_or_else(
                || Cell::absent(""),
                |grown| Cell::plain(scale.number(grown)),
            ));
        }
    }
}
