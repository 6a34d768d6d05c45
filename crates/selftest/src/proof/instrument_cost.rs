//! What measuring costs is known, and small beside what is measured.

use std::hint::black_box;
use std::time::Instant;

use pushbench_model::inbox::Inbox;
use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_model::sequence::SequenceCheck;
use pushbench_model::windows::Grid;
use pushbench_sys::clock;

use crate::trial::{Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

/// What the load process does with a body that has arrived.
type Take = fn(&mut Inbox, &[u8], u64, usize, &mut SequenceCheck);

pub(super) struct InstrumentCost {
    take: Take,
    /// Whether this program was built to be fast. Otherwise its costs are not those of a benchmark.
    optimised: bool,
}

pub(super) static REAL: InstrumentCost = InstrumentCost {
    take: Inbox::take,
    optimised: !cfg!(debug_assertions),
};

/// Smallest median response time that a plain socket shows over loopback, nanoseconds.
const FLOOR_NS: f64 = 30_000.0;
/// Of it, what reading the clock and recording may cost (method rule 27).
const SHARE: f64 = 0.01;
/// Of every batch the mean is taken, of the batches the least: what disturbs only adds.
const BATCHES: usize = 9;
const PER_BATCH: u64 = 5000;

/// Nanoseconds of one call of `action`, of which each gets its number.
fn cost(mut action: impl FnMut(u64)) -> f64 {
    let batch = |batch: usize| {
        let first = batch as u64 * PER_BATCH + 1;
        let begin = Instant::now();
        (first..first + PER_BATCH).for_each(&mut action);
        begin.elapsed().as_nanos() as f64 / PER_BATCH as f64
    };
    (0..BATCHES).map(batch).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds each.
#[derive(Clone, Copy, Debug)]
struct Costs {
    clock: f64,
    /// A body that another subscriber had before.
    record: f64,
    /// A body that is new, with its checksum.
    learn: f64,
}

fn costs(take: Take) -> Result<Costs, Trouble> {
    let maker = BodyMaker::new(
        Payload {
            bytes: 128,
            kind: PayloadKind::Text,
        },
        false,
        1,
    );
    let bodies: Vec<Vec<u8>> = (1..=BATCHES as u64 * PER_BATCH)
        .map(|seq| {
            let mut body = Vec::new();
            let (intended, published) = (seq * 1000, seq * 1000 + 50);
            maker.body(
                Stamp {
                    seq,
                    intended,
                    published,
                },
                &mut body,
            );
            body
        })
        .collect();
    let received = |seq: u64| seq * 1000 + 40_000 + seq % 512 * 64;
    // As a load process has it: response times over time, too.
    let inbox = || {
        let mut inbox = Inbox::default();
        inbox.watch(Grid {
            origin: 0,
            width_ns: 5_000_000,
        });
        inbox
    };
    let mut first = inbox();
    let mut check = SequenceCheck::starting_at(1);
    let learn = cost(|seq| {
        let body = &bodies[seq as usize - 1];
        take(&mut first, body, received(seq), 0, &mut check);
    });
    // One message, and as many subscribers as there are calls: each is new to its own sequence.
    let mut again = inbox();
    let mut checks = vec![SequenceCheck::starting_at(1); bodies.len()];
    let record = cost(|n| {
        let check = &mut checks[n as usize - 1];
        take(&mut again, &bodies[0], received(n), n as usize, check);
    });
    let recorded = [first, again].map(|inbox| inbox.recorder().response.len());
    let calls = bodies.len() as u64;
    if recorded != [calls; 2] {
        let reason = format!("{recorded:?} of {calls} deliveries each were recorded");
        return Err(Trouble::Failed(reason));
    }
    Ok(Costs {
        clock: cost(|_| {
            black_box(clock::now());
        }),
        record,
        learn,
    })
}

fn judge(costs: &Costs) -> (String, Option<String>, bool) {
    let Costs {
        clock,
        record,
        learn,
    } = *costs;
    let share = (clock + record) / FLOOR_NS;
    (
        format!(
            "clock {clock:.0} ns, record {record:.0} ns, together {:.2} % of the floor; record with the checksum of a new \
             body {learn:.0} ns",
            100.0 * share
        ),
        None,
        share < SHARE,
    )
}

impl Proof for InstrumentCost {
    fn about(&self) -> About {
        About {
            id: "instrument-cost",
            rules: &[27],
            rule: "What measuring a delivery costs is known, and less than 1 % of the smallest median.",
        }
    }

    fn run(&self, _: &Context<'_>) -> Result<Finding, Unproven> {
        attempts(
            1,
            "clock readings, recorded deliveries and new bodies of 128 bytes, thousands each, in this thread",
            "clock and record below 300 ns, 1 % of a floor of 30 us",
            || {
                if !self.optimised {
                    let why = "this is a debug build, whose costs are not those of a benchmark: build with --release";
                    return Err(Trouble::Unproven(Unproven::Impossible(why.into())));
                }
                Ok(judge(&costs(self.take)?))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use pushbench_model::selftest::ProofStatus;

    use super::*;
    use crate::testing::{assert_fails, context};

    #[test]
    fn small_costs_hold() {
        let costs = Costs {
            clock: 40.0,
            record: 90.0,
            learn: 300.0,
        };
        let (read, _, holds) = judge(&costs);
        assert!(holds && read.contains("0.43 %"), "{read}");
    }

    #[test]
    fn a_slow_recorder_fails() {
        assert_fails(&InstrumentCost {
            take: |inbox, body, received, who, check| {
                clock::sleep_until(clock::now() + 500, u64::MAX);
                inbox.take(body, received, who, check);
            },
            optimised: true,
        });
    }

    #[test]
    fn a_recorder_that_leaves_some_out_fails() {
        let proof = InstrumentCost {
            take: |inbox, body, received, who, check| {
                if received < 1_000_000 {
                    inbox.take(body, received, who, check);
                }
            },
            optimised: true,
        };
        let stop = AtomicBool::new(false);
        let row = crate::run::row(&proof, &context(&stop)).unwrap();
        assert_eq!(row.status, ProofStatus::Failed);
        assert!(row.read.contains("were recorded"), "{row:?}");
    }

    #[test]
    fn a_debug_build_says_nothing() {
        let stop = AtomicBool::new(false);
        let proof = InstrumentCost {
            optimised: false,
            ..REAL
        };
        let row = crate::run::row(&proof, &context(&stop)).unwrap();
        assert_eq!(row.status, ProofStatus::NotRun);
    }
}
