//! The loop with a runner that runs nothing.

use std::collections::VecDeque;

use pushbench_model::record::Record;
use pushbench_model::scenario::{Dead, Workload};

use pushbench_model::record::{Blame, Reason};

use super::*;
use crate::trial::FinishedTrial;
use crate::verify::tests::{flawless, scenario};

/// Gives these outcomes in turn, then interruption.
struct Mock<'a> {
    outcomes: VecDeque<Outcome>,
    stop_after: Option<(usize, &'a AtomicBool)>,
    ran: Vec<u32>,
}

impl TrialRunner for Mock<'_> {
    fn run(&mut self, trial: &PlannedTrial) -> TrialResult {
        self.ran.push(trial.number);
        if let Some((after, stop)) = self.stop_after
            && after == self.ran.len()
        {
            stop.store(true, Ordering::Relaxed);
        }
        let Some(outcome) = self.outcomes.pop_front() else {
            return TrialResult::Interrupted;
        };
        TrialResult::Finished(Box::new(FinishedTrial {
            measurement: outcome.is_valid().then(flawless),
            outcome,
            started: "2026-11-21T01:37:01Z".into(),
            wall_s: 1.0,
            server_usage: None,
            load_usage: None,
            steal: None,
            others_cpu: None,
            cpu_pressure: None,
            steadiness: None,
            flags: Vec::new(),
            link: None,
        }))
    }
}

#[derive(Default)]
struct Notes {
    directory: PathBuf,
    started: Vec<(u32, Duration)>,
    finished: Vec<Outcome>,
}

impl Observer for Notes {
    fn recording(&mut self, directory: &Path) {
        self.directory = directory.into();
    }

    fn started(&mut self, progress: &Progress<'_>) {
        self.started
            .push((progress.step.number(), progress.remaining));
    }

    fn finished(&mut self, trial: &Trial) {
        // Recorded before anyone is told.
        let record = Record::read(&self.directory).unwrap();
        assert_eq!(&record.trials.last().unwrap().trial, trial);
        self.finished.push(trial.outcome.clone());
    }

    fn sliced(&mut self, trial: &SliceTrial) {
        let record = Record::read(&self.directory).unwrap();
        assert_eq!(record.slices.last().unwrap(), trial);
        self.finished.push(trial.outcome.clone());
    }
}

fn config(parent: &Path) -> RunConfig {
    let servers = "[[server]]\nstack = \"x\"\ntransports = [\"sse\", \"websocket\"]\ncommand = [\"x\"]\n\
                   publishes = \"schedule\"\nabout = \"\"\n";
    RunConfig {
        parent: parent.into(),
        command: vec!["pushbench".into(), "run".into()],
        seed: 3,
        profile: Profile::Quick,
        repetitions: 2,
        scenarios: vec![scenario()],
        servers: Server::parse(servers, Path::new("servers.toml")).unwrap(),
        absent: Vec::new(),
        left_out: Vec::new(),
        left_out_scenarios: Vec::new(),
        slices: false,
        cores: CoreSplit {
            server: vec![0],
            load: vec![1],
        },
        environment: Environment::default(),
        selftest: None,
    }
}

fn outcomes() -> [Outcome; 4] {
    [
        Outcome::Valid,
        Outcome::Invalid {
            reasons: vec![Reason {
                side: Blame::Server,
                text: "lost".into(),
            }],
        },
        Outcome::Failed {
            reason: "died".into(),
        },
        Outcome::Valid,
    ]
}

fn go(outcomes: &[Outcome], stop_after: Option<usize>) -> (RunOutcome, Notes, Vec<u32>, Record) {
    let parent = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let mut mock = Mock {
        outcomes: outcomes.to_vec().into(),
        stop_after: stop_after.map(|after| (after, &stop)),
        ran: Vec::new(),
    };
    let mut notes = Notes::default();
    let outcome = run(&config(parent.path()), &mut mock, &mut notes, &stop).unwrap();
    let record = Record::read(&outcome.directory).unwrap();
    (outcome, notes, mock.ran, record)
}

/// This mock runs no slices, so they fail; they are recorded all the same, at their place among the others.
#[test]
fn slices_are_planned_recorded_told_and_counted() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config(parent.path());
    config.slices = true;
    for server in &mut config.servers {
        server.command = vec!["{pushbench}".into()];
    }
    let stop = AtomicBool::new(false);
    let mut mock = Mock {
        outcomes: std::iter::repeat_n(Outcome::Valid, 4).collect(),
        stop_after: None,
        ran: Vec::new(),
    };
    let mut notes = Notes::default();
    let outcome = run(&config, &mut mock, &mut notes, &stop).unwrap();
    let record = Record::read(&outcome.directory).unwrap();
    assert_eq!((outcome.completed, outcome.planned), (6, 6));
    assert_eq!((outcome.slices, outcome.failed), (2, 2));
    assert_eq!(record.run.planned, 6);
    assert_eq!((record.trials.len(), record.slices.len()), (4, 2));
    assert_eq!((notes.started.len(), notes.finished.len()), (6, 6));
    assert!(notes.started.iter().map(|(number, _)| *number).eq(1..=6));
    let mut numbers: Vec<u32> = record.slices.iter().map(|slices| slices.trial).collect();
    numbers.extend(&mock.ran);
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(1..=6));
    for (slices, repetition) in record.slices.iter().zip(1..) {
        assert_eq!(slices.repetition, repetition);
        assert_eq!(slices.arms.len(), 2);
        assert!(slices.outcome.in_words().contains("none in slices"));
    }

    config.slices = false;
    assert_eq!(config.plan().len(), 4);
}

