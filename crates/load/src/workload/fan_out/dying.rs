//! Subscribers whose network goes away, beside those that are measured.
//!
//! They have a worker of their own, of which nothing is counted but when they were missed. When one dies, whoever holds
//! the link lets no packet of it through any more, and it is read no further; its socket stays open. Whether its server
//! has let go of it the kernel's list of sockets tells, so that nothing is asked of any server. A client here takes its
//! server for dead when nothing has come for two and a half heartbeats; without heartbeats it has nothing to go by.

use std::time::Duration;

use pushbench_model::deaths::Deaths;
use pushbench_model::histogram::{self, Histogram};
use pushbench_model::measurement::DeadCount;
use pushbench_model::scenario::{Dead, FanOut};
use pushbench_model::theory::dead::PATIENCE;
use pushbench_sys::{clock, sockets};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

use super::connect::connect_on;
use crate::station::Station;
use crate::worker::{Pending, Task, Worker};
use crate::{Bench, LoadError};

/// Between two looks at the server's sockets, nanoseconds, at least; and how much of a look's own length at least, because
/// the kernel goes through all of its table for one.
const LOOK_NS: u64 = 50_000_000;
const LOOKS: u64 = 20;
/// From the start of the schedule to the first death, nanoseconds: until then whoever holds the link has been told, and the
/// first look has been taken.
const LEAD_NS: u64 = 200_000_000;
const SECOND: f64 = 1e9;

/// Those who are to die, connected and alive.
pub(super) struct Mortals {
    worker: Worker,
    dead: Dead,
    count: u32,
}

impl Mortals {
    /// Connects them, if the scenario has any.
    pub(super) fn connect(bench: &Bench, fan_out: &FanOut) -> Result<Option<Self>, LoadError> {
        let Some(dead) = fan_out.dead else {
            return Ok(None);
        };
        let (worker, count) = (Worker::beside(&bench.config)?, fan_out.dead_subscribers());
        connect_on(std::slice::from_ref(&worker), bench, count)?;
        Ok(Some(Self {
            worker,
            dead,
            count,
        }))
    }

    /// Who of them dies when, for a schedule that has begun at `start`.
    pub(super) fn deaths(&self, start: u64, seed: u64) -> Result<Vec<Mortal>, LoadError> {
        let (dead, count) = (self.dead, self.count);
        let job = move |station: &mut Station| {
            let mut random = Pcg64Mcg::seed_from_u64(seed ^ 0x6465_6164);
            let mortals = (0..count).filter_map(|index| {
                let after_s = dead.after_s(index, count, random.random());
                let key = index as usize;
                // Everybody is connected, so keys have no gap.
                let (subscriber, _) = station.subscribers.get(key)?;
                let port = subscriber.local_port().ok()?;
                Some(Mortal {
                    key,
                    port,
                    dies: start + LEAD_NS + (after_s * SECOND) as u64,
                    fate: Fate::Alive,
                    given_up: false,
                })
            });
            mortals.collect()
        };
        self.worker.start_job(job).wait()
    }

    /// Lets them die, and watches until `end`.
    pub(super) fn watch(&self, bench: &Bench, mortals: Vec<Mortal>, end: u64) -> Pending<Missed> {
        let config = &bench.config;
        let heartbeat_s = config.scenario.server.heartbeat_s;
        let expects = heartbeat_s > 0 && config.transport.heartbeat().is_some();
        let patience = expects.then(|| Duration::from_secs_f64(PATIENCE * f64::from(heartbeat_s)));
        let server = config.target.address.port();
        self.worker.start_task(move |station| {
            station.subscribers.run_clocks(true);
            Dying {
                mortals,
                server,
                patience,
                end,
                next_look: clock::now(),
                looked: None,
                missed: Missed::default(),
            }
        })
    }
}

/// One who is to die.
pub(super) struct Mortal {
    key: usize,
    port: u16,
    dies: u64,
    fate: Fate,
    /// Its client has given the server up.
    given_up: bool,
}

/// What is known of the server's side of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Not dead yet, and not looked for.
    Alive,
    /// Not dead yet, and found.
    Seen,
    /// Dead; the server holds the connection as before.
    Held,
    /// Dead; the server has let go.
    Noticed,
    /// It was not to be found while it lived.
    Unseen,
}

/// What whoever holds the link is told.
pub(super) fn told(mortals: &[Mortal]) -> Deaths {
    mortals.iter().map(|one| (one.port, one.dies)).collect()
}

/// When they were missed.
pub(in crate::workload) struct Missed {
    pub(super) count: DeadCount,
    /// By the server, nanoseconds.
    pub(super) noticed: Histogram,
    /// By the client.
    pub(super) given_up: Histogram,
    /// The list of sockets could not be read.
    pub(super) fault: Option<String>,
}

impl Default for Missed {
    fn default() -> Self {
        Self {
            count: DeadCount::default(),
            noticed: histogram::new(),
            given_up: histogram::new(),
            fault: None,
        }
    }
}

