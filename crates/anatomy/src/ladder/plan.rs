//! What to measure, and for how long.

use std::fmt;

use pushbench_model::anatomy::{Rung, Side};

use crate::contender::Contender;
use crate::cpu::Length;
use crate::emulator::Emulator;

/// A batch costs at least as much as so many deliveries, waking up included.
const DELIVERIES_PER_BATCH: u64 = 20;

/// Quartiles of fewer slices say nothing.
const LEAST_TURNS: u64 = 5;

/// Batches under a tool. Its counts are exact but for what happens rarely: 20 batches at 100 subscribers come within 2 %
/// of 60, and the instructions of 5 at 1000 within 2 % of those of 20.
const BATCHES_UNDER_TOOLS: (u64, u64) = (5, 100);

/// Numbers of subscribers at which response times are held against a raw receiver's, with the batches of a slice.
const INSTRUMENT: [(u32, u64); 2] = [(1, 500), (100, 20)];

/// A connection costs about as much as so many deliveries.
const DELIVERIES_PER_SETUP: u64 = 50;

/// Subscribers of a server that is measured with several messages per wake against one.
const BATCHING: u32 = 100;

/// What to measure, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Connections, a stage each.
    pub subscribers: Vec<u32>,
    /// Messages that are published together, a stage each.
    pub batches: Vec<u32>,
    /// Transports besides the floor; all if empty.
    pub transports: Vec<String>,
    /// Slices of every contender.
    pub turns: u32,
    /// Deliveries of a slice.
    pub deliveries: u64,
    /// Deliveries that are counted under a tool.
    pub counted: u64,
    /// Whether valgrind and strace count, which takes minutes.
    pub tools: bool,
    /// The emulated machine that counts what the kernel executes, too.
    pub emulator: Option<Emulator>,
}

/// A part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All contenders of a side under one load.
    Stage {
        /// Which side.
        side: Side,
        /// Connections of each.
        subscribers: u32,
        /// Messages that are ready together.
        batch: u32,
    },
    /// Servers with several messages per wake against themselves with one.
    Batching {
        /// Connections of each.
        subscribers: u32,
        /// Messages that are ready together.
        batch: u32,
    },
    /// Our subscriber's response times against a raw receiver's.
    Instrument {
        /// Connections of each.
        subscribers: u32,
    },
    /// Connections that are opened and closed.
    SetUp,
    /// Stages and connections again, on a machine that counts.
    Emulated,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n: &u32| if *n == 1 { "" } else { "s" };
        match self {
            Self::Stage {
                side,
                subscribers: n,
                batch,
            } => write!(
                f,
                "{} side, {n} subscriber{}, {batch} per wake",
                side.label(),
                plural(n)
            ),
            Self::Batching {
                subscribers: n,
                batch,
            } => write!(
                f,
                "{batch} messages per wake against one, {n} subscriber{}",
                plural(n)
            ),
            Self::Instrument { subscribers: n } => write!(
                f,
                "response times against a raw receiver, {n} subscriber{}",
                plural(n)
            ),
            Self::SetUp => f.write_str("opening and closing connections"),
            Self::Emulated => {
                f.write_str("instructions of program and kernel, on an emulated machine")
            }
        }
    }
}

impl Plan {
    /// A look, without tools.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            subscribers: vec![100],
            turns: 9,
            deliveries: 3000,
            tools: false,
            ..Self::full()
        }
    }

    /// All of it.
    #[must_use]
    pub fn full() -> Self {
        Self {
            subscribers: vec![1, 100, 1000, 10_000],
            batches: vec![1, 10],
            transports: Vec::new(),
            turns: 15,
            deliveries: 5000,
            counted: 2000,
            tools: true,
            emulator: None,
        }
    }

    /// Its steps in order.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for side in Side::ALL {
            for &subscribers in &self.subscribers {
                steps.extend(self.batches.iter().map(|&batch| Step::Stage {
                    side,
                    subscribers,
                    batch,
                }));
            }
        }
        let most = self.subscribers.iter().copied().max().unwrap_or(0);
        steps.extend(
            self.batches
                .iter()
                .filter(|&&batch| batch > 1)
                .map(|&batch| Step::Batching {
                    subscribers: BATCHING.min(most),
                    batch,
                }),
        );
        let instrument = INSTRUMENT
            .iter()
            .filter(|(subscribers, _)| *subscribers <= most);
        steps.extend(instrument.map(|&(subscribers, _)| Step::Instrument { subscribers }));
        steps.push(Step::SetUp);
        steps.extend(self.emulator.is_some().then_some(Step::Emulated));
        steps
    }

    pub(super) fn takes(&self, contender: &Contender) -> bool {
        let known = |name: &String| name == contender.transport;
        contender.rung == Rung::Floor
            || self.transports.is_empty()
            || self.transports.iter().any(known)
    }

    /// Who is to be measured on `side`, the floor first.
    pub(super) fn contenders(&self, side: Side) -> Vec<&'static Contender> {
        let mut contenders = Contender::present(side);
        contenders.retain(|one| self.takes(one));
        contenders
    }

    /// How long slices of this load are.
    pub(super) fn length(&self, subscribers: u32, batch: u32) -> Length {
        let per_batch = (u64::from(subscribers) * u64::from(batch)).max(1);
        // A slice of one batch may hold more writes than others do: fewer of them take as long.
        let writes = u64::from(subscribers).max(self.deliveries);
        let turns = u64::from(self.turns);
        let fewer = (turns * self.deliveries / writes)
            .max(LEAST_TURNS)
            .min(turns);
        Length {
            turns: fewer as usize,
            batches: (self.deliveries / per_batch.max(DELIVERIES_PER_BATCH)).max(1),
        }
    }

    /// How long slices are in which several messages per wake are held against one: as many writes in both.
    pub(super) fn batching(&self, subscribers: u32) -> Length {
        let alone = self.length(subscribers, 1);
        Length {
            batches: alone.batches.div_ceil(4),
            ..alone
        }
    }

    /// Batches that are counted under a tool.
    pub(super) fn under_tools(&self, subscribers: u32) -> u64 {
        let (least, most) = BATCHES_UNDER_TOOLS;
        (self.counted / u64::from(subscribers.max(1))).clamp(least, most)
    }

    /// How long slices are in which connections are opened and closed.
    pub(super) fn set_up(&self) -> Length {
        Length {
            turns: self.turns as usize,
            batches: (self.deliveries / DELIVERIES_PER_SETUP).max(1),
        }
    }

    /// How long slices are in which response times are compared: percentiles need many messages where each is one
    /// delivery.
    pub(super) fn instrument(&self, subscribers: u32) -> Length {
        let known = INSTRUMENT.iter().find(|(known, _)| *known == subscribers);
        let full = known.map_or(1, |(_, batches)| *batches);
        Length {
            turns: self.turns as usize,
            batches: (full * self.deliveries / Self::full().deliveries).max(1),
        }
    }
}