#[test]
fn every_outcome_is_recorded_and_told() {
    let (outcome, notes, ran, record) = go(&outcomes(), None);
    assert_eq!((outcome.completed, outcome.planned), (4, 4));
    assert_eq!(outcome.slices, 0);
    assert_eq!(
        (outcome.invalid, outcome.failed, outcome.interrupted),
        (1, 1, false)
    );
    assert_eq!(ran, [1, 2, 3, 4]);
    assert_eq!(notes.finished, outcomes());
    assert_eq!(notes.directory, outcome.directory);
    assert_eq!(record.run.planned, 4);
    assert_eq!(record.run.servers.len(), 2);
    assert_eq!(record.trials.len(), 4);
    // The first estimate is the plan's; the mock takes no time, so little is left after that.
    assert_eq!(notes.started[0].1, record_estimate());
    assert!(notes.started[3].1 < Duration::from_secs(1));
}

fn record_estimate() -> Duration {
    config(Path::new("")).plan().estimate()
}

#[test]
fn an_interrupted_trial_is_not_recorded() {
    let (outcome, notes, ran, record) = go(&outcomes()[..2], None);
    assert!(outcome.interrupted);
    assert_eq!((outcome.completed, record.trials.len()), (2, 2));
    assert_eq!(
        (ran.len(), notes.started.len(), notes.finished.len()),
        (3, 3, 2)
    );
}

#[test]
fn a_stop_between_trials_keeps_the_last_one() {
    let (outcome, _, ran, record) = go(&outcomes(), Some(1));
    assert!(outcome.interrupted);
    assert_eq!((ran.len(), record.trials.len()), (1, 1));
}

#[test]
fn nothing_to_run_is_an_error_and_leaves_no_record() {
    let parent = tempfile::tempdir().unwrap();
    type Lack = fn(&mut RunConfig);
    let lacks: [(Lack, &str); 4] = [
        (|config| config.scenarios.clear(), "no scenario"),
        (|config| config.servers.clear(), "no server"),
        (|config| config.repetitions = 0, "no repetitions"),
        (
            |config| {
                let servers = config.servers.iter_mut();
                servers.for_each(|server| server.max_connections = Some(1));
            },
            "no server chosen can hold the connections",
        ),
    ];
    for (lack, wanted) in lacks {
        let mut config = config(parent.path());
        lack(&mut config);
        let mut mock = Mock {
            outcomes: VecDeque::new(),
            stop_after: None,
            ran: Vec::new(),
        };
        let result = run(&config, &mut mock, &mut NoObserver, &AtomicBool::new(false));
        assert!(result.unwrap_err().to_string().contains(wanted));
    }
    assert_eq!(parent.path().read_dir().unwrap().count(), 0);
}

/// What is not measured although it is there stands in the record, with its reason.
#[test]
fn what_is_left_out_is_recorded() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = config(parent.path());
    config.servers[0].profile = Profile::Standard;
    let by_profile = config.servers[0].left_out_of(Profile::Quick).unwrap();
    assert!(config.servers[0].left_out_of(Profile::Standard).is_none());
    config.left_out.push(by_profile.clone());
    config.servers.remove(0);
    let mut other = config.servers[0].clone();
    other.label.stack = "y".into();
    other.max_connections = Some(1);
    config.servers.push(other.clone());
    let mut mock = Mock {
        outcomes: vec![Outcome::Valid; 2].into(),
        stop_after: None,
        ran: Vec::new(),
    };
    let stop = AtomicBool::new(false);
    let outcome = run(&config, &mut mock, &mut Notes::default(), &stop).unwrap();
    assert_eq!((outcome.planned, outcome.completed), (2, 2));
    let record = Record::read(&outcome.directory).unwrap();
    let by_scenario = other.left_out_by(&config.scenarios[0]).unwrap();
    assert_eq!(record.run.left_out, [by_profile, by_scenario]);
}

/// Networks are taken away on a link only: without one the scenario is left out, for every server, and that is said.
#[test]
fn nobody_dies_without_a_link() {
    let mut config = config(Path::new(""));
    let all = config.plan().len();
    let Workload::FanOut(fan_out) = &mut config.scenarios[0].workload else {
        panic!("a fan-out expected");
    };
    fan_out.dead = Some(Dead {
        share: 0.5,
        within_s: 0.0,
    });
    assert!(config.plan().len() < all);
    let left_out = config.all_left_out();
    assert_eq!(left_out.len(), config.servers.len());
    assert!(
        left_out
            .iter()
            .all(|one| one.reason.contains("--link rtt=1ms"))
    );
    config.scenarios.truncate(1);
    let error = check(&config, &config.plan()).unwrap_err().to_string();
    assert!(error.contains("--link rtt=1ms"), "{error}");
    config.scenarios[0].link = Some("rtt=1ms".parse().unwrap());
    assert!(config.all_left_out().is_empty());
    check(&config, &config.plan()).unwrap();
}

#[test]
fn directories_sort_by_time_and_name_the_machine() {
    let environment = Environment {
        cpu_model: "AMD EPYC".into(),
        cores: vec![0, 1],
        ..Environment::default()
    };
    let time = "2026-11-21T01:37:00Z".parse().unwrap();
    assert_eq!(
        directory_name(time, &environment),
        "2026-11-21T01-37-00Z-epyc-2c"
    );
}
