//! The coordinating thread.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pushbench_model::drive::{DriveReport, Ended, Fault, FaultKind, Published, histogram as names};
use pushbench_model::histogram::{EncodedHistogram, Histogram};
use pushbench_model::record::SCHEMA;
use pushbench_model::slices::RECEIVING_THREAD;
use pushbench_sys::process::{cpu_time_ns, raise_nofile, spawn_with_own_files};
use pushbench_sys::{affinity, clock};

use super::live::{Live, Snapshot};
use super::place::Place;
use super::plan::{Plan, Publishing, Reading};
use super::posting::{Posted, Publisher};
use super::reading::Reader;
use super::tally::Tally;
use super::tls::Security;
use super::waiting::Waiting;
use super::worker::{Orders, Shared, Worker};
use crate::LoadError;
use crate::capacity::Limits;

/// Between two looks at how things are.
const LOOK: Duration = Duration::from_millis(10);
/// Between two states that are shown.
const SHOW_NS: u64 = 200_000_000;
/// A publisher whose time has been over for so long is told to end: more than it waits for the last answer. One that is so late has a relay
/// that does not take what is posted.
const OVERDUE_NS: u64 = 3_000_000_000;
/// A poll that waits says nothing. It is given so long to reach the server, through whatever stands between, before messages are published
/// that it should bring. Chosen and not measured: a person does not mind it, and few paths take that long.
const ON_ITS_WAY_NS: u64 = 500_000_000;

type Working = JoinHandle<Result<Tally, LoadError>>;

/// Drives `plan` to its end, or until `stop` is set. What is seen meanwhile is put into `live`.
///
/// The fields of the report that only the caller knows (its command, its version, when it started) are empty.
///
/// # Errors
///
/// When the URL leads nowhere, a certificate cannot be read, or this machine's limits are too low. What an endpoint does wrong is no error:
/// it is part of the report.
pub fn run(plan: &Plan, live: &Live, stop: &AtomicBool) -> Result<DriveReport, LoadError> {
    let place = Place::parse(&plan.url)?;
    let publish_tls = plan
        .publish
        .as_ref()
        .is_some_and(|publishing| publishing.url.starts_with("https"));
    let security = if place.tls || publish_tls {
        Some(Security::new(&plan.tls)?)
    } else {
        None
    };
    let reading = if plan.publish.is_some() {
        Reading::Contract
    } else {
        plan.reading.clone()
    };
    let reader = Reader::new(&reading)?;
    // A limit too low shows below.
    let _ = raise_nofile();
    let began = clock::now();
    let shared = Arc::<Shared>::default();
    let mut plan = plan.clone();
    plan.reading = reading;
    let workers = start(&plan, &place, security.as_ref(), &reader, began, &shared)?;
    let mut drive = Drive {
        plan: &plan,
        live,
        stop,
        shared: &shared,
        began,
        shown: 0,
        publisher: None,
    };
    let watched = drive.watch(security.as_ref());
    shared.stop.store(true, Ordering::Relaxed);
    let posted = drive.publisher.take().map(Publisher::finish).transpose();
    let elapsed_ns = clock::now() - began;
    let mut whole = Tally::new(reader.clone(), began);
    for worker in workers {
        whole.merge(&worker.join().map_err(|_| LoadError::WorkerDied)??);
    }
    let (ended, listeners) = watched?;
    Ok(report(
        &plan, &place, &reader, &whole, elapsed_ns, ended, posted?, listeners,
    ))
}

