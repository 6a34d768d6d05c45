//! The rounds: every peer has one turn in each, in an order drawn anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pushbench_model::peers::{Part, Peer, PeerLoad, Peers, Turn};
use pushbench_model::profile::Profile;
use pushbench_model::record::{Blame, Outcome, Reason, SCHEMA};
use pushbench_model::scenario::Scenario;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64Mcg;

use super::field::{Contestant, Field, Kind};
use super::receive::{self, Received};
use crate::environment::Build;
use crate::error::HarnessError;
use crate::plan::PlannedTrial;
use crate::record_writer::RecordWriter;
use crate::servers::Server;
use crate::time;
use crate::trial::{Abort, Nobody, ProcessRunner, TrialResult};

/// What to compare.
#[derive(Clone, Debug)]
pub struct PeersConfig {
    /// Who takes part.
    pub field: Field,
    /// What receivers are sent.
    pub receiver_load: PeerLoad,
    /// What push servers have to send.
    pub server_load: PeerLoad,
    /// Turns of every peer.
    pub rounds: u32,
    /// Seed of the order and of the payloads.
    pub seed: u64,
    /// The exact command, for the record.
    pub command: Vec<String>,
    /// What this program was built from.
    pub build: Build,
    /// Short name of the machine.
    pub machine: String,
}

/// Hears of turns.
pub trait PeersObserver {
    /// A turn begins; `done` of `planned` have ended.
    fn started(&mut self, peer: &Peer, done: usize, planned: usize);
    /// A turn has ended.
    fn finished(&mut self, turn: &Turn);
}

/// Runs all rounds. After every turn the record has what was found so far; a turn that is stopped is not in it.
///
/// # Errors
///
/// When nobody can take part, or the record cannot be written.
pub fn run(
    config: &PeersConfig,
    runner: &ProcessRunner<'_>,
    writer: &RecordWriter,
    observer: &mut dyn PeersObserver,
) -> Result<Peers, HarnessError> {
    let contestants = &config.field.contestants;
    if contestants.is_empty() {
        return Err(HarnessError::NothingToRun(
            "none of the peers chosen can be started here",
        ));
    }
    let clock = Instant::now();
    let mut peers = header(config, runner);
    writer.put_peers(&peers)?;
    let planned = contestants.len() * config.rounds as usize;
    for round in 1..=config.rounds {
        let seed = config.seed.wrapping_add(u64::from(round));
        let mut order: Vec<&Contestant> = contestants.iter().collect();
        order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
        for contestant in order {
            observer.started(&contestant.peer, peers.turns.len(), planned);
            let turn = if runner.stop.load(Ordering::Relaxed) {
                None
            } else {
                turn(config, runner, contestant, round, seed)
            };
            peers.wall_s = clock.elapsed().as_secs_f64();
            let Some(turn) = turn else {
                peers.interrupted = true;
                writer.put_peers(&peers)?;
                return Ok(peers);
            };
            observer.finished(&turn);
            peers.turns.push(turn);
            writer.put_peers(&peers)?;
        }
    }
    Ok(peers)
}

fn header(config: &PeersConfig, runner: &ProcessRunner<'_>) -> Peers {
    Peers {
        schema: SCHEMA,
        started: time::rfc3339(Timestamp::now()),
        wall_s: 0.0,
        command: config.command.clone(),
        seed: config.seed,
        rounds: config.rounds,
        interrupted: false,
        pushbench_version: config.build.version.clone(),
        commit: config.build.commit.clone(),
        build: config.build.profile.clone(),
        machine: config.machine.clone(),
        server_cores: runner.cores.server.clone(),
        load_cores: runner.cores.load.clone(),
        receiver_load: config.receiver_load,
        server_load: config.server_load,
        peers: peers_of(config),
        absent: config.field.absent.clone(),
        turns: Vec::new(),
    }
}

/// Those that take part. Whatever is this program has its version, the floor and servers of ours that are held against others
/// as well.
fn peers_of(config: &PeersConfig) -> Vec<Peer> {
    let contestants = config.field.contestants.iter();
    let peers = contestants.map(|contestant| {
        let mut peer = contestant.peer.clone();
        if contestant.is_this_program {
            let version = config.build.version.clone();
            peer.versions.insert("pushbench".into(), version);
        }
        peer
    });
    peers.collect()
}

/// `None` when a person asked to stop.
fn turn(
    config: &PeersConfig,
    runner: &ProcessRunner<'_>,
    contestant: &Contestant,
    round: u32,
    seed: u64,
) -> Option<Turn> {
    let id = contestant.peer.id.clone();
    let load = match id.part {
        Part::Receiver => &config.receiver_load,
        Part::Server => &config.server_load,
    };
    let mut turn = Turn {
        round,
        id,
        deliveries: load.messages(load.measure_s) * u64::from(load.connections),
        lost: 0,
        cpu_ns: 0,
        unusable: None,
    };
    match &contestant.kind {
        Kind::Receiver { receiver, sender } => {
            match receive::receive(runner, receiver, sender, load, seed) {
                Ok(received) => turn.counted(&received),
                Err(Abort::Failed(reason)) => turn.unusable = Some(reason),
                Err(Abort::Interrupted) => return None,
            }
        }
        Kind::OwnReceiver(server) | Kind::PushServer(server) => {
            match trial(load, server, round, seed) {
                Ok(trial) => turn.of_trial(runner, &trial)?,
                Err(reason) => turn.unusable = Some(reason),
            }
        }
    }
    Some(turn)
}

