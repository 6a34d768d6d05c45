//! Columns of scenarios in which many connections are held, or much is carried: what each connection keeps and wakes up for, and what
//! goes through.

use pushbench_model::scenario::Workload;

use super::Builder;
use crate::metric::{Metric, Side};
use crate::number::{Unit, significant};
use crate::results::{Arm, Group};
use crate::table::{Cell, Column};

/// Subscribers from which on memory is divided by so many that a figure per connection means something.
const CROWD: u32 = 1000;
/// Payloads from which on copying covers everything else, bytes.
const LARGE: usize = 64 * 1024;

/// Whether so many connections are held that what each of them keeps is a figure.
pub(in crate::answer) fn is_crowd(group: &Group<'_>) -> bool {
    matches!(&group.scenario.workload, Workload::FanOut(fan_out) if fan_out.subscribers >= CROWD)
}

/// Seconds measured in all valid trials of `arm` together.
fn measured_s(arm: &Arm<'_>) -> f64 {
    let trials = arm.valid.iter();
    let measured = trials.filter_map(|t| t.trial.measurement.as_ref());
    measured.map(|one| one.elapsed_ns as f64 / 1e9).sum()
}

/// How often a thread of the server was put to sleep or aside, per second.
fn switches_per_s(arm: &Arm<'_>) -> Option<f64> {
    let trials = arm.valid.iter();
    let switches: Option<u64> = trials
        .map(|t| Some(Side::Server.of(t)?.cost.context_switches))
        .sum();
    let seconds = measured_s(arm);
    (seconds > 0.0)
        .then_some(switches? as f64 / seconds)
        .filter(|_| !arm.valid.is_empty())
}

/// Payload that all subscribers received together, bytes per second.
fn goodput(arm: &Arm<'_>) -> Option<f64> {
    let trials = arm.valid.iter();
    let measured = trials.filter_map(|t| t.trial.measurement.as_ref());
    let bytes: f64 = measured
        .map(|one| one.operations as f64 * one.payload_bytes as f64)
        .sum();
    let seconds = measured_s(arm);
    (seconds > 0.0).then(|| bytes / seconds)
}

impl Builder<'_, '_> {
    /// What a connection keeps on both sides.
    pub(super) fn memory(&mut self) {
        if !is_crowd(self.group) {
            return;
        }
        for side in [Side::Server, Side::Load] {
            let metric = self.group.memory(side);
            if self.group.has(metric) {
                self.cost(metric);
            }
        }
    }

    /// How often the server was woken up, or others were: what costs a machine power on which little happens.
    pub(super) fn switches(&mut self) {
        let set = self.group.scenario.server.heartbeat_s > 0;
        if !set && !is_crowd(self.group) {
            return;
        }
        let all: Vec<_> = self.group.arms.iter().map(switches_per_s).collect();
        if all.iter().all(Option::is_none) {
            return;
        }
        self.columns
            .push(Column::numbers("server context switches", "per s"));
        for (switches, row) in all.into_iter().zip(&mut self.rows) {
            row.push(switches.map_or_else(
                || Cell::absent(""),
                |switches| Cell::plain(significant(switches, 3)),
            ));
        }
    }

    /// Of large payloads: what went through, all subscribers together, and what a byte of it took of the server's processor.
    pub(super) fn goodput(&mut self) {
        let fan_out = self.group.work() == "delivery";
        if !fan_out || self.group.scenario.payload.bytes < LARGE {
            return;
        }
        let all: Vec<_> = self.group.arms.iter().map(goodput).collect();
        let scale = Unit::Memory.scale(all.iter().copied().flatten());
        let payload = self.group.scenario.payload.bytes as f64;
        self.columns.push(Column::numbers(
            "payload received",
            format!("{}/s", scale.symbol),
        ));
        self.columns
            .push(Column::numbers("server CPU per MB of payload", "µs"));
        for ((goodput, arm), row) in all.into_iter().zip(&self.group.arms).zip(&mut self.rows) {
            row.push(goodput.map_or_else(
                || Cell::absent(""),
                |goodput| Cell::plain(scale.number(goodput)),
            ));
            let cpu = arm.figure(Metric::Cpu(Side::Server));
            row.push(cpu.map_or_else(
                || Cell::absent(""),
                |cpu| Cell::plain(significant(cpu.value / 1e3 / (payload / 1e6), 3)),
            ));
        }
    }
}
