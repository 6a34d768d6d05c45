//! The loop with simulated queues in the place of servers.

use pushbench_model::environment::Environment;
use pushbench_model::profile::Profile;
use pushbench_model::record::Record;
use pushbench_model::search::ProbeVerdict;

use super::*;
use crate::cores::CoreSplit;
use crate::saturate::simulate::Queue;
use crate::verify::tests::scenario;

/// With one subscriber, as the queue has.
fn alone() -> Scenario {
    let mut scenario = scenario();
    if let Workload::FanOut(fan_out) = &mut scenario.workload {
        fan_out.subscribers = 1;
    }
    scenario
}

fn config(parent: &Path) -> SaturateConfig {
    let servers = "[[server]]\nstack = \"x\"\ntransports = [\"sse\", \"websocket\"]\ncommand = [\"x\"]\n\
                   publishes = \"schedule\"\nabout = \"\"\n";
    SaturateConfig {
        run: RunConfig {
            parent: parent.into(),
            command: vec!["pushbench".into(), "saturate".into()],
            seed: 3,
            profile: Profile::Quick,
            repetitions: 0,
            scenarios: vec![alone()],
            servers: Server::parse(servers, Path::new("servers.toml")).unwrap(),
            slices: false,
            absent: Vec::new(),
            left_out: Vec::new(),
            left_out_scenarios: Vec::new(),
            cores: CoreSplit {
                server: vec![0],
                load: vec![1],
            },
            environment: Environment::default(),
            selftest: None,
        },
        objective: "p99<=50ms".parse().unwrap(),
        range: SearchRange {
            from: 50.0,
            to: 1e6,
            resolution: 0.05,
        },
        probe_s: 10.0,
    }
}

/// The first transport is half as quick as the second; `stop` is raised after so many probes.
struct Two<'a> {
    queues: [Queue; 2],
    left: u32,
    stop: &'a AtomicBool,
}

impl TrialRunner for Two<'_> {
    fn run(&mut self, trial: &PlannedTrial) -> TrialResult {
        self.left -= 1;
        if self.left == 0 {
            self.stop.store(true, Ordering::Relaxed);
        }
        let at = usize::from(trial.server.label.transport != "sse");
        self.queues[at].run(trial)
    }
}

#[derive(Default)]
struct Notes {
    directory: PathBuf,
    order: Vec<String>,
}

impl Watcher for Notes {
    fn recording(&mut self, directory: &Path) {
        self.directory = directory.into();
        let search = Record::read(directory).unwrap().search.unwrap();
        assert!(
            search
                .servers
                .iter()
                .all(|s| s.end == End::Unfinished && s.probes.is_empty())
        );
    }

    fn started(&mut self, trial: &PlannedTrial, _: Purpose) {
        self.order.push(trial.server.label.transport.clone());
    }

    fn finished(&mut self, trial: &Trial, probe: &Probe) {
        // Both files are complete before anyone is told.
        let record = Record::read(&self.directory).unwrap();
        let last = &record.trials.last().unwrap().trial;
        assert_eq!((last.trial, last.rate), (trial.trial, trial.rate));
        assert_eq!((trial.rate, trial.trial), (Some(probe.rate), probe.trial));
        let probes = record
            .search
            .unwrap()
            .servers
            .into_iter()
            .flat_map(|s| s.probes);
        assert_eq!(probes.count(), record.trials.len());
    }
}

fn go(stop_after: u32) -> (SaturateOutcome, Notes, Record) {
    let parent = tempfile::tempdir().unwrap();
    let stop = AtomicBool::new(false);
    let mut runner = Two {
        queues: [Queue::new(500.0, 1), Queue::new(1000.0, 2)],
        left: stop_after,
        stop: &stop,
    };
    let mut notes = Notes::default();
    let outcome = run(&config(parent.path()), &mut runner, &mut notes, &stop).unwrap();
    let record = Record::read(&outcome.directory).unwrap();
    let left: Vec<_> = outcome.directory.read_dir().unwrap().collect();
    assert_eq!(left.len(), 4, "no draft is left: {left:?}");
    (outcome, notes, record)
}

