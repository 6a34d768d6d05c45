//! Trials with real processes: shell scripts in the roles of server and load process.

mod stage;

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pushbench_harness::{NoObserver, PlannedTrial, ProcessRunner, TrialResult, TrialRunner, run};
use pushbench_model::record::{Outcome, Record};

use stage::{CONNECT, FAN_OUT, PHASES, Stage};

#[test]
fn a_trial_from_start_to_end() {
    let stage = Stage::new(FAN_OUT, PHASES);
    let trial = stage.trial().unwrap();
    assert_eq!(trial.outcome, Outcome::Valid);
    assert_eq!(trial.measurement, Some(stage.measurement.clone()));
    assert!(trial.wall_s > 0.0);
    assert!(trial.steal.is_none_or(|share| (0.0..=1.0).contains(&share)));
    for usage in [trial.server_usage, trial.load_usage] {
        let usage = usage.unwrap();
        let memory = usage.memory.unwrap();
        assert!(
            memory.rss_before > 0
                && memory.rss_connected > 0
                && memory
                    .rss_peak
                    .is_some_and(|peak| peak >= memory.rss_before)
                && memory.grown_at_most().is_some(),
            "{usage:?}"
        );
        assert!(memory.pss_before.is_some(), "{usage:?}");
    }
    stage.assert_nothing_remains();
}

/// The cost is that of the measured phase: what is done before and after it is not in it.
#[test]
fn cost_is_taken_between_the_barriers() {
    let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    let cost = |load: &str| {
        let stage = Stage::new(FAN_OUT, load);
        let trial = stage.trial().unwrap();
        assert_eq!(trial.outcome, Outcome::Valid);
        trial.load_usage.unwrap().cost.cpu_ns
    };
    let outside = cost(&format!(
        "phase ready; {burn}; phase connected; {burn}; phase measure; phase done; {burn}; result"
    ));
    let inside = cost(&format!(
        "phase ready; phase connected; phase measure; {burn}; phase done; result"
    ));
    assert!(inside > 10 * outside, "{inside} inside, {outside} outside");
}

#[test]
fn the_work_of_a_servers_workers_is_its_own() {
    let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    let mut stage = Stage::new(
        FAN_OUT,
        "phase ready; phase connected; phase measure; echo >$directory/go; cat $directory/gone; phase done; result",
    );
    stage.pipe("go");
    stage.pipe("gone");
    // The worker waits for the measured phase, works, and lives on.
    stage.server(&format!(
        "(read -r _ <go; {burn}; echo >gone; read -r _ <go) & echo READY $PWD/load x; cat"
    ));
    let trial = stage.trial().unwrap();
    assert_eq!(trial.outcome, Outcome::Valid);
    assert!(
        trial.server_usage.unwrap().cost.cpu_ns > 10_000_000,
        "{trial:?}"
    );
    stage.assert_nothing_remains();
}

#[test]
fn connections_that_are_not_held_have_no_memory() {
    let stage = Stage::new(CONNECT, "phase ready; phase measure; phase done; result");
    let trial = stage.trial().unwrap();
    assert_eq!(trial.outcome, Outcome::Valid);
    assert_eq!(trial.server_usage.unwrap().memory, None);
}

#[test]
fn each_side_has_its_cores() {
    let allowed = "grep Cpus_allowed_list /proc/self/status";
    let mut stage = Stage::new(
        FAN_OUT,
        &format!("{allowed} >$directory/load-cores; echo $cores >$directory/told; {PHASES}"),
    );
    stage.server(&format!(
        "{allowed} >server-cores; echo READY $PWD/load x; cat"
    ));
    assert_eq!(stage.trial().unwrap().outcome, Outcome::Valid);
    let read = |name| fs::read_to_string(stage.path(name)).unwrap();
    let list = |cores: &[usize]| format!("{}\n", cores[0]);
    assert_eq!(
        read("server-cores"),
        format!("Cpus_allowed_list:\t{}", list(&stage.cores.server))
    );
    assert_eq!(
        read("load-cores"),
        format!("Cpus_allowed_list:\t{}", list(&stage.cores.load))
    );
    assert_eq!(read("told"), list(&stage.cores.load));
}

#[test]
fn a_flaw_makes_it_invalid_and_keeps_the_figures() {
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.measurement.sequence.lost = 1;
    stage.write_measurement();
    let trial = stage.trial().unwrap();
    assert!(
        matches!(trial.outcome, Outcome::Invalid { .. }),
        "{:?}",
        trial.outcome
    );
    assert!(trial.measurement.is_some() && trial.server_usage.is_some());
}

#[test]
fn a_server_that_is_never_ready() {
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.server("echo 'waiting for a database' >&2; cat");
    stage.deadlines.ready = Duration::from_millis(200);
    stage.fails_with(&["ready line", "0.2 s", "waiting for a database"]);
}

#[test]
fn a_server_that_dies_before_it_is_ready() {
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.server("echo 'address in use' >&2; exit 3");
    stage.fails_with(&[
        "the server ended by itself (exit code 3) before its ready line",
        "address in use",
    ]);
}

#[test]
fn a_server_that_cannot_be_started() {
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.command = vec!["/no/such/program".into()];
    stage.fails_with(&["the server cannot be started", "/no/such/program"]);
}

#[test]
fn a_server_that_tells_no_address() {
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.server("echo READY; cat");
    stage.fails_with(&["`READY`", "READY DATA_URL [CONTROL_URL]"]);
    stage.server("echo READY $PWD/load; cat");
    stage.fails_with(&["names no control URL"]);
}

