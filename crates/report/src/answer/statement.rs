//! What may be said about a figure: who is lowest, who is highest, and whether that is a difference.

use crate::metric::Metric;
use crate::number::{THIN, capitalised, counted, significant};
use crate::results::{Arm, Group};
use crate::statistics::{Estimate, FEWEST_PAIRS, Interval};

/// Differences wholly inside this factor are not called differences.
const MARGIN: f64 = 1.05;

/// A sentence about one figure of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The figure, in words.
    pub figure: String,
    /// What was found.
    pub finding: Finding,
    /// Whether it is about time on a machine that can only give indications.
    pub indicative: bool,
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
        let finding = match figures.as_slice() {
            [] => Finding::Nothing,
            [(only, _)] => Finding::Alone {
                server: only.label(),
            },
            [(lowest, _), .., (highest, _)] => compare(lowest, highest, metric),
        };
        Self {
            figure: metric.label(group.work()),
            finding,
            indicative: group.indicative && metric.is_time(),
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
                    format!("beyond 5{THIN}% ")
                },
                counted(self.compared, "server"),
                factor(ratio),
            ),
            Finding::Factor {
                lowest,
                highest,
                ratio,
            } => format!(
                "{highest} costs a factor {} of {lowest}, the highest against the lowest of {}",
                factor(ratio),
                counted(self.compared, "server"),
            ),
        };
        let indicative = if self.indicative { " (indicative)" } else { "" };
        capitalised(&format!("{}{indicative}: {said}.", self.figure))
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
            if spans_one(&ratio) || within_margin(&ratio) {
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

pub(super) fn within_margin(ratio: &Estimate) -> bool {
    ratio
        .interval
        .is_some_and(|Interval { low, high }| low >= 1.0 / MARGIN && high <= MARGIN)
}

/// `1.24 (1.20 to 1.29)`.
pub(crate) fn factor(ratio: &Estimate) -> String {
    let number = |value| significant(value, 3);
    match ratio
        .interval
        .map(|Interval { low, high }| [number(low), number(high)])
    {
        // Counted figures are the same every time.
        Some([low, high]) if low != high => format!("{} ({low} to {high})", number(ratio.value)),
        _ => number(ratio.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Side;
    use crate::results::Results;
    use crate::sample;

    /// A statement about server CPU after `cost` has set it for (server, repetition); `None` makes the trial fail.
    fn statement(cost: impl Fn(&str, u32) -> Option<u64>) -> Statement {
        let mut record = sample::record();
        for recorded in &mut record.trials {
            let trial = &mut recorded.trial;
            let operations = trial.measurement.as_ref().map_or(0, |m| m.operations);
            let wanted = cost(&trial.server.to_string(), trial.repetition);
            match (wanted, &mut trial.server_usage) {
                (Some(each), Some(usage)) => usage.cost.cpu_ns = each * operations,
                _ => trial.measurement = None,
            }
        }
        Statement::of(&Results::new(&record).groups[0], Metric::Cpu(Side::Server))
    }

    /// Costs 1000 with a little noise, websocket/ws `factor` times that.
    fn with_factor(factor: f64) -> Statement {
        statement(|server, repetition| {
            let noise = 1.0 + 0.001 * f64::from(repetition % 3);
            let own = 1.0 + 0.002 * (server.len() as f64) * f64::from(repetition % 2);
            let factor = if server == "websocket/ws" {
                factor
            } else {
                1.0
            };
            Some((100_000.0 * factor * noise * own) as u64)
        })
    }

    #[test]
    fn a_difference_is_a_factor_with_its_interval() {
        let said = with_factor(2.0);
        let Finding::Factor { highest, ratio, .. } = &said.finding else {
            panic!("{said:?}");
        };
        assert_eq!((highest.as_str(), ratio.n), ("websocket/ws", 6));
        assert!((1.9..2.1).contains(&ratio.value));
        assert_eq!(
            said.aside,
            [
                "tcp/floor (the floor)",
                "sse/express (5 valid repetitions of 6 needed)"
            ]
        );
        let sentence = said.sentence();
        assert!(
            sentence
                .starts_with("Server CPU per delivery (indicative): websocket/ws costs a factor "),
            "{sentence}"
        );
        assert!(
            sentence.ends_with(", the highest against the lowest of 5 servers."),
            "{sentence}"
        );
    }

    #[test]
    fn small_differences_are_not_called_differences() {
        let said = with_factor(1.0);
        assert!(
            matches!(said.finding, Finding::NoDifference { .. }),
            "{said:?}"
        );
        assert!(
            said.sentence().contains("no difference"),
            "{}",
            said.sentence()
        );
        let said = statement(|server, _| {
            Some(if server == "websocket/ws" {
                103_000
            } else {
                100_000
            })
        });
        assert!(
            said.sentence()
                .contains("no difference beyond 5\u{202f}% shown"),
            "{}",
            said.sentence()
        );
        let said = statement(|_, _| Some(100_000));
        assert!(
            said.sentence()
                .contains("no difference shown between the lowest"),
            "{}",
            said.sentence()
        );
    }

    #[test]
    fn too_few_repetitions_say_so() {
        let said = statement(|server, repetition| match (server, repetition) {
            (_, 4..) => None,
            ("sse/reference", _) => Some(1),
            _ => Some(1000),
        });
        assert!(
            matches!(said.finding, Finding::TooFew { pairs: 3, .. }),
            "{said:?}"
        );
        let sentence = said.sentence();
        assert!(sentence.contains("sse/reference was lowest"), "{sentence}");
        assert!(
            sentence.contains("both valid in 3 repetitions, and 6 are needed"),
            "{sentence}"
        );
    }

    #[test]
    fn one_or_none_are_not_compared() {
        let said = statement(|server, _| (server == "sse/reference").then_some(5));
        assert_eq!(
            said.finding,
            Finding::Alone {
                server: "sse/reference".into()
            }
        );
        assert_eq!(statement(|_, _| None).finding, Finding::Nothing);
    }
}