fn start(
    plan: &Plan,
    place: &Place,
    security: Option<&Security>,
    reader: &Reader,
    began: u64,
    shared: &Arc<Shared>,
) -> Result<Vec<Working>, LoadError> {
    let spread =
        Limits::of_this_machine().spread(u64::from(plan.connections), place.addresses[0])?;
    let count = plan
        .cores
        .len()
        .max(usize::try_from(spread.own_tables).unwrap_or(1))
        .max(1);
    let count = u32::try_from(count)
        .unwrap_or(1)
        .min(plan.connections.max(1));
    let share = |index: u32| {
        u32::try_from(u64::from(plan.connections) * u64::from(index) / u64::from(count))
            .unwrap_or(0)
    };
    (0..count)
        .map(|index| {
            let orders = Orders {
                plan: plan.clone(),
                place: place.clone(),
                security: security.cloned(),
                reader: reader.clone(),
                numbers: share(index)..share(index + 1),
                spread,
                began,
                shared: Arc::clone(shared),
            };
            let core = plan
                .cores
                .get(index as usize % plan.cores.len().max(1))
                .copied();
            let body = move |own_files: std::io::Result<()>| {
                own_files.map_err(LoadError::Worker)?;
                if let Some(core) = core {
                    affinity::pin_current_thread(&[core]).map_err(LoadError::Worker)?;
                }
                let worker = Worker::new(index as usize, orders).map_err(LoadError::Worker)?;
                worker.run().map_err(LoadError::Worker)
            };
            let thread = thread::Builder::new().name(RECEIVING_THREAD.into());
            let thread = if spread.own_tables > 0 {
                spawn_with_own_files(thread, body)
            } else {
                thread.spawn(move || body(Ok(())))
            };
            thread.map_err(LoadError::Worker)
        })
        .collect()
}

struct Drive<'a> {
    plan: &'a Plan,
    live: &'a Live,
    stop: &'a AtomicBool,
    shared: &'a Shared,
    began: u64,
    shown: u64,
    publisher: Option<Publisher>,
}

