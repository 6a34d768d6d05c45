//! What may be said about a figure: who is lowest, who is highest, and whether that is a difference.

use crate::metric::Metric;
use crate::number::{capitalised, counted, significant};
use crate::results::{Arm, Group};
use pushbench_stats::{Estimate, FEWEST_PAIRS, Interval};

/// Differences wholly inside this factor are not called differences.
const MARGIN: f64 = 1.05;
/// What follows "no difference" where there is one, inside the margin.
pub(super) const BEYOND: &str = "beyond 5\u{202f}%";

/// A sentence about one figure of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The figure, in words.
    pub figure: String,
    /// What was found.
    pub finding: Finding,
    /// Whether it is about time on a machine that can only give indications.
    pub indicative: bool,
    /// Whether it was counted, so that any difference is one.
    pub exact: bool,
    /// Whether the lowest and the highest got their messages in different ways, one from itself, one through a relay.
    pub published_differently: bool,
    /// Servers compared.
    pub compared: usize,
    /// Servers left out of the comparison, with the reason.
    pub aside: Vec<String>,
}

/// The outcome of comparing the lowest with the highest server.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// No server has the figure.
    Nothing,
    /// One server has it.
    Alone {
        /// The server.
        server: String,
    },
    /// Too few repetitions have both figures.
    TooFew {
        /// The lowest.
        lowest: String,
        /// The highest.
        highest: String,
        /// Pairs there are.
        pairs: usize,
    },
    /// The interval of the ratio spans 1, or lies within the margin.
    NoDifference {
        /// The lowest.
        lowest: String,
        /// The highest.
        highest: String,
        /// Highest over lowest.
        ratio: Estimate,
    },
    /// The interval of the ratio does not hold 1.
    Factor {
        /// The lowest.
        lowest: String,
        /// The highest.
        highest: String,
        /// Highest over lowest.
        ratio: Estimate,
    },
}

impl Finding {
    /// Whether two servers were compared.
    #[must_use]
    pub fn is_comparison(&self) -> bool {
        matches!(self, Self::NoDifference { .. } | Self::Factor { .. })
    }
}

impl Statement {
    /// Compares the lowest with the highest server of `group` by `metric`. The floor stays aside, which is what nobody
    /// can go below and not a choice, and so do servers with too few repetitions, as long as two others remain.
    #[must_use]
    pub fn of(group: &Group<'_>, metric: Metric) -> Self {
        let mut figures: Vec<(&Arm<'_>, f64)> = group
            .arms
            .iter()
            .filter_map(|arm| Some((arm, arm.estimate(metric)?.value)))
            .collect();
        let mut aside = Vec::new();
        set_aside(&mut figures, &mut aside, |arm| {
            let floor = || format!("{} (the floor)", arm.label());
            arm.is_floor().then(floor)
        });
        set_aside(&mut figures, &mut aside, |arm| {
            let n = arm.by_repetition(metric).len();
            let few = || {
                format!(
                    "{} ({} of {FEWEST_PAIRS} needed)",
                    arm.label(),
                    counted(n, "valid repetition")
                )
            };
            (n < FEWEST_PAIRS).then(few)
        });
        let compared = figures.len();
        // Stable: of equal figures the server named first in the run stays first.
        figures.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let mut published_differently = false;
        let finding = match figures.as_slice() {
            [] => Finding::Nothing,
            [(only, _)] => Finding::Alone {
                server: only.label(),
            },
            [(lowest, _), .., (highest, _)] => {
                // How a message reaches the server changes nothing about the connections whose bytes are counted.
                published_differently = group.is_published_differently()
                    && !metric.is_exact()
                    && lowest.publisher() != highest.publisher();
                compare(lowest, highest, metric)
            }
        };
        Self {
            figure: metric.label(group.work()),
            finding,
            indicative: group.indicative && metric.is_time(),
            exact: metric.is_exact(),
            published_differently,
            compared,
            aside,
        }
    }

    /// The sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let said = match &self.finding {
            Finding::Nothing => "no statement, because no valid trial has this figure".into(),
            Finding::Alone { server } => format!("no comparison, because only {server} has it"),
            Finding::TooFew {
                lowest,
                highest,
                pairs,
            } => format!(
                "too few repetitions for a statement: {lowest} was lowest and {highest} highest, both valid in {}, and \
                 {FEWEST_PAIRS} are needed",
                counted(*pairs, "repetition"),
            ),
            Finding::NoDifference {
                lowest,
                highest,
                ratio,
            } => format!(
                "no difference {}shown between the lowest, {lowest}, and the highest, {highest}, of {}: factor {}",
                if spans_one(ratio) {
                    String::new()
                } else {
                    format!("{BEYOND} ")
                },
                counted(self.compared, "server"),
                factor(ratio, self.exact),
            ),
            Finding::Factor {
                lowest,
                highest,
                ratio,
            } => format!(
                "{highest} costs a factor {} of {lowest}, the highest against the lowest of {}",
                factor(ratio, self.exact),
                counted(self.compared, "server"),
            ),
        };
        let indicative = if self.indicative { " (indicative)" } else { "" };
        let differently = match self.finding {
            Finding::Nothing | Finding::Alone { .. } => "",
            _ if self.published_differently => " (published differently)",
            _ => "",
        };
        capitalised(&format!(
            "{}{indicative}: {said}{differently}.",
            self.figure
        ))
    }

    /// Which servers were left out and why, if any.
    #[must_use]
    pub fn left_aside(&self) -> Option<String> {
        let (last, rest) = self.aside.split_last()?;
        Some(match rest {
            [] => format!("Left aside: {last}."),
            rest => format!("Left aside: {} and {last}.", rest.join(", ")),
        })
    }
}

