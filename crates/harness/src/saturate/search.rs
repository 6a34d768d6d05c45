//! Which rate to try next.
//!
//! 1. *Bracket*: from a first rate, double until one fails; if the first one fails, halve until one holds.
//! 2. *Bisect* the gap, by geometric means, until its ends are as close as asked for.
//! 3. *Confirm*: the rate that held must hold three times more, and the rate above it, by the resolution or 5 %, must
//!    fail twice. A confirmation that
//!    fails steps down by the resolution; a rate above that holds becomes the one to confirm.
//! 4. *Curve*: rates from 10 % to 120 % of what was found.
//!
//! A probe that says nothing is repeated a few times. When it never says anything, what ends the search is not the
//! server.

mod curve;
#[cfg(test)]
mod tests;

use pushbench_model::search::{End, ProbeVerdict, Purpose, SearchRange};

use curve::Curve;

/// Confirmations that a rate needs (method rule 31).
const CONFIRMATIONS: u32 = 3;
/// What must fail lies at most so far above what is confirmed (method rule 31), and no further than the resolution.
const ABOVE: f64 = 0.05;
/// So often: one stall of the machine is no limit of the server.
const FAILURES_ABOVE: u32 = 2;
/// A void probe is repeated so often.
const REPEATS: u32 = 3;
/// Halvings of the first rate before the search gives up: to a thousandth.
const HALVINGS: u32 = 10;
/// Most probes before the curve.
const MOST_PROBES: u32 = 80;

/// What chooses the rates of a search; an argument, so that a proof can put a broken one in its place.
pub trait Strategy {
    /// The next rate to try, messages per second, and what for; the same until it is told what came of it. `None` at
    /// the end.
    fn next(&self) -> Option<(f64, Purpose)>;

    /// Takes note of what came of it.
    fn tell(&mut self, verdict: ProbeVerdict);

    /// What is found so far.
    fn found(&self) -> Found;
}

/// What a search has found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Highest rate sustained and confirmed.
    pub sustained: Option<f64>,
    /// Lowest rate above it that failed.
    pub failed_at: Option<f64>,
    /// What ended the search for it.
    pub end: End,
    /// The same in a sentence.
    pub ended: String,
}

/// The search of method rule 31.
#[derive(Clone, Debug)]
pub struct Bisection {
    range: SearchRange,
    state: State,
    /// Highest rate that held below all that count as failed.
    held: Option<f64>,
    /// Every rate that failed.
    failed: Vec<f64>,
    confirmed: Option<f64>,
    end: End,
    ended: String,
    voids: u32,
    probes: u32,
}

#[derive(Clone, Debug)]
enum State {
    Up(f64),
    Down {
        rate: f64,
        halvings: u32,
    },
    Bisect {
        held: f64,
        failed: f64,
    },
    /// `last` says why there is nothing to look for above, where that is so.
    Confirm {
        rate: f64,
        done: u32,
        last: Option<End>,
    },
    Above {
        rate: f64,
        failed: u32,
    },
    Curve(Curve),
    Done,
}

impl Bisection {
    /// A search in `range`.
    #[must_use]
    pub fn new(range: SearchRange) -> Self {
        Self {
            range,
            state: State::Up(range.from.min(range.to)),
            held: None,
            failed: Vec::new(),
            confirmed: None,
            end: End::Unfinished,
            ended: "It was stopped before its end.".into(),
            voids: 0,
            probes: 0,
        }
    }

    fn held(&mut self, rate: f64) {
        self.held = Some(self.held.map_or(rate, |held| held.max(rate)));
        self.state = match &self.state {
            State::Up(_) if rate >= self.range.to => confirm(rate, Some(End::Range)),
            State::Up(_) => State::Up(round(rate * 2.0).min(self.range.to)),
            State::Down { .. } => self.narrow(rate, rate * 2.0),
            State::Bisect { failed, .. } => self.narrow(rate, *failed),
            &State::Confirm { done, last, .. } if done + 1 < CONFIRMATIONS => State::Confirm {
                rate,
                done: done + 1,
                last,
            },
            &State::Confirm { last, .. } => return self.confirmed(rate, last),
            // What failed before does not fail now: the limit lies higher.
            State::Above { .. } if rate >= self.range.to => confirm(rate, Some(End::Range)),
            State::Above { .. } => confirm(rate, None),
            State::Curve(_) | State::Done => return,
        };
    }

    fn failed(&mut self, rate: f64) {
        self.failed.push(rate);
        self.state = match (&self.state, self.held) {
            (State::Up(_), Some(held)) => self.narrow(held, rate),
            (State::Up(_), None) => State::Down {
                rate: round(rate / 2.0),
                halvings: 1,
            },
            (State::Down { halvings, .. }, _) if *halvings >= HALVINGS => {
                return self.nothing();
            }
            (State::Down { halvings, .. }, _) => State::Down {
                rate: round(rate / 2.0),
                halvings: halvings + 1,
            },
            (State::Bisect { held, .. }, _) => self.narrow(*held, rate),
            (State::Confirm { .. }, _) => return self.step_down(rate),
            (&State::Above { failed, .. }, _) if failed + 1 < FAILURES_ABOVE => State::Above {
                rate,
                failed: failed + 1,
            },
            (State::Above { .. }, _) => return self.conclude(End::Found),
            (State::Curve(_) | State::Done, _) => return,
        };
    }

