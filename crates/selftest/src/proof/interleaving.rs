//! A machine that slows down during a run does not make two identical servers differ.

use std::path::Path;

use pushbench_harness::{Plan, Server};
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;
use pushbench_stats::ALPHA;
use pushbench_stats::simulate::{Arm, Drift, Share, false_differences_under_drift, verdict};

use super::CHANCE;
use crate::{About, Context, Finding, Proof, Unproven};

/// The order in which so many trials of each server run, by a seed.
type Order = fn(&Arms, usize, u64) -> Vec<Arm>;

pub(super) struct Interleaving {
    order: Order,
}

pub(super) static REAL: Interleaving = Interleaving { order: planned };

/// Two servers and a scenario, as a run has them.
struct Arms {
    scenario: [Scenario; 1],
    servers: Vec<Server>,
}

const SCENARIO: &str = r#"
name = "drift"
models = "Two identical servers."
expected = "No difference."
profiles = ["quick"]
payload = { bytes = 8 }
[fan-out]
subscribers = 1
rate = 1.0
arrivals = "constant"
warm-up-s = { quick = 1.0, standard = 1.0, thorough = 1.0 }
measure-s = { quick = 1.0, standard = 1.0, thorough = 1.0 }
"#;
const SERVERS: &str = r#"
[[server]]
stack = "reference"
transports = ["sse", "websocket"]
command = ["{pushbench}"]
publishes = "schedule"
about = "Two that are one and the same."
"#;

impl Arms {
    fn new() -> Result<Self, Unproven> {
        let impossible = |what: String| Unproven::Impossible(what);
        let path = Path::new("interleaving.toml");
        Ok(Self {
            scenario: [Scenario::parse(SCENARIO, path).map_err(|e| impossible(e.to_string()))?],
            servers: Server::parse(SERVERS, path).map_err(|e| impossible(e.to_string()))?,
        })
    }
}

/// The order of `pushbench run`.
fn planned(arms: &Arms, trials: usize, seed: u64) -> Vec<Arm> {
    let plan = Plan::new(
        &arms.scenario,
        &arms.servers,
        Profile::Quick,
        trials as u32,
        seed,
    );
    let first = &arms.servers[0].label;
    plan.trials
        .iter()
        .map(|trial| {
            if trial.server.label == *first {
                Arm::First
            } else {
                Arm::Second
            }
        })
        .collect()
}

/// One server after the other.
fn sequential(_: &Arms, trials: usize, _seed: u64) -> Vec<Arm> {
    [vec![Arm::First; trials], vec![Arm::Second; trials]].concat()
}

impl Proof for Interleaving {
    fn about(&self) -> About {
        About {
            id: "interleaving",
            rules: &[14],
            rule: "Trials run in shuffled blocks that hold every server once.",
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let drift = Drift {
            trials: 10,
            rise: 0.2,
            noise: 0.05,
        };
        let sessions = context.either(1000, 4000);
        let arms = Arms::new()?;
        let told_apart = |order: Order| -> Result<Share, Unproven> {
            context.check()?;
            let order = |trials, seed| order(&arms, trials, seed);
            Ok(false_differences_under_drift(
                &drift,
                sessions,
                context.seed,
                order,
                verdict,
            ))
        };
        let share = told_apart(self.order)?;
        let naive = told_apart(sequential)?;
        Ok(Finding {
            injected: format!(
                "a machine that slows down by 20 % under two identical servers, 10 trials each, {sessions} sessions"
            ),
            expected: "a difference in 5 % of sessions".into(),
            read: share.to_string(),
            naive: Some(format!("one server after the other: {naive}")),
            holds: share.errors_above(ALPHA) <= CHANCE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_fails, assert_passes};

    #[test]
    fn passes() {
        assert_passes(&REAL);
    }

    #[test]
    fn one_server_after_the_other_fails() {
        assert_fails(&Interleaving { order: sequential });
    }

    #[test]
    fn blocks_of_one_server_fail() {
        // Five of the first, five of the second, and once more.
        assert_fails(&Interleaving {
            order: |_, trials, _| {
                let half = trials / 2;
                let halves = |n| [vec![Arm::First; n], vec![Arm::Second; n]].concat();
                [halves(half), halves(trials - half)].concat()
            },
        });
    }
}