/// Takes the servers for which `why` has something to say out of `figures`, unless fewer than two would be left.
fn set_aside(
    figures: &mut Vec<(&Arm<'_>, f64)>,
    aside: &mut Vec<String>,
    why: impl Fn(&Arm<'_>) -> Option<String>,
) {
    if figures.iter().filter(|(arm, _)| why(arm).is_none()).count() > 1 {
        aside.extend(figures.iter().filter_map(|(arm, _)| why(arm)));
        figures.retain(|(arm, _)| why(arm).is_none());
    }
}

fn compare(lowest: &Arm<'_>, highest: &Arm<'_>, metric: Metric) -> Finding {
    let ratio = highest.ratio_to(lowest, metric);
    if ratio.is_some_and(|ratio| ratio.value < 1.0) {
        // Over the repetitions that both have it is the other way round.
        return compare(highest, lowest, metric);
    }
    let (lowest, highest) = (lowest.label(), highest.label());
    match ratio {
        Some(ratio) if ratio.n >= FEWEST_PAIRS => {
            if spans_one(&ratio) || within_margin(&ratio, metric) {
                Finding::NoDifference {
                    lowest,
                    highest,
                    ratio,
                }
            } else {
                Finding::Factor {
                    lowest,
                    highest,
                    ratio,
                }
            }
        }
        few => Finding::TooFew {
            lowest,
            highest,
            pairs: few.map_or(0, |ratio| ratio.n),
        },
    }
}

pub(super) fn spans_one(ratio: &Estimate) -> bool {
    ratio.interval.is_none_or(|interval| interval.contains(1.0))
}

/// Whether the difference is too small to be called one. What was counted has no such margin: one byte more is one byte
/// more.
pub(super) fn within_margin(ratio: &Estimate, metric: Metric) -> bool {
    let inside = |Interval { low, high }| low >= 1.0 / MARGIN && high <= MARGIN;
    !metric.is_exact() && ratio.interval.is_some_and(inside)
}

/// `1.24 (1.20 to 1.29)`.
pub(crate) fn factor(ratio: &Estimate, exact: bool) -> String {
    let number = |value| significant(value, ratio_digits(ratio, exact));
    match ratio
        .interval
        .map(|Interval { low, high }| [number(low), number(high)])
    {
        // Counted figures are the same every time.
        Some([low, high]) if low != high => format!("{} ({low} to {high})", number(ratio.value)),
        _ => number(ratio.value),
    }
}

/// Digits of a ratio: more of them where it is exact and would look like 1.
pub(super) fn ratio_digits(ratio: &Estimate, exact: bool) -> usize {
    let off = (ratio.value - 1.0).abs();
    if exact && (1e-12..0.01).contains(&off) {
        5
    } else {
        3
    }
}

#[cfg(test)]
mod tests;
