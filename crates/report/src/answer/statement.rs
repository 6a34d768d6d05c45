//! What may be said about a figure over all servers: who is lowest, who is highest, and whether that is a difference.

use pushbench_stats::FEWEST_PAIRS;

use super::family::{Compared, Verdicts};
use super::words::{outcome, tier};
use crate::metric::Metric;
use crate::number::{capitalised, counted};
use crate::results::{Arm, Group};

/// A sentence about one figure of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// The figure, in words.
    pub figure: String,
    /// The trust tier, in words.
    pub tier: String,
    /// What was found.
    pub finding: Finding,
    /// Servers left out of the comparison, with the reason.
    pub aside: Vec<String>,
}

/// The outcome of comparing the highest with the lowest server.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// No server has the figure.
    Nothing,
    /// One server has it.
    Alone {
        /// The server.
        server: String,
    },
    /// Several have it.
    Extremes(Extremes),
}

/// The highest against the lowest.
#[derive(Clone, Debug, PartialEq)]
pub struct Extremes {
    /// The lowest.
    pub lowest: String,
    /// The highest.
    pub highest: String,
    /// Highest over lowest. They were picked after looking; the verdict may be believed all the same, because every
    /// pair was judged.
    pub compared: Compared,
    /// Servers compared.
    pub of: usize,
    /// Whether the two got their messages in different ways, one from itself, one through a relay.
    pub published_differently: bool,
}

impl Finding {
    /// Whether two servers were compared.
    #[must_use]
    pub fn is_comparison(&self) -> bool {
        matches!(self, Self::Extremes(_))
    }
}

type Figure<'g, 'a> = (usize, &'g Arm<'a>, f64);

impl Statement {
    /// Compares the highest with the lowest server of `group` by `metric`. The floor stays aside, which is what nobody
    /// can go below and not a choice, and so do servers with too few repetitions, as long as two others remain.
    #[must_use]
    pub fn of(group: &Group<'_>, verdicts: &Verdicts, metric: Metric) -> Self {
        let mut figures: Vec<Figure<'_, '_>> = group
            .arms
            .iter()
            .enumerate()
            .filter_map(|(at, arm)| Some((at, arm, arm.estimate(metric)?.value)))
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
        Self {
            figure: metric.label(group.work()),
            tier: tier(group, metric),
            finding: extremes(group, verdicts, metric, figures),
            aside,
        }
    }

    /// The sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let said = match &self.finding {
            Finding::Nothing => "no verdict, because no valid trial has this figure".into(),
            Finding::Alone { server } => format!("no verdict, because only {server} has it"),
            Finding::Extremes(extremes) => {
                let differently = if extremes.published_differently {
                    ", published differently"
                } else {
                    ""
                };
                let aside = format!(
                    ", the highest and the lowest of {}{differently}",
                    counted(extremes.of, "server")
                );
                outcome(
                    &extremes.highest,
                    &extremes.lowest,
                    &extremes.compared,
                    &aside,
                )
            }
        };
        capitalised(&format!("{} {}: {said}.", self.figure, self.tier))
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
    figures: &mut Vec<Figure<'_, '_>>,
    aside: &mut Vec<String>,
    why: impl Fn(&Arm<'_>) -> Option<String>,
) {
    let stays = |(_, arm, _): &Figure<'_, '_>| why(arm).is_none();
    if figures.iter().filter(|figure| stays(figure)).count() > 1 {
        aside.extend(figures.iter().filter_map(|(_, arm, _)| why(arm)));
        figures.retain(stays);
    }
}

fn extremes(
    group: &Group<'_>,
    verdicts: &Verdicts,
    metric: Metric,
    mut figures: Vec<Figure<'_, '_>>,
) -> Finding {
    let of = figures.len();
    // Stable: of equal figures the server named first in the run stays first.
    figures.sort_by(|(_, _, a), (_, _, b)| a.total_cmp(b));
    let (&(mut lowest, a, _), &(mut highest, b, _)) = match figures.as_slice() {
        [] => return Finding::Nothing,
        [(_, only, _)] => {
            return Finding::Alone {
                server: only.label(),
            };
        }
        [lowest, .., highest] => (lowest, highest),
    };
    let Some(mut compared) = verdicts.find(highest, lowest, metric) else {
        return Finding::Nothing;
    };
    if compared.ratio.is_some_and(|ratio| ratio.value < 1.0) {
        // Over the pairs that both have it is the other way round.
        std::mem::swap(&mut lowest, &mut highest);
        compared = verdicts.find(highest, lowest, metric).unwrap_or(compared);
    }
    Finding::Extremes(Extremes {
        lowest: group.arms[lowest].label(),
        highest: group.arms[highest].label(),
        compared,
        of,
        // How a message reaches the server changes nothing about the connections whose bytes are counted.
        published_differently: group.is_published_differently()
            && !metric.is_exact()
            && a.publisher() != b.publisher(),
    })
}