    /// A rate that says nothing, however often it is tried.
    fn stuck(&mut self, rate: f64) {
        match (&self.state, self.held) {
            (State::Confirm { .. } | State::Above { .. }, _) => self.conclude(End::Generator),
            (_, Some(held)) if held < rate => self.state = confirm(held, Some(End::Generator)),
            _ => self.conclude(End::Generator),
        }
    }

    /// From what is confirmed to what must fail, as a factor.
    fn step(&self) -> f64 {
        1.0 + self.range.resolution.min(ABOVE)
    }

    /// Goes on between what held and what failed.
    fn narrow(&self, held: f64, failed: f64) -> State {
        if failed / held <= 1.0 + self.range.resolution {
            return confirm(held, None);
        }
        State::Bisect { held, failed }
    }

    fn confirmed(&mut self, rate: f64, last: Option<End>) {
        self.confirmed = Some(rate);
        match last {
            Some(end) => self.conclude(end),
            None => {
                let above = round(rate * self.step()).min(self.range.to);
                self.state = State::Above {
                    rate: above,
                    failed: 0,
                };
            }
        }
    }

    fn step_down(&mut self, rate: f64) {
        let lower = round(rate / (1.0 + self.range.resolution));
        // Whatever was confirmed held three times. What lies above it, and held once, has failed once now.
        if self.confirmed.is_some() {
            self.state = State::Above { rate, failed: 1 };
            return;
        }
        if lower < self.range.from / 1000.0 || lower >= rate {
            return self.nothing();
        }
        self.held = None;
        self.state = confirm(lower, None);
    }

    fn nothing(&mut self) {
        self.conclude(End::Nothing);
    }

    fn conclude(&mut self, end: End) {
        self.end = end;
        self.ended = self.sentence(end);
        self.state = match self.confirmed {
            Some(rate) => State::Curve(Curve::new(rate, end == End::Found)),
            None => State::Done,
        };
    }

    fn sentence(&self, end: End) -> String {
        let rate = |rate: f64| format!("{rate} messages/s");
        let at_least = match (self.confirmed, self.held) {
            (Some(confirmed), _) => format!("the server's limit is at least {}", rate(confirmed)),
            (None, Some(held)) => format!("{} held, but could not be confirmed", rate(held)),
            (None, None) => "nothing is known of the server's limit; try a lower first rate".into(),
        };
        match end {
            End::Unfinished => "It was stopped before its end.".into(),
            End::Found => {
                "The limit was found: confirmed three times, and slightly above it failed twice."
                    .into()
            }
            End::Range => format!("The highest rate allowed was sustained: {at_least}."),
            End::Generator => format!(
                "The load generator or the machine could not keep up in {} probes in a row: {at_least}.",
                REPEATS + 1
            ),
            End::Nothing => format!(
                "No rate was sustained, down to {}.",
                rate(self.failed.iter().copied().fold(f64::INFINITY, f64::min))
            ),
            End::Probes => format!("{MOST_PROBES} probes did not settle it: {at_least}."),
        }
    }
}

impl Strategy for Bisection {
    fn next(&self) -> Option<(f64, Purpose)> {
        match &self.state {
            State::Up(rate) | State::Down { rate, .. } => Some((*rate, Purpose::Bracket)),
            State::Bisect { held, failed } => {
                Some((round((held * failed).sqrt()), Purpose::Bisect))
            }
            State::Confirm { rate, .. } => Some((*rate, Purpose::Confirm)),
            State::Above { rate, .. } => Some((*rate, Purpose::Above)),
            State::Curve(curve) => Some((round(curve.next()?), Purpose::Curve)),
            State::Done => None,
        }
    }

    fn tell(&mut self, verdict: ProbeVerdict) {
        let Some((rate, _)) = self.next() else {
            return;
        };
        self.probes += 1;
        if verdict == ProbeVerdict::Void && self.voids < REPEATS {
            self.voids += 1;
        } else {
            self.voids = 0;
            match (&mut self.state, verdict) {
                (State::Curve(curve), _) => return curve.advance(),
                (_, ProbeVerdict::Held) => self.held(rate),
                (_, ProbeVerdict::Failed) => self.failed(rate),
                (_, ProbeVerdict::Void) => self.stuck(rate),
            }
        }
        if self.probes >= MOST_PROBES && self.end == End::Unfinished {
            self.conclude(End::Probes);
        }
    }

    fn found(&self) -> Found {
        let above = self.confirmed.or(self.held).unwrap_or(0.0);
        let failed = self.failed.iter().copied().filter(|&rate| rate > above);
        Found {
            sustained: self.confirmed,
            failed_at: failed.min_by(f64::total_cmp),
            end: self.end,
            ended: self.ended.clone(),
        }
    }
}

fn confirm(rate: f64, last: Option<End>) -> State {
    State::Confirm {
        rate,
        done: 0,
        last,
    }
}

/// Four significant digits: finer than any search, and readable.
pub(super) fn round(rate: f64) -> f64 {
    format!("{rate:.3e}").parse().unwrap_or(rate)
}
