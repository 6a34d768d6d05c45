//! Columns for answers that were made for one client each: what transport and server add to a model's own time.

use pushbench_model::measurement::AnswerCount;

use super::Builder;
use crate::metric::{P50, P99, Series};
use crate::number::{Unit, significant, whole};
use crate::results::Arm;
use crate::table::{Cell, Column};

impl Builder<'_, '_> {
    /// Added time to the first token and between tokens, when ends were heard, stalls, bytes per answer, and how long an answer
    /// went on that nobody wanted.
    pub(super) fn answers(&mut self) {
        if self.group.work() != "token" {
            return;
        }
        self.latency("added first token p50", Series::FirstToken, P50);
        self.latency("added first token p99", Series::FirstToken, P99);
        // Answers that come at once have no gaps, and older records neither of the two.
        if self.holds(Series::AddedGap) {
            self.latency("added gap p50", Series::AddedGap, P50);
            self.latency("added gap p99", Series::AddedGap, P99);
        }
        if self.holds(Series::Ended) {
            self.latency("end heard after p50", Series::Ended, P50);
            self.latency("end heard after p99", Series::Ended, P99);
        }
        self.stalls();
        self.bytes_per_answer("bytes down per answer", |wire| wire.0);
        self.bytes_per_answer("bytes up per answer", |wire| wire.1);
        let stops = |arm: &Arm<'_>| counts(arm).is_some_and(|all| all.cancelled > 0);
        if self.group.arms.iter().any(stops) {
            self.latency("stopped after p50", Series::Cancel, P50);
            self.wasted();
        }
    }

    fn holds(&self, series: Series) -> bool {
        let arms = &self.group.arms;
        arms.iter().any(|arm| arm.merged(series).is_some())
    }

    fn latency(&mut self, name: &str, series: Series, rank: crate::metric::Rank) {
        let figures: Vec<_> = self
            .group
            .arms
            .iter()
            .map(|arm| arm.percentile(series, rank))
            .collect();
        let scale = Unit::Time.scale(figures.iter().filter_map(|figure| figure.value()));
        self.columns.push(Column::numbers(name, scale.symbol));
        for (figure, row) in figures.into_iter().zip(&mut self.rows) {
            row.push(Cell::percentile(figure, &scale));
        }
    }

    fn stalls(&mut self) {
        self.columns.push(Column::numbers("stalls", ""));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            row.push(match counts(arm) {
                Some(all) => Cell::plain(whole(all.stalls)).under(format!(
                    "{} by the model's schedule",
                    whole(all.scheduled_stalls)
                )),
                None => Cell::absent(""),
            });
        }
    }

    fn bytes_per_answer(&mut self, name: &str, of: impl Fn((u64, u64)) -> u64) {
        self.columns.push(Column::numbers(name, "B"));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            let wires = arm.valid.iter().filter_map(|t| {
                let measured = t.trial.measurement.as_ref()?;
                Some(of((measured.wire.bytes_down, measured.wire.bytes_up)))
            });
            row.push(match counts(arm).filter(|all| all.asked > 0) {
                Some(all) => Cell::plain(whole(wires.sum::<u64>() / all.asked)),
                None => Cell::absent(""),
            });
        }
    }

    fn wasted(&mut self) {
        self.columns
            .push(Column::numbers("tokens in vain", "per stop"));
        for (arm, row) in self.group.arms.iter().zip(&mut self.rows) {
            row.push(match counts(arm).filter(|all| all.stopped > 0) {
                Some(all) => Cell::plain(significant(all.wasted as f64 / all.stopped as f64, 3)),
                None => Cell::absent(""),
            });
        }
    }
}

/// The answers of all valid trials together.
fn counts(arm: &Arm<'_>) -> Option<AnswerCount> {
    let all = arm.valid.iter().filter_map(|t| {
        let measured = t.trial.measurement.as_ref()?;
        measured.answers
    });
    all.reduce(|a, b| AnswerCount {
        asked: a.asked + b.asked,
        whole: a.whole + b.whole,
        cancelled: a.cancelled + b.cancelled,
        stopped: a.stopped + b.stopped,
        wasted: a.wasted + b.wasted,
        tokens: a.tokens + b.tokens,
        stalls: a.stalls + b.stalls,
        scheduled_stalls: a.scheduled_stalls + b.scheduled_stalls,
        prompt_bytes: a.prompt_bytes + b.prompt_bytes,
        text_bytes: a.text_bytes + b.text_bytes,
    })
}
