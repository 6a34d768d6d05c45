//! What TLS costs, apart from the protocol: a scenario with it beside the same one without, server by server.

use std::collections::BTreeMap;

use pushbench_model::scenario::{Scenario, Setting, Tls, Workload};
use pushbench_model::tuning::Tuning;
use pushbench_stats::paired_ratio;

use crate::answer::{headline, ratio_in_short};
use crate::metric::{Metric, Side};
use crate::number::Scale;
use crate::results::{Arm, Group, Results};
use crate::table::{Cell, Column, Table};

/// Heading of the section.
pub(crate) const TITLE: &str = "TLS, apart from the protocol";

/// What the section is, for a reader who comes upon it.
pub(crate) const INTRODUCTION: &str = "Scenarios over TLS 1.3 beside the same scenarios in clear text, on the same servers. Under a figure \
    stands its ratio to clear text, over trials of the same repetition; these are not neighbours in time, so that ratios of times are \
    less certain than their intervals say. Both sides are rustls in user space: one suite (AES-128-GCM), one group (X25519), a \
    certificate with a key on P-256 that the server has made for itself. The load process knows that certificate and checks no chain of \
    authorities. There is no early data: a resumed session saves the certificate and its signature, and no round trip.";

/// A scenario in clear text, and what was measured of it with TLS.
pub(crate) struct Comparison<'a> {
    clear: &'a Group<'a>,
    secured: Vec<(Tls, &'a Group<'a>)>,
}

/// Every scenario that was measured both ways, in each tuning.
pub(crate) fn comparisons<'a>(results: &'a Results<'a>) -> Vec<Comparison<'a>> {
    let groups: Vec<&Group<'_>> = results.questions().flatten().collect();
    let clear = groups
        .iter()
        .filter(|group| group.scenario.server.tls.is_none());
    let comparisons = clear.filter_map(|clear| {
        let mut secured = BTreeMap::new();
        for group in &groups {
            let same = is_same_but_for_tls(clear.scenario, group.scenario)
                && (clear.tuning, clear.loop_model) == (group.tuning, group.loop_model);
            if let Some(tls) = group.scenario.server.tls.filter(|_| same) {
                secured.entry(tls.label()).or_insert((tls, *group));
            }
        }
        let comparison = Comparison {
            clear,
            secured: secured.into_values().collect(),
        };
        comparison.servers().next()?;
        Some(comparison)
    });
    comparisons.collect()
}

/// Whether two scenarios ask for the same in all that is measured, however connections are secured.
fn is_same_but_for_tls(clear: &Scenario, secured: &Scenario) -> bool {
    let without = Setting {
        tls: None,
        ..secured.server
    };
    clear.workload == secured.workload
        && clear.payload == secured.payload
        && clear.server == without
}

impl<'a> Comparison<'a> {
    /// What it is about, in a line.
    pub(crate) fn title(&self) -> String {
        let secured = self
            .secured
            .iter()
            .map(|(_, group)| group.scenario.name.as_str());
        let secured: Vec<_> = secured.collect();
        let tuning = match self.clear.tuning {
            Tuning::Fixed => String::new(),
            tuning => format!(", {tuning}"),
        };
        let clear = &self.clear.scenario.name;
        format!("{clear} and {}{tuning}", secured.join(", "))
    }

    /// Servers with valid trials both ways.
    fn servers(&self) -> impl Iterator<Item = (&'a Arm<'a>, Vec<(Tls, &'a Arm<'a>)>)> + '_ {
        self.clear.arms.iter().filter_map(|clear| {
            let twin = |&(tls, group): &(Tls, &'a Group<'a>)| {
                let mut arms = group.arms.iter();
                let twin = arms.find(|arm| arm.server == clear.server && !arm.valid.is_empty());
                Some((tls, twin?))
            };
            let twins: Vec<_> = self.secured.iter().filter_map(twin).collect();
            (!clear.valid.is_empty() && !twins.is_empty()).then_some((clear, twins))
        })
    }

    fn figures(&self) -> Vec<Metric> {
        let mut figures = vec![
            headline(self.clear),
            Metric::Cpu(Side::Server),
            Metric::Cpu(Side::Load),
            self.clear.instructions(Side::Server),
            Metric::Bytes,
        ];
        // Where connections come one by one, memory is that of the process.
        if matches!(self.clear.scenario.workload, Workload::FanOut(_)) {
            figures.extend([Metric::Memory(Side::Server), Metric::Memory(Side::Load)]);
        }
        figures.retain(|&metric| self.clear.has(metric));
        figures
    }

    /// Rows in clear text, with full handshakes and with resumed sessions, of each server.
    pub(crate) fn table(&self) -> Table {
        let servers: Vec<_> = self.servers().collect();
        let figures: Vec<(Metric, Scale)> = self
            .figures()
            .into_iter()
            .map(|metric| {
                let arms = servers.iter().flat_map(|(clear, twins)| {
                    [*clear]
                        .into_iter()
                        .chain(twins.iter().map(|&(_, arm)| arm))
                });
                let values = arms.filter_map(|arm| Some(arm.figure(metric)?.value));
                (metric, metric.unit().scale(values))
            })
            .collect();
        let work = self.clear.work();
        let columns = figures
            .iter()
            .map(|(metric, scale)| Column::numbers(metric.label(work), scale.symbol));
        let columns = [Column::words("connections")].into_iter().chain(columns);
        let mut table = Table::new("server", columns.collect());
        for (clear, twins) in servers {
            let plain = figures
                .iter()
                .map(|(metric, scale)| Cell::estimate(clear.figure(*metric), scale));
            let cells = [Cell::plain("clear text")].into_iter().chain(plain);
            table.row(clear.label(), cells.collect());
            for (tls, twin) in twins {
                let secured = figures.iter().map(|(metric, scale)| {
                    let cell = Cell::estimate(twin.figure(*metric), scale);
                    let pairs = twin.pairs(clear, *metric);
                    match paired_ratio(&pairs) {
                        Some(ratio) => {
                            let ratio = ratio_in_short(&ratio, metric.is_exact());
                            let mut words = format!("× {}", ratio.text);
                            if let Some(interval) = ratio.small.first() {
                                words += &format!(" ({interval})");
                            }
                            cell.under(words)
                        }
                        None => cell,
                    }
                });
                let cells = [Cell::plain(format!("TLS, {}", tls.label()))]
                    .into_iter()
                    .chain(secured);
                table.row(twin.label(), cells.collect());
            }
        }
        table
    }
}