#[test]
fn a_server_that_dies_in_the_middle() {
    let mut stage = Stage::new(
        FAN_OUT,
        "phase ready; phase connected; phase measure; echo >$directory/die; read -r _",
    );
    stage.pipe("die");
    stage.server("echo READY $PWD/load x; read -r _ <die; echo one >&2; echo two >&2; kill -9 $$");
    stage.fails_with(&[
        "the server ended by itself (signal 9) before `PHASE done`",
        "one\ntwo",
    ]);
}

/// The load process notices first, but it is the server's fault.
#[test]
fn a_load_process_that_fails_because_its_server_died() {
    let mut stage = Stage::new(
        FAN_OUT,
        "phase ready; phase connected; echo >$directory/die; echo 'connection reset' >&2; exit 1",
    );
    stage.pipe("die");
    stage.server("echo READY $PWD/load x; read -r _ <die; echo 'out of memory' >&2; exit 7");
    stage.fails_with(&["the server ended by itself (exit code 7)", "out of memory"]);
}

#[test]
fn a_load_process_that_fails_says_why() {
    let stage = Stage::new(
        FAN_OUT,
        "phase ready; echo first >&2; echo 'connection refused' >&2; exit 2",
    );
    let reason = stage.fails_with(&[
        "the load process ended by itself (exit code 2)",
        "connection refused",
    ]);
    assert!(
        !reason.contains("first") && !reason.contains("the server"),
        "{reason}"
    );
}

#[test]
fn a_load_process_that_fails_after_its_result() {
    let stage = Stage::new(FAN_OUT, &format!("{PHASES}; echo 'left over' >&2; exit 1"));
    stage.fails_with(&["exit code 1", "left over"]);
}

#[test]
fn a_load_process_that_hangs() {
    let mut stage = Stage::new(
        FAN_OUT,
        "phase ready; phase connected; phase measure; read -r _",
    );
    stage.deadlines.slack = Duration::from_millis(300);
    stage.fails_with(&["timed out waiting for `PHASE done`"]);
    let mut stage = Stage::new(FAN_OUT, &format!("{PHASES}; read -r _"));
    // It has to get that far, on a busy machine too.
    stage.deadlines.slack = Duration::from_secs(3);
    stage.fails_with(&["timed out waiting for the end of the load process"]);
}

#[test]
fn a_load_process_that_leaves_the_contract() {
    for (load, wanted) in [
        (
            "phase measure",
            "`PHASE measure` where `PHASE ready` was expected",
        ),
        ("phase ready; phase sleep", "`PHASE sleep` where"),
        ("phase ready; result", "result before `PHASE connected`"),
        (
            "phase ready; phase measure; phase done; echo 'RESULT {}'",
            "cannot be used: missing field",
        ),
        (
            "phase ready; phase measure; exit 0",
            "(exit code 0) before `PHASE done`",
        ),
    ] {
        Stage::new(FAN_OUT, load).fails_with(&[wanted]);
    }
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.measurement.transport = "websocket".into();
    stage.write_measurement();
    stage.fails_with(&["websocket", "it was asked for", "sse"]);
}

#[test]
fn lines_that_mean_nothing_are_ignored() {
    let mut stage = Stage::new(FAN_OUT, &format!("echo hello; {PHASES}; echo bye"));
    stage.server("echo starting; echo READY $PWD/load x; echo GET /; cat");
    assert_eq!(stage.trial().unwrap().outcome, Outcome::Valid);
}

/// It is killed when its time is up, and the trial is as good as any other.
#[test]
fn a_server_that_does_not_end_when_asked() {
    let mut stage = Stage::new(FAN_OUT, PHASES);
    stage.server("trap '' TERM; echo READY $PWD/load x; while :; do sleep 1000; done");
    stage.deadlines.stop = Duration::from_millis(100);
    assert_eq!(stage.trial().unwrap().outcome, Outcome::Valid);
    stage.assert_nothing_remains();
}

#[test]
fn a_stop_in_the_middle_abandons_the_trial() {
    for load in [
        "echo >$directory/reached; read -r _",
        "phase ready; phase connected; phase measure; echo >$directory/reached; read -r _",
    ] {
        let stage = Stage::new(FAN_OUT, load);
        stage.pipe("reached");
        let stopped = std::thread::scope(|scope| {
            scope.spawn(|| {
                // Blocks until the load process has got there.
                fs::read(stage.path("reached")).unwrap();
                stage.stop.store(true, Ordering::Relaxed);
            });
            let trial = stage.trial();
            assert!(trial.is_none(), "{trial:?}");
            Instant::now()
        });
        assert!(stopped.elapsed() < Duration::from_secs(1));
        stage.assert_nothing_remains();
    }
}

/// Its servers are scripts that speak no HTTP: nothing is asked of them before their trials.
struct Unasked<'a>(ProcessRunner<'a>);

impl TrialRunner for Unasked<'_> {
    fn run(&mut self, trial: &PlannedTrial) -> TrialResult {
        self.0.run(trial)
    }
}

#[test]
fn a_whole_run_leaves_a_record() {
    let stage = Stage::new(FAN_OUT, PHASES);
    let config = stage.config();
    let outcome = run(
        &config,
        &mut Unasked(stage.runner()),
        &mut NoObserver,
        &stage.stop,
    )
    .unwrap();
    assert_eq!((outcome.completed, outcome.planned), (2, 2));
    assert_eq!(
        (outcome.failed, outcome.invalid, outcome.interrupted),
        (0, 0, false)
    );
    let record = Record::read(&outcome.directory).unwrap();
    assert_eq!(record.trials.len(), 2);
    assert_eq!(record.trials[0].histograms["response"].len(), 200);
    stage.assert_nothing_remains();
}
