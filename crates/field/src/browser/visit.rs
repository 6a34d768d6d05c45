//! The plan: every way in turns, then the limits, then the ends of streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pushbench_model::survey::{AbsentSystem, Part};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::chromium::{Browser, find};
use super::clock::Clock;
use super::delivery::{WAYS, turn};
use super::devtools::BrowserError;
use super::endings::{self, Case, Did};
use super::http2;
use super::limits::{Limit, STEPS};
use super::tables::{self, Delivered};

/// How much.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Turns of every way.
    pub rounds: u32,
    /// Seed of their order.
    pub seed: u64,
}

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Visited {
    /// Name and version of the browser, as it says them.
    pub version: String,
    /// What arrived, by way.
    pub delivered: Vec<Delivered>,
    /// How many connections there can be.
    pub limits: Vec<Limit>,
    /// What its EventSource does at the end of streams.
    pub ended: Vec<(Case, Did)>,
    /// Steps that failed, in sentences.
    pub failed: Vec<String>,
    /// What steps need that is not installed.
    pub absent: Vec<AbsentSystem>,
    /// Somebody stopped it.
    pub interrupted: bool,
}

/// Why there is nothing to see.
#[derive(Debug)]
pub enum NoVisit {
    /// There is no browser.
    Absent(AbsentSystem),
    /// It does not start, or there is no clock.
    Failed(BrowserError),
}

/// What happens during a visit.
pub trait Observer {
    /// Something begins.
    fn next(&mut self, what: &str);
    /// Something has been seen; all that has.
    fn seen(&mut self, visited: &Visited);
}

impl Visited {
    /// All of it as parts of a survey.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let mut parts = vec![tables::delivery(&self.delivered)];
        parts.extend(tables::limits(&self.limits));
        parts.extend(tables::endings(&self.ended));
        parts
    }

    /// Whether something was lost, damaged, came twice or failed.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        !self.failed.is_empty() || tables::faulty(&self.delivered)
    }

    /// Whether to go on after `error`.
    fn note(&mut self, what: &str, error: &BrowserError) -> bool {
        match error {
            BrowserError::Interrupted => self.interrupted = true,
            _ => self.failed.push(format!("{what}: {error}")),
        }
        !matches!(error, BrowserError::Interrupted | BrowserError::Gone(_))
    }
}

/// Drives a browser through everything. Ends early when `stop` is set, or the browser has gone.
///
/// # Errors
///
/// [`NoVisit`].
pub fn visit(
    plan: Plan,
    stop: &Arc<AtomicBool>,
    observer: &mut dyn Observer,
) -> Result<Visited, NoVisit> {
    let path = find().map_err(NoVisit::Absent)?;
    observer.next(&format!("starting {}", path.display()));
    let mut browser = Browser::start(&path, stop).map_err(NoVisit::Failed)?;
    let mut visited = Visited {
        version: browser.version.clone(),
        delivered: WAYS
            .map(|way| Delivered {
                way,
                turns: Vec::new(),
                failed: Vec::new(),
            })
            .into(),
        ..Visited::default()
    };
    if deliver(plan, &mut browser, &mut visited, observer)?
        && limit(&mut browser, &mut visited, observer)
    {
        end(&mut browser, &mut visited, observer);
    }
    visited.interrupted |= stop.load(Ordering::Relaxed);
    Ok(visited)
}

fn deliver(
    plan: Plan,
    browser: &mut Browser,
    visited: &mut Visited,
    observer: &mut dyn Observer,
) -> Result<bool, NoVisit> {
    let clock = Clock::start().map_err(|source| {
        NoVisit::Failed(BrowserError::Io {
            what: "cannot start a clock".into(),
            source,
        })
    })?;
    let mut order: Vec<usize> = (0..WAYS.len()).collect();
    let mut random = Pcg64Mcg::seed_from_u64(plan.seed);
    for round in 1..=plan.rounds {
        order.shuffle(&mut random);
        for &index in &order {
            let way = WAYS[index];
            observer.next(&format!("round {round} of {}: {}", plan.rounds, way.name));
            match turn(browser, &clock, way) {
                Ok(turn) => visited.delivered[index].turns.push(turn),
                Err(error) => {
                    let failed = format!("round {round}: {error}");
                    if !visited.note(way.name, &error) {
                        return Ok(false);
                    }
                    visited.delivered[index].failed.push(failed);
                }
            }
            observer.seen(visited);
        }
    }
    Ok(true)
}

fn limit(browser: &mut Browser, visited: &mut Visited, observer: &mut dyn Observer) -> bool {
    for (name, step) in STEPS {
        observer.next(name);
        match step(browser) {
            Ok(found) => visited.limits.extend(found),
            Err(error) => {
                if !visited.note(name, &error) {
                    return false;
                }
            }
        }
        observer.seen(visited);
    }
    let name = "more than six, over HTTP/2";
    observer.next(name);
    match http2::streams(browser) {
        Ok(Ok(found)) => visited.limits.extend(found),
        Ok(Err(absent)) => visited.absent.push(absent),
        Err(error) => {
            if !visited.note(name, &error) {
                return false;
            }
        }
    }
    observer.seen(visited);
    true
}

fn end(browser: &mut Browser, visited: &mut Visited, observer: &mut dyn Observer) {
    for case in Case::all() {
        let what = format!("the end of streams: {}", case.label());
        observer.next(&what);
        match endings::watch(browser, case) {
            Ok(did) => visited.ended.push((case, did)),
            Err(error) => {
                if !visited.note(&what, &error) {
                    return;
                }
            }
        }
        observer.seen(visited);
    }
}
