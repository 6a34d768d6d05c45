//! A worker: a thread with a loop over its conversations.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use pushbench_model::measurement::ConnectionCount;
use pushbench_model::scenario::Tokens;
use pushbench_sys::clock;
use pushbench_sys::poller::{EventFlags, Events, Poller};
use pushbench_transport::transport::Transport;

use super::script::Script;
use super::talker::{State, Talker};
use super::tally::Tally;
use crate::capacity::Spread;
use crate::patience::Patience;
use crate::target::Target;
use crate::watch::Watch;
use crate::worker::{CONNECTING, cores_of, spawn};
use crate::{Config, LoadError};

/// Room for one read.
const READ: usize = 64 * 1024;

/// What conversations go through together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Every connection is opened.
    Connect,
    /// Every conversation asks for one short answer.
    WarmUp,
    /// All questions, one after the other.
    Measure,
    /// What the sockets have come to.
    Count,
}

/// A worker as the coordinating thread sees it. It ends when this is dropped.
pub(super) struct Crew {
    orders: Option<Sender<Phase>>,
    reports: Receiver<io::Result<Tally>>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// One worker per core of the configuration, or as many as the conversations need tables of file descriptors, each with
    /// its share of them.
    pub(super) fn start_all(
        config: &Config,
        tokens: &Tokens,
        spread: Spread,
    ) -> Result<Vec<Self>, LoadError> {
        let script = Arc::new(Script {
            turns: tokens.turns.at(config.profile),
            length: tokens.tokens.at(config.profile),
            seed: config.seed,
            tokens: tokens.clone(),
        });
        let cores = cores_of(config, spread);
        let crews = cores.len() as u64;
        (0..)
            .zip(cores)
            .map(|(index, core)| {
                let share =
                    (0..u64::from(tokens.conversations)).filter(move |n| n % crews == index);
                let plan = Plan {
                    script: Arc::clone(&script),
                    transport: config.transport,
                    target: config.target.clone(),
                    spread,
                    numbers: share.collect(),
                    patience: config.patience,
                };
                Self::start(plan, core)
            })
            .collect()
    }

    fn start(plan: Plan, core: Option<usize>) -> Result<Self, LoadError> {
        let (orders, inbox) = mpsc::channel();
        let (outbox, reports) = mpsc::channel();
        let spread = plan.spread;
        let body = move |own_files: io::Result<()>| {
            let mut table = match own_files.and_then(|()| Table::new(plan)) {
                Ok(table) => table,
                Err(error) => {
                    // Nobody waits any more when the run was abandoned.
                    let _ = outbox.send(Err(error));
                    return;
                }
            };
            while let Ok(phase) = inbox.recv() {
                if outbox.send(table.go(phase)).is_err() {
                    return;
                }
            }
        };
        Ok(Self {
            orders: Some(orders),
            reports,
            thread: Some(spawn(core, spread, body)?),
        })
    }

    /// Has it begin a phase.
    pub(super) fn begin(&self, phase: Phase) {
        // One that has ended has left a report, or drops it, which the waiting side notices.
        let _ = self.orders.as_ref().map(|orders| orders.send(phase));
    }

