//! Shell scripts as children.

use super::*;

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn start(script: &str, events: &Events<'_>) -> Process {
    let cores = affinity::online_cores();
    Process::start(&mut sh(script), &cores, Role::Server, events).unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Gone, or dead and waiting for whoever inherited it.
fn has_ended(id: &str) -> bool {
    !group::runs(id.parse().unwrap())
}

#[test]
fn lines_come_before_the_end_and_last_words_are_kept() {
    let stop = AtomicBool::new(false);
    let events = Events::new(&stop);
    let process = start(
        "echo noise; echo READY x; echo 'cannot bind' >&2; exit 3",
        &events,
    );
    let Ok(Event::Line(Role::Server, line)) = events.next(soon()) else {
        panic!("a line expected")
    };
    assert_eq!(line, "READY x");
    let Ok(Event::Ended(Role::Server, exit)) = events.next(soon()) else {
        panic!("the end expected")
    };
    assert_eq!(
        (exit.success, exit.description.as_str()),
        (false, "exit code 3")
    );
    assert_eq!(process.last_words(20), "cannot bind");
}

#[test]
fn dropping_ends_the_process_and_what_it_started() {
    let stop = AtomicBool::new(false);
    let events = Events::new(&stop);
    let script =
        "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & all=\"$all $!\"; done; echo READY $all; wait";
    let process = start(script, &events);
    let Ok(Event::Line(_, line)) = events.next(soon()) else {
        panic!("a line expected")
    };
    let mut all: Vec<&str> = line.split(' ').skip(1).collect();
    assert_eq!(all.len(), 8);
    let id = process.id().to_string();
    all.push(&id);
    assert!(!all.iter().any(|id| has_ended(id)));
    drop(process);
    assert!(all.iter().all(|id| has_ended(id)), "{all:?}");
}

#[test]
fn a_process_that_ignores_the_request_is_killed() {
    let stop = AtomicBool::new(false);
    let events = Events::new(&stop);
    let process = start(
        "trap '' TERM; echo READY; while :; do sleep 1000; done",
        &events,
    );
    events.next(soon()).unwrap();
    let id = process.id().to_string();
    process.stop(Role::Server, &events, Duration::from_millis(100));
    assert!(has_ended(&id));
}

#[test]
fn a_process_that_hears_the_request_ends_by_itself() {
    let stop = AtomicBool::new(false);
    let events = Events::new(&stop);
    let script = "trap 'echo READY bye; exit 0' TERM; echo READY; while :; do read x; done";
    let process = start(script, &events);
    events.next(soon()).unwrap();
    let asked = Instant::now();
    process.stop(Role::Server, &events, Duration::from_secs(60));
    assert!(asked.elapsed() < Duration::from_secs(30));
}

#[test]
fn the_stop_flag_is_seen_soon() {
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let quiet = Events::new(&stop).next(soon());
            (quiet.unwrap_err(), Instant::now())
        });
        stop.store(true, Ordering::Relaxed);
        let raised = Instant::now();
        let (quiet, seen) = waiting.join().unwrap();
        assert_eq!(quiet, Quiet::Stopped);
        seen - raised
    });
    assert!(seen < Duration::from_secs(1), "{seen:?}");
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let stop = AtomicBool::new(false);
    let events = Events::new(&stop);
    let cores = affinity::online_cores();
    let mut command = Command::new("/no/such/program");
    let error = Process::start(&mut command, &cores, Role::Server, &events)
        .err()
        .unwrap();
    assert!(error.contains("/no/such/program"), "{error}");
}

#[test]
fn short_commands_are_heard_out() {
    let limit = Duration::from_secs(20);
    assert_eq!(
        first_words(&mut sh("echo v1; echo b"), limit).unwrap(),
        "v1\nb\n"
    );
    assert_eq!(first_words(&mut sh("echo v2 >&2"), limit).unwrap(), "v2");
    assert_eq!(
        first_words(&mut sh("exit 4"), limit).unwrap_err(),
        "exit code 4"
    );
    let hanging = first_words(&mut sh("sleep 1000"), Duration::from_millis(50));
    assert!(hanging.unwrap_err().contains("longer"));
}
