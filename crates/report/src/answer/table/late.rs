//! Columns of scenarios in which it was looked at whom messages are late for.

use super::Builder;
use crate::metric::{LateFigure, Metric};
use crate::table::{Cell, Column};

impl Builder<'_, '_> {
    /// How many deliveries were late, how many subscribers a late message is late for, and the percentiles of single streams.
    pub(super) fn late(&mut self) {
        let group = self.group;
        for metric in LateFigure::ALL.map(Metric::Late) {
            if !group.has(metric) {
                continue;
            }
            let arms = group.arms.iter();
            let figures: Vec<_> = arms.map(|arm| arm.figure(metric)).collect();
            let values = figures.iter().flatten().map(|figure| figure.value);
            let scale = metric.unit().scale(values);
            self.columns
                .push(Column::numbers(metric.label(group.work()), scale.symbol));
            for (figure, row) in figures.into_iter().zip(&mut self.rows) {
                row.push(Cell::estimate(figure, &scale));
            }
        }
    }
}
