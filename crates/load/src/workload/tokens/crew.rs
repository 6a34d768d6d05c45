//! A worker: a thread with a loop over its conversations.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_model::slices::RECEIVING_THREAD;
use pushbench_sys::poller::{EventFlags, Events, Poller};
use pushbench_sys::{affinity, clock};
use pushbench_transport::transport::Transport;

use super::script::Script;
use super::talker::{State, Talker};
use super::tally::Tally;
use crate::capacity::Spread;
use crate::patience::Patience;
use crate::target::Target;
use crate::watch::Watch;
use crate::{Config, LoadError};
use pushbench_model::scenario::Tokens;

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
    /// One worker per core of the configuration, with its share of the conversations.
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
        let cores: Vec<Option<usize>> = match config.cores.as_slice() {
            [] => vec![None],
            cores => cores.iter().copied().map(Some).collect(),
        };
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
        let body = move || {
            if let Some(core) = core
                && let Err(error) = affinity::pin_current_thread(&[core])
            {
                eprintln!(
                    "pushbench: cannot pin a worker to core {core}: {error}; it runs unpinned"
                );
            }
            let mut table = match Table::new(plan) {
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
        let thread = thread::Builder::new().name(RECEIVING_THREAD.into());
        Ok(Self {
            orders: Some(orders),
            reports,
            thread: Some(thread.spawn(body).map_err(LoadError::Worker)?),
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
    buffer: Box<[u8]>,
    connections: Tally,
}

impl Table {
    fn new(plan: Plan) -> io::Result<Self> {
        Ok(Self {
            plan,
            poller: Poller::new()?,
            talkers: Vec::new(),
            buffer: vec![0; READ].into_boxed_slice(),
            connections: Tally::default(),
        })
    }

    fn go(&mut self, phase: Phase) -> io::Result<Tally> {
        let mut tally = Tally::default();
        let patience = match phase {
            Phase::Connect => {
                self.connect(&mut tally)?;
                let count = u32::try_from(self.talkers.len()).unwrap_or(u32::MAX);
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
                std::mem::swap(&mut tally.connections, &mut self.connections.connections);
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

    /// Sockets are counted over all phases.
    fn keep_connections(&mut self, tally: &mut Tally) {
        let mut sockets = Tally::default();
        std::mem::swap(&mut sockets.connections, &mut tally.connections);
        self.connections.merge(sockets);
    }

    fn connect(&mut self, tally: &mut Tally) -> io::Result<()> {
        for index in 0..self.plan.numbers.len() {
            let number = self.plan.numbers[index];
            let plan = &self.plan;
            let Some(talk) = plan.transport.talk(&plan.target.host) else {
                continue;
            };
            let talker = Talker::open(
                number,
                Arc::clone(&plan.script),
                plan.target.address,
                plan.spread.source(number),
                talk,
                tally,
            )?;
            self.talkers.push(talker);
            self.watch(self.talkers.len() - 1)?;
        }
        Ok(())
    }

    fn watch(&self, index: usize) -> io::Result<()> {
        let interest = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        self.poller
            .add(&self.talkers[index].stream, index as u64, interest)
    }

    fn measure(&mut self, mut tally: Tally) -> io::Result<Tally> {
        let script = Arc::clone(&self.plan.script);
        let now = clock::now();
        let count = f64::from(script.tokens.conversations);
        let spread_ns = script.tokens.spread_ms * 1e6;
        let mut starts = VecDeque::new();
        let mut longest = 0;
        for (index, &number) in self.plan.numbers.iter().enumerate() {
            self.talkers[index].measure()?;
            starts.push_back((now + (spread_ns * number as f64 / count) as u64, index));
            longest = longest.max(script.length_ns(number));
        }
        let drain = nanos(self.plan.patience.drain).saturating_mul(u64::from(script.turns));
        let deadline = now + spread_ns as u64 + longest + drain;
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

    /// Turns the loop until no conversation is busy, or `deadline`. Those in `starts` ask their first question then.
    fn turn_until(
        &mut self,
        deadline: u64,
        starts: &mut VecDeque<(u64, usize)>,
        tally: &mut Tally,
        mut watch: Option<&mut Watch>,
    ) -> io::Result<()> {
        let mut events = Events::default();
        let mut busy = self.busy();
        while busy > 0 {
            let now = clock::now();
            if let Some(watch) = &mut watch {
                watch.note(now);
            }
            while let Some(&(due, index)) = starts.front()
                && due <= now
            {
                starts.pop_front();
                self.talkers[index].next(tally);
                busy -= usize::from(!self.is_busy(index));
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
            let ready: Vec<u64> = self
                .poller
                .wait(&mut events, Some(left))?
                .map(|(token, _)| token)
                .collect();
            for index in ready.into_iter().map(|token| token as usize) {
                let was_busy = self.talkers[index].state == State::Busy;
                self.talkers[index].ready(&mut self.buffer, tally);
                while self.talkers[index].state == State::Anew {
                    self.watch(index)?;
                    self.talkers[index].resume(tally);
                }
                busy -= usize::from(was_busy && !self.is_busy(index));
            }
        }
        tally.ready = self.count(State::Ready);
        Ok(())
    }

    fn is_busy(&self, index: usize) -> bool {
        self.talkers[index].state == State::Busy
    }

    fn busy(&self) -> usize {
        self.count(State::Busy) as usize
    }

    fn count(&self, state: State) -> u64 {
        let of = |talker: &&Talker| talker.state == state;
        self.talkers.iter().filter(of).count() as u64
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2)
}