    /// Waits for the end of the phase.
    pub(super) fn wait(&self) -> Result<Tally, LoadError> {
        let report = self.reports.recv().map_err(|_| LoadError::WorkerDied)?;
        report.map_err(LoadError::Worker)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

struct Plan {
    script: Arc<Script>,
    transport: &'static dyn Transport,
    target: Target,
    spread: Spread,
    numbers: Vec<u64>,
    patience: Patience,
}

/// The conversations of one worker.
struct Table {
    plan: Plan,
    poller: Poller,
    talkers: Vec<Talker>,
    /// Nanoseconds that the model takes for the longest of them.
    longest: u64,
    buffer: Box<[u8]>,
    /// Sockets are counted over all phases.
    connections: ConnectionCount,
}

impl Table {
    fn new(plan: Plan) -> io::Result<Self> {
        Ok(Self {
            plan,
            poller: Poller::new()?,
            talkers: Vec::new(),
            longest: 0,
            buffer: vec![0; READ].into_boxed_slice(),
            connections: ConnectionCount::default(),
        })
    }

    fn go(&mut self, phase: Phase) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let patience = match phase {
            Phase::Connect => {
                let Plan {
                    script, numbers, ..
                } = &self.plan;
                let lengths = numbers.iter().map(|&number| script.length_ns(number));
                self.longest = lengths.max().unwrap_or(0);
                let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                self.plan.patience.for_connecting(count)
            }
            Phase::WarmUp => {
                for talker in &mut self.talkers {
                    talker.warm_up(&mut tally);
                }
                self.plan.patience.first_message
            }
            Phase::Measure => return self.measure(tally),
            Phase::Count => {
                tally.connections = std::mem::take(&mut self.connections);
                return Ok(tally);
            }
        };
        self.turn_until(
            clock::now() + nanos(patience),
            &mut VecDeque::new(),
            &mut tally,
            None,
        )?;
        self.keep_connections(&mut tally);
        Ok(tally)
    }

    fn keep_connections(&mut self, tally: &mut Tally) {
        self.connections
            .add(&std::mem::take(&mut tally.connections));
    }

    /// Begins connections, a few at a time, as long as there are any to begin; how many.
    fn connect(&mut self, busy: usize, tally: &mut Tally) -> io::Result<usize> {
        let plan = &self.plan;
        let mut begun = 0;
        // A server that refuses the first ones refuses all: do not knock a thousand times.
        while busy + begun < CONNECTING as usize
            && !tally.faults.are_enough()
            && let Some(&number) = plan.numbers.get(self.talkers.len())
            && let Some(talk) = plan.transport.talk(&plan.target.host)
        {
            let talker = Talker::open(
                number,
                Arc::clone(&plan.script),
                plan.target.address,
                plan.spread.source(number),
                talk,
                tally,
            )?;
            register(&self.poller, self.talkers.len(), &talker)?;
            self.talkers.push(talker);
            begun += 1;
        }
        Ok(begun)
    }

    fn measure(&mut self, mut tally: Tally) -> io::Result<Tally> {
        let script = Arc::clone(&self.plan.script);
        for talker in &mut self.talkers {
            talker.measure()?;
        }
        let count = f64::from(script.tokens.conversations);
        let spread_ns = script.tokens.spread_ms * 1e6;
        let now = clock::now();
        let start = |&number: &u64| now + (spread_ns * number as f64 / count) as u64;
        let mut starts = self.plan.numbers.iter().map(start).zip(0..).collect();
        let drain = nanos(self.plan.patience.drain).saturating_mul(u64::from(script.turns));
        let deadline = now + spread_ns as u64 + self.longest + drain;
        let mut watch = Watch::start();
        self.turn_until(deadline, &mut starts, &mut tally, Some(&mut watch))?;
        tally.watched = watch.end();
        for talker in &mut self.talkers {
            tally.sequence.lost += talker.missing();
            match talker.wire() {
                Ok(cost) => tally.wire.add(&cost),
                Err(error) => tally.faults.mention(error.to_string()),
            }
        }
        self.keep_connections(&mut tally);
        Ok(tally)
    }

    /// Turns the loop until all conversations are begun and none is busy, or `deadline`. Those in `starts` ask their first
    /// question then.
    fn turn_until(
        &mut self,
        deadline: u64,
        starts: &mut VecDeque<(u64, usize)>,
        tally: &mut Tally,
        mut watch: Option<&mut Watch>,
    ) -> io::Result<()> {
        let mut events = Events::default();
        let mut busy = self.count(State::Busy) as usize;
        loop {
            busy += self.connect(busy, tally)?;
            if busy == 0 {
                break;
            }
            let now = clock::now();
            if let Some(watch) = &mut watch {
                watch.note(now);
            }
            while let Some(&(due, index)) = starts.front()
                && due <= now
            {
                starts.pop_front();
                // One that has failed before its start asks nothing.
                let talker = &mut self.talkers[index];
                if talker.state == State::Busy {
                    talker.next(tally);
                    busy -= usize::from(talker.state != State::Busy);
                }
            }
            if now >= deadline {
                let late = |talker: &&mut Talker| talker.state == State::Busy;
                for talker in self.talkers.iter_mut().filter(late) {
                    talker.give_up(tally);
                }
                break;
            }
            let due = starts.front().map_or(deadline, |&(due, _)| due);
            let due = watch.as_ref().map_or(due, |watch| due.min(watch.due()));
            let left = Duration::from_nanos(due.saturating_sub(clock::now()));
            for (token, flags) in self.poller.wait(&mut events, Some(left))? {
                let index = token as usize;
                let talker = &mut self.talkers[index];
                let was_busy = talker.state == State::Busy;
                talker.ready(flags, &mut self.buffer, tally);
                while talker.state == State::Anew {
                    register(&self.poller, index, talker)?;
                    talker.resume(tally);
                }
                busy -= usize::from(was_busy && talker.state != State::Busy);
            }
        }
        tally.ready = self.count(State::Ready);
        Ok(())
    }

    fn count(&self, state: State) -> u64 {
        let of = |talker: &&Talker| talker.state == state;
        self.talkers.iter().filter(of).count() as u64
    }
}

fn register(poller: &Poller, index: usize, talker: &Talker) -> io::Result<()> {
    let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    poller.add(&talker.line.stream, index as u64, interest)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