#[test]
fn two_servers_are_searched_probe_by_probe() {
    let (outcome, notes, record) = go(u32::MAX);
    assert!(outcome.is_conclusive() && !outcome.interrupted);
    let says = |search: &Search| -> Vec<_> {
        let probes = search.servers.iter().flat_map(|s| &s.probes);
        probes
            .map(|p| (p.rate, p.trial, p.purpose, p.judgement.verdict))
            .collect()
    };
    assert_eq!(says(record.search.as_ref().unwrap()), says(&outcome.search));
    // μ - ln(100)/X: 408 and 908; probes of 10 s are short.
    for (found, truth) in outcome.search.servers.iter().zip([408.0, 908.0]) {
        let sustained = found.sustained.unwrap();
        assert!(
            (sustained / truth - 1.0f64).abs() < 0.1,
            "{sustained} for {truth}"
        );
        assert!(found.failed_at.unwrap() > sustained && found.end == End::Found);
        let curve = found.probes.iter().filter(|p| p.purpose == Purpose::Curve);
        assert!(curve.count() >= 6);
    }
    let first: Vec<_> = notes.order.chunks(2).take(10).collect();
    assert!(first.iter().all(|pair| pair[0] != pair[1]), "{first:?}");
    assert!(
        first.iter().any(|pair| pair[0] != first[0][0]),
        "the order is drawn anew"
    );
    assert!(
        record
            .trials
            .iter()
            .map(|t| t.trial.trial)
            .eq(1..=record.trials.len() as u32)
    );
}

#[test]
fn what_was_measured_before_a_stop_is_kept() {
    let (outcome, _, record) = go(5);
    assert!(outcome.interrupted && !outcome.is_conclusive());
    let search = record.search.unwrap();
    assert_eq!(record.trials.len(), 5);
    assert_eq!(
        search.servers.iter().map(|s| s.probes.len()).sum::<usize>(),
        5
    );
    for server in &search.servers {
        assert_eq!((server.end, server.sustained), (End::Unfinished, None));
        assert!(server.ended.contains("stopped"), "{}", server.ended);
        assert!(
            server
                .probes
                .iter()
                .all(|p| p.judgement.verdict == ProbeVerdict::Held)
        );
    }
}

#[test]
fn only_a_fan_out_has_a_rate() {
    let parent = tempfile::tempdir().unwrap();
    let connect = "name = \"dial\"\nmodels = \"\"\nexpected = \"\"\nprofiles = [\"quick\"]\npayload = { bytes = 8 }\n\
                   [connect]\nconnections = { quick = 1, standard = 1, thorough = 1 }\n\
                   warm-up = { quick = 0, standard = 0, thorough = 0 }\nin-flight = 1\n";
    type Lack = fn(&mut SaturateConfig, Scenario);
    let lacks: [(Lack, &str); 3] = [
        (|config, dial| config.run.scenarios = vec![dial], "fan-out"),
        (|config, _| config.run.scenarios.clear(), "one scenario"),
        (|config, _| config.run.servers.clear(), "no server"),
    ];
    for (lack, wanted) in lacks {
        let mut config = config(parent.path());
        lack(
            &mut config,
            Scenario::parse(connect, Path::new("x")).unwrap(),
        );
        let mut runner = Queue::new(1.0, 1);
        let stop = AtomicBool::new(false);
        let error = run(&config, &mut runner, &mut NoWatcher, &stop).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
    assert_eq!(
        parent.path().read_dir().unwrap().count(),
        0,
        "no record is left"
    );
}

/// One subscriber at 10 messages/s: p99 takes 1000 deliveries, and a few more for luck.
#[test]
fn slow_rates_are_measured_longer() {
    let config = config(Path::new(""));
    let (scenario, fan_out) = fan_out(&config).unwrap();
    let seconds = |rate| match at_rate(&config, scenario, fan_out, rate).workload {
        Workload::FanOut(fan_out) => (fan_out.rate, fan_out.measure_s.quick),
        Workload::Connect(_) | Workload::Tokens(_) => unreachable!(),
    };
    assert_eq!(seconds(10.0), (10.0, 120.0));
    assert_eq!(seconds(200.0), (200.0, 10.0));
    assert_eq!(seconds(1.0), (1.0, LONGEST_S));
}
