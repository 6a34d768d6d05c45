//! The loop over the proofs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::Timestamp;
use pushbench_harness::CoreSplit;
use pushbench_harness::environment::{self, Build};
use pushbench_model::record::SCHEMA;
use pushbench_model::selftest::{ProofRow, ProofStatus, SelfTest};

use crate::{About, Context, Finding, Proof, Unproven};

/// What is to be proven, and how.
pub struct Config<'a> {
    /// The proofs, in order: [`crate::PROOFS`] or some of them.
    pub proofs: Vec<&'a dyn Proof>,
    /// Whether to be quick.
    pub quick: bool,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Path of the `pushbench` program.
    pub pushbench: PathBuf,
    /// Cores of servers and of load processes.
    pub cores: CoreSplit,
    /// What was built.
    pub build: Build,
}

/// How a self-test ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it found; only the rows so far when it was interrupted.
    pub selftest: SelfTest,
    /// Whether it was.
    pub interrupted: bool,
}

/// Is told how it goes.
pub trait Observer {
    /// A proof starts.
    fn started(&mut self, about: &About);
    /// A proof has ended.
    fn finished(&mut self, row: &ProofRow);
}

/// Tells nobody.
#[derive(Debug)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn started(&mut self, _: &About) {}
    fn finished(&mut self, _: &ProofRow) {}
}

/// Runs all proofs of `config`, or as many as there are until `stop` is set.
pub fn run(config: &Config<'_>, observer: &mut dyn Observer, stop: &AtomicBool) -> Outcome {
    let environment = environment::capture(&config.build, BTreeMap::new());
    let context = Context {
        quick: config.quick,
        seed: config.seed,
        pushbench: config.pushbench.clone(),
        cores: config.cores.clone(),
        no_counters: environment.no_counters.clone(),
        stop,
        sliced: OnceLock::new(),
    };
    let started = Timestamp::now();
    let clock = Instant::now();
    let mut rows = Vec::new();
    let mut interrupted = false;
    for proof in &config.proofs {
        let about = proof.about();
        observer.started(&about);
        let Some(row) = row(*proof, &context) else {
            interrupted = true;
            break;
        };
        observer.finished(&row);
        rows.push(row);
    }
    Outcome {
        selftest: SelfTest {
            schema: SCHEMA,
            started: started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            wall_s: clock.elapsed().as_secs_f64(),
            quick: config.quick,
            seed: config.seed,
            pushbench_version: environment.pushbench_version,
            commit: environment.commit,
            build: environment.build,
            machine: environment.machine,
            no_counters: environment.no_counters,
            rows,
        },
        interrupted,
    }
}

/// Runs one proof; `None` when it was interrupted.
pub(crate) fn row(proof: &dyn Proof, context: &Context<'_>) -> Option<ProofRow> {
    let clock = Instant::now();
    let (finding, status) = match context.check().and_then(|()| proof.run(context)) {
        Err(Unproven::Interrupted) => return None,
        Err(Unproven::Impossible(why)) => (nothing(why), ProofStatus::NotRun),
        Ok(finding) if finding.holds => (finding, ProofStatus::Passed),
        Ok(finding) => (finding, ProofStatus::Failed),
    };
    let About { id, rules, rule } = proof.about();
    Some(ProofRow {
        id: id.into(),
        rules: rules.into(),
        rule: rule.into(),
        injected: finding.injected,
        expected: finding.expected,
        read: finding.read,
        naive: finding.naive,
        status,
        wall_s: clock.elapsed().as_secs_f64(),
    })
}

fn nothing(why: String) -> Finding {
    Finding {
        injected: "nothing".into(),
        expected: "nothing".into(),
        read: why,
        naive: None,
        holds: false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::testing::context;

    struct Fake(fn(&Context<'_>) -> Result<Finding, Unproven>);

    impl Proof for Fake {
        fn about(&self) -> About {
            About {
                id: "fake",
                rules: &[1],
                rule: "A rule.",
            }
        }

        fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
            (self.0)(context)
        }
    }

    fn finding(holds: bool) -> Finding {
        Finding {
            read: "7".into(),
            holds,
            ..nothing(String::new())
        }
    }

    fn config<'a>(proofs: Vec<&'a dyn Proof>) -> Config<'a> {
        Config {
            proofs,
            quick: true,
            seed: 1,
            pushbench: "pushbench".into(),
            cores: CoreSplit {
                server: vec![0],
                load: vec![0],
            },
            build: Build::default(),
        }
    }

    #[test]
    fn every_end_has_its_status() {
        let passed = Fake(|_| Ok(finding(true)));
        let failed = Fake(|_| Ok(finding(false)));
        let impossible = Fake(|_| Err(Unproven::Impossible("no counters".into())));
        let proofs: Vec<&dyn Proof> = vec![&passed, &failed, &impossible];
        let outcome = run(&config(proofs), &mut NoObserver, &AtomicBool::new(false));
        assert!(!outcome.interrupted);
        assert_eq!(outcome.selftest.counts(), (1, 1, 1));
        assert_eq!(outcome.selftest.rows[2].read, "no counters");
    }

    #[test]
    fn an_interruption_keeps_the_rows_so_far() {
        let passed = Fake(|_| Ok(finding(true)));
        let stops = Fake(|context| {
            context.stop.store(true, Ordering::Relaxed);
            context.check()?;
            Ok(finding(true))
        });
        let proofs: Vec<&dyn Proof> = vec![&passed, &stops, &passed];
        let outcome = run(&config(proofs), &mut NoObserver, &AtomicBool::new(false));
        assert!(outcome.interrupted);
        assert_eq!(outcome.selftest.counts(), (1, 0, 0));
    }

    #[test]
    fn nothing_starts_after_the_flag_is_set() {
        let never = Fake(|_| panic!("it started"));
        let stop = AtomicBool::new(true);
        assert_eq!(row(&never, &context(&stop)), None);
    }
}
