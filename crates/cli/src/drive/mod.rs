//! What a person sees while a drive goes on: a live view in a terminal, elsewhere a line now and then.

mod history;
mod lines;
mod screen;
mod view;

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use pushbench_load::LoadError;
use pushbench_load::drive::{Live, Plan};
use pushbench_model::drive::DriveReport;

use history::History;
use lines::Lines;
use screen::Screen;

/// How often what is shown is brought up to date.
const TICK: Duration = Duration::from_millis(250);

/// How a drive is watched.
pub(crate) struct Watching {
    /// A live view, where there is a terminal.
    pub(crate) tui: bool,
    /// Nothing at all.
    pub(crate) quiet: bool,
    /// What is driven, without secrets.
    pub(crate) title: String,
}

/// Whether the person wants colours (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && !is_dumb()
}

/// A terminal that cannot move its cursor.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb" || term.is_empty())
}

/// Drives, and shows it. Ctrl-C ends it in order; a second one ends the program.
pub(crate) fn run(plan: &Plan, watching: &Watching) -> anyhow::Result<DriveReport> {
    let (live, stop) = (Live::default(), AtomicBool::new(false));
    let stop: &'static AtomicBool = Box::leak(Box::new(stop));
    screen::stop_on_signals(stop).context("cannot handle signals")?;
    let result = thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        let driver = thread::Builder::new().name("drive".into());
        let live = &live;
        let driver = driver.spawn_scoped(scope, move || {
            // Nobody listens any more only where the watching thread has panicked.
            let _ = sender.send(pushbench_load::drive::run(plan, live, stop));
        })?;
        let result = watch(plan, live, stop, &receiver, watching);
        if result.is_none() {
            // It ended without a result: it panicked, and said so on standard error.
            drop(driver.join());
        }
        Ok::<_, std::io::Error>(result)
    })
    .context("cannot start a thread")?;
    Ok(result.unwrap_or(Err(LoadError::WorkerDied))?)
}

type Outcome = Result<DriveReport, LoadError>;

/// Shows what goes on until there is an outcome.
fn watch(
    plan: &Plan,
    live: &Live,
    stop: &AtomicBool,
    outcome: &Receiver<Outcome>,
    watching: &Watching,
) -> Option<Outcome> {
    if watching.quiet {
        return outcome.recv().ok();
    }
    let mut history = History::new(&watching.title, plan);
    let in_terminal = watching.tui && std::io::stderr().is_terminal() && !is_dumb();
    // A terminal that cannot be had is no reason not to drive.
    let mut screen = in_terminal.then(|| Screen::open().ok()).flatten();
    let mut lines = Lines::default();
    loop {
        match outcome.recv_timeout(TICK) {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        history.push(live.snapshot(), stop.load(Ordering::Relaxed));
        match &mut screen {
            Some(screen) => screen.show(&history, stop),
            None => lines.show(&history),
        }
    }
}