impl Drive<'_> {
    /// Waits for the end: why it came, and how many subscriptions there were when publishing began.
    fn watch(&mut self, security: Option<&Security>) -> Result<(Ended, u64), LoadError> {
        let mut from = self.began;
        let mut listeners = 0;
        if let Some(publishing) = &self.plan.publish {
            if let Some(ended) = self.wait_for_subscriptions() {
                return Ok((ended, 0));
            }
            listeners = self.shared.open.load(Ordering::Relaxed);
            from = clock::now();
            self.publisher = Some(self.publish(publishing, security)?);
        }
        let until = self
            .plan
            .duration
            .map(|duration| from.saturating_add(nanoseconds(duration)));
        loop {
            self.show();
            if self.stop.load(Ordering::Relaxed) {
                return Ok((self.wind_up(Ended::Interrupted, listeners), listeners));
            }
            let messages = self.shared.messages.load(Ordering::Relaxed);
            if self.plan.messages.is_some_and(|wanted| messages >= wanted) {
                return Ok((self.wind_up(Ended::Messages, listeners), listeners));
            }
            if self.shared.given_up.load(Ordering::Relaxed) >= u64::from(self.plan.connections) {
                return Ok((Ended::Connections, listeners));
            }
            let until = match &self.publisher {
                Some(publisher) if publisher.is_done() => Some(0),
                // Its own end, and that of the last answer, comes a little later.
                Some(_) => until.map(|until| until.saturating_add(OVERDUE_NS)),
                None => until,
            };
            if until.is_some_and(|until| clock::now() >= until) {
                return Ok((self.wind_up(Ended::Time, listeners), listeners));
            }
            thread::sleep(LOOK);
        }
    }

    fn publish(
        &self,
        publishing: &Publishing,
        security: Option<&Security>,
    ) -> Result<Publisher, LoadError> {
        Publisher::start(publishing, security, self.plan.duration, self.plan.seed)
    }

    /// Until all first attempts have come to something.
    fn wait_for_subscriptions(&mut self) -> Option<Ended> {
        let latest = nanoseconds(self.plan.ramp) + nanoseconds(self.plan.patience);
        let deadline = self
            .began
            .saturating_add(latest)
            .saturating_add(1_000_000_000);
        while self.shared.settled.load(Ordering::Relaxed) < u64::from(self.plan.connections) {
            if self.stop.load(Ordering::Relaxed) {
                return Some(Ended::Interrupted);
            }
            if clock::now() > deadline {
                break;
            }
            self.show();
            thread::sleep(LOOK);
        }
        if self.shared.given_up.load(Ordering::Relaxed) >= u64::from(self.plan.connections) {
            return Some(Ended::Connections);
        }
        if self.plan.transport.name() != "long-poll" {
            return None;
        }
        let there = clock::now().saturating_add(ON_ITS_WAY_NS);
        while clock::now() < there {
            if self.stop.load(Ordering::Relaxed) {
                return Some(Ended::Interrupted);
            }
            self.show();
            thread::sleep(LOOK);
        }
        None
    }

    /// Publishes no more, and waits for what was published: a message under way is not a lost one. `ended`, or that somebody has had
    /// enough of waiting; who has asked for the end before has not.
    fn wind_up(&mut self, ended: Ended, listeners: u64) -> Ended {
        if let Some(publisher) = &self.publisher {
            publisher.ask_to_end();
        }
        let was_stopped = self.stop.load(Ordering::Relaxed);
        let mut waiting: Option<Waiting> = None;
        while let Some(publisher) = &self.publisher {
            if !was_stopped && self.stop.load(Ordering::Relaxed) {
                return Ended::Interrupted;
            }
            if publisher.is_done() {
                let (unique, now) = (self.shared.unique.load(Ordering::Relaxed), clock::now());
                let posted = publisher.posted.load(Ordering::Relaxed);
                let waiting = waiting
                    .get_or_insert_with(|| Waiting::new(posted.saturating_mul(listeners), now));
                if waiting.is_over(unique, now) {
                    break;
                }
            }
            self.show();
            thread::sleep(LOOK);
        }
        ended
    }

    fn show(&mut self) {
        let now = clock::now();
        if now < self.shown + SHOW_NS {
            return;
        }
        self.shown = now;
        let is_watched = self.live.was_seen();
        self.shared.is_watched.store(is_watched, Ordering::Relaxed);
        let states = self
            .shared
            .states
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut whole = Snapshot {
            elapsed_ns: now - self.began,
            published: self
                .publisher
                .as_ref()
                .map_or(0, |publisher| publisher.posted.load(Ordering::Relaxed)),
            ..Snapshot::default()
        };
        let mut faults = BTreeMap::new();
        for state in states {
            whole.connecting += state.connecting;
            whole.open += state.open;
            whole.messages += state.messages;
            whole.bytes += state.bytes;
            whole.lost += state.lost;
            whole.latency_name = state.latency_name;
            for (kind, count) in state.faults {
                *faults.entry(kind).or_insert(0) += count;
            }
            match (&mut whole.latency, state.latency) {
                (Some(all), Some(one)) => {
                    // All have the same bounds.
                    let _ = all.add(&one);
                }
                (none, one) => *none = one,
            }
        }
        whole.faults = faults.into_iter().collect();
        whole
            .faults
            .sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        self.live.put(whole);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[allow(clippy::too_many_arguments)] // Everything that is known at the end.
fn report(
    plan: &Plan,
    place: &Place,
    reader: &Reader,
    whole: &Tally,
    elapsed_ns: u64,
    ended: Ended,
    posted: Option<Posted>,
    listeners: u64,
) -> DriveReport {
    let mut histograms = BTreeMap::new();
    let mut put = |name: &str, histogram: &Histogram| {
        if !histogram.is_empty() {
            histograms.insert(name.to_owned(), EncodedHistogram::encode(histogram));
        }
    };
    put(names::CONNECT, &whole.connect);
    put(names::FIRST_BYTE, &whole.first_byte);
    put(names::FIRST_MESSAGE, &whole.first_message);
    put(names::GAP, &whole.gap.histogram());
    put(names::RESPONSE, &whole.response.histogram());
    put(names::SERVICE, &whole.service.histogram());
    let mut faults = whole.list_faults();
    let published = posted.map(|posted| {
        put(names::LATENESS, &posted.lateness);
        faults.extend(posted.faults.into_iter().map(|(text, count)| Fault {
            kind: FaultKind::Publish,
            text,
            count,
        }));
        let expected = posted.accepted.saturating_mul(listeners);
        Published {
            rate: plan
                .publish
                .as_ref()
                .map_or(0.0, |publishing| publishing.rate),
            posted: posted.posted,
            failed: posted.posted.saturating_sub(posted.accepted),
            expected,
            missing: expected.saturating_sub(whole.unique),
        }
    });
    faults.sort_by_key(|fault| std::cmp::Reverse(fault.count));
    DriveReport {
        schema: SCHEMA,
        pushbench_version: String::new(),
        command: Vec::new(),
        started: String::new(),
        transport: plan.transport.name().into(),
        url: place.shown.clone(),
        elapsed_ns,
        ended,
        connections: whole.connections,
        messages: whole.messages,
        wire_down: whole.wire_down,
        wire_up: whole.wire_up,
        clock: reader.clock(),
        histograms,
        seconds: whole.seconds.clone(),
        faults,
        published,
        // A process whose clock cannot be read has used none.
        cpu_ns: cpu_time_ns(std::process::id()).unwrap_or_default(),
    }
}