impl Missed {
    fn noticed(&mut self, after_ns: u64) {
        let after_s = after_ns as f64 / SECOND;
        self.noticed.saturating_record(after_ns.max(1));
        self.count.noticed += 1;
        self.count.noticed_after_s += after_s;
        self.count.noticed_last_s = self.count.noticed_last_s.max(after_s);
    }

    fn given_up(&mut self, after_ns: u64) {
        self.given_up.saturating_record(after_ns.max(1));
        self.count.given_up += 1;
        self.count.given_up_after_s += after_ns as f64 / SECOND;
    }
}

/// Lets them die when it is time, and looks who has noticed.
struct Dying {
    mortals: Vec<Mortal>,
    /// Port of the server.
    server: u16,
    /// How long a client goes without a sign of life.
    patience: Option<Duration>,
    end: u64,
    next_look: u64,
    /// When the last look was taken.
    looked: Option<u64>,
    missed: Missed,
}

impl Dying {
    fn die(&mut self, station: &mut Station, now: u64) {
        for mortal in &mut self.mortals {
            let alive = matches!(mortal.fate, Fate::Alive | Fate::Seen);
            if !alive || mortal.dies > now {
                continue;
            }
            let aside = station.subscribers.set_aside(mortal.key).unwrap_or(false);
            let known = aside && mortal.fate == Fate::Seen;
            mortal.fate = if known { Fate::Held } else { Fate::Unseen };
            self.missed.count.dead += 1;
            self.missed.count.unseen += u64::from(!known);
        }
    }

    fn look(&mut self, station: &Station) {
        let began = clock::now();
        let held = match sockets::established_with(self.server) {
            Ok(held) => held,
            Err(error) => {
                self.missed.fault.get_or_insert_with(|| error.to_string());
                self.next_look = began + LOOK_NS;
                return;
            }
        };
        let now = clock::now();
        let apart = self.looked.map_or(0, |before| now - before);
        self.missed.count.look_s = self.missed.count.look_s.max(apart as f64 / SECOND);
        self.looked = Some(now);
        self.next_look = now + LOOK_NS.max(LOOKS * (now - began));
        for mortal in &mut self.mortals {
            mortal.fate = match (mortal.fate, held.contains(&mortal.port)) {
                (Fate::Alive, true) => Fate::Seen,
                (Fate::Seen, false) => Fate::Alive,
                (Fate::Held, false) => {
                    self.missed.noticed(now.saturating_sub(mortal.dies));
                    Fate::Noticed
                }
                (fate, _) => fate,
            };
        }
        if let Some(patience) = self.patience {
            self.clients(station, patience, now);
        }
    }

    fn clients(&mut self, station: &Station, patience: Duration, now: u64) {
        let dead = |mortal: &&mut Mortal| matches!(mortal.fate, Fate::Held | Fate::Noticed);
        let waiting = self.mortals.iter_mut().filter(dead);
        for mortal in waiting.filter(|mortal| !mortal.given_up) {
            let subscriber = station.subscribers.get(mortal.key);
            let silent = subscriber.and_then(|(subscriber, _)| subscriber.silent().ok());
            if silent.is_some_and(|silent| silent >= patience) {
                mortal.given_up = true;
                self.missed.given_up(now.saturating_sub(mortal.dies));
            }
        }
    }

    /// Whether there is nothing left to see.
    fn is_over(&self) -> bool {
        self.mortals.iter().all(|mortal| match mortal.fate {
            Fate::Unseen => true,
            Fate::Noticed => mortal.given_up || self.patience.is_none(),
            Fate::Alive | Fate::Seen | Fate::Held => false,
        })
    }
}

impl Task for Dying {
    type Output = Missed;

    fn step(&mut self, station: &mut Station) -> Option<Missed> {
        let now = station.now();
        // The end has a look of its own: where looks take long, the last one may be long ago.
        if now >= self.next_look.min(self.end) {
            self.look(station);
        }
        self.die(station, now);
        if now < self.end && !self.is_over() {
            return None;
        }
        station.subscribers.run_clocks(false);
        let watched = |mortal: &Mortal| match mortal.fate {
            Fate::Held | Fate::Noticed => now.saturating_sub(mortal.dies),
            Fate::Alive | Fate::Seen | Fate::Unseen => 0,
        };
        let watched: u64 = self.mortals.iter().map(watched).sum();
        self.missed.count.watched_s = watched as f64 / SECOND;
        Some(std::mem::take(&mut self.missed))
    }

    fn due(&self) -> u64 {
        let alive = |mortal: &&Mortal| matches!(mortal.fate, Fate::Alive | Fate::Seen);
        let dies = self.mortals.iter().filter(alive).map(|one| one.dies).min();
        dies.unwrap_or(u64::MAX).min(self.next_look).min(self.end)
    }
}