trait Fill {
    fn counted(&mut self, received: &Received);
    fn of_trial(&mut self, runner: &ProcessRunner<'_>, trial: &PlannedTrial) -> Option<()>;
}

impl Fill for Turn {
    fn counted(&mut self, received: &Received) {
        self.cpu_ns = received.cpu_ns;
        self.lost = received.expected.saturating_sub(received.counted);
        if received.counted != received.expected {
            self.unusable = Some(format!(
                "{} of {} deliveries were counted",
                received.counted, received.expected
            ));
        }
    }

    /// The load process verifies every message; `None` when a person asked to stop.
    fn of_trial(&mut self, runner: &ProcessRunner<'_>, trial: &PlannedTrial) -> Option<()> {
        let TrialResult::Finished(finished) = runner.run_with(trial, &mut Nobody) else {
            return None;
        };
        let complete = finished.measurement.as_ref().is_some_and(|measurement| {
            measurement.operations == self.deliveries
                && measurement.undelivered() == 0
                && measurement.sequence.is_clean()
        });
        self.unusable = disqualified(&finished.outcome, complete);
        if let Some(measurement) = &finished.measurement {
            self.lost = measurement.sequence.lost;
            self.deliveries = measurement.operations;
        }
        let usage = match self.id.part {
            Part::Receiver => finished.load_usage,
            Part::Server => finished.server_usage,
        };
        match usage {
            Some(usage) => self.cpu_ns = usage.cost.delivery_cpu_ns(),
            None if self.unusable.is_none() => self.unusable = Some("it was not sampled".into()),
            None => {}
        }
        Some(())
    }
}

/// Why the figures of a trial must not be used here. Lateness of the publisher or of the load process spoils response
/// times, which are not compared; receivers of others are not held to it, so our own must not be either. Whatever is
/// missing disqualifies.
fn disqualified(outcome: &Outcome, complete: bool) -> Option<String> {
    let Outcome::Invalid { reasons } = outcome else {
        return (!outcome.is_valid()).then(|| outcome.in_words());
    };
    let of_time =
        |reason: &&Reason| complete && [Blame::Publisher, Blame::Client].contains(&reason.side);
    let left: Vec<String> = reasons
        .iter()
        .filter(|reason| !of_time(reason))
        .map(ToString::to_string)
        .collect();
    (!left.is_empty()).then(|| left.join("; "))
}

/// The same messages as a trial of the fan-out workload, which our own load process knows how to receive.
fn trial(load: &PeerLoad, server: &Server, round: u32, seed: u64) -> Result<PlannedTrial, String> {
    let (warm_up, measure) = (load.warm_up_s, load.measure_s);
    let text = format!(
        "name = \"peers\"\nprofiles = [\"quick\"]\nmodels = \"The load of a comparison with peers.\"\nexpected = \"\"\n\
         [payload]\nbytes = {}\nkind = \"text\"\n\
         [fan-out]\nsubscribers = {}\nrate = {:?}\narrivals = \"constant\"\n\
         warm-up-s = {{ quick = {warm_up:?}, standard = {warm_up:?}, thorough = {warm_up:?} }}\n\
         measure-s = {{ quick = {measure:?}, standard = {measure:?}, thorough = {measure:?} }}\n",
        load.payload_bytes, load.connections, load.rate
    );
    let scenario = Scenario::parse(&text, "the load of a comparison with peers".as_ref())
        .map_err(|error| error.to_string())?;
    Ok(PlannedTrial {
        number: round,
        repetition: round,
        scenario: Arc::new(scenario),
        server: Arc::new(server.clone()),
        profile: Profile::Quick,
        seed,
        estimate: Duration::from_secs_f64(warm_up + measure),
        rate: None,
    })
}

#[cfg(test)]
mod tests {
    use pushbench_model::peers::PeerId;

    use super::*;

    #[test]
    fn lateness_disqualifies_nobody_and_loss_everybody() {
        let invalid = |sides: &[Blame]| Outcome::Invalid {
            reasons: sides
                .iter()
                .map(|&side| Reason {
                    side,
                    text: "so".into(),
                })
                .collect(),
        };
        let late = invalid(&[Blame::Publisher, Blame::Client]);
        assert_eq!(disqualified(&Outcome::Valid, true), None);
        assert_eq!(disqualified(&late, true), None);
        assert!(disqualified(&late, false).is_some(), "some are missing");
        let lost = invalid(&[Blame::Publisher, Blame::Server]);
        assert_eq!(disqualified(&lost, true).unwrap(), "server: so");
        let failed = Outcome::Failed {
            reason: "dead".into(),
        };
        assert_eq!(disqualified(&failed, false).unwrap(), "dead");
    }

    #[test]
    fn a_lost_message_makes_a_turn_unusable() {
        let mut turn = Turn {
            round: 1,
            id: PeerId {
                part: Part::Receiver,
                transport: "sse".into(),
                name: "x".into(),
            },
            deliveries: 10,
            lost: 0,
            cpu_ns: 0,
            unusable: None,
        };
        let received = |counted| Received {
            cpu_ns: 100,
            expected: 12,
            counted,
        };
        turn.counted(&received(12));
        assert_eq!(turn.cpu_ns_per_delivery(), Some(10.0));
        turn.counted(&received(11));
        assert_eq!((turn.lost, turn.cpu_ns_per_delivery()), (1, None));
        assert_eq!(
            turn.unusable.as_deref(),
            Some("11 of 12 deliveries were counted")
        );
    }
}
