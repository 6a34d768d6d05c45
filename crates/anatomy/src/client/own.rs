//! Our load generator.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use pushbench_model::inbox::Inbox;
use pushbench_model::sequence::SequenceCounts;
use pushbench_model::windows::Grid;
use pushbench_sys::clock;
use pushbench_transport::subscriber::{Nonce, POLL_PERIOD_MS, Request, Subscribers};
use pushbench_transport::transport::Transport;

use super::{Delay, Received};
use crate::role::ready;

/// Connections that are opened before their answers are read: fewer than a listener's backlog.
const WAVE: usize = 256;

const NONCE: Nonce = *b"0123456789abcdef";

pub(super) fn receive(
    transport: &'static dyn Transport,
    address: SocketAddr,
    connections: usize,
    slice: Option<u64>,
) -> io::Result<Received> {
    let mut subscribers = nobody(transport)?;
    // As in a trial of a minute: what a new window costs is spread over many deliveries.
    let grid = Grid::over(clock::now(), Duration::from_secs(60));
    subscribers.inlet_mut().inbox.watch(grid);
    subscribers.reserve(connections);
    let mut opened = 0;
    while opened < connections {
        let wave = WAVE.min(connections - opened);
        for _ in 0..wave {
            subscribers.open(address, None, NONCE)?;
        }
        opened += wave;
        while subscribers.inlet().subscribed < opened as u64 {
            subscribers.turn(None)?;
        }
    }
    ready(None)?;
    let mut slices = Slices::of(slice, connections);
    // Every connection ends with the sender; that is no fault here.
    while subscribers.inlet().ended < connections as u64 {
        subscribers.turn(None)?;
        if subscribers.inlet().inbox.settled() == slices.ends {
            slices.end(&mut subscribers.inlet_mut().inbox);
        }
    }
    let inbox = &subscribers.inlet().inbox;
    let newest = inbox.settled() / connections as u64;
    let mut counts = SequenceCounts::default();
    subscribers.for_each(&mut |subscriber, _| counts.add(&subscriber.check.counts(newest)));
    let counts = inbox.counts(std::iter::once(counts));
    if !counts.is_clean() {
        return Err(io::Error::other(format!(
            "messages are missing: {counts:?}"
        )));
    }
    let response = &inbox.recorder().response;
    Ok(Received {
        delivered: counts.delivered.min(slices.recorded + response.len()),
        p50_ns: response.value_at_quantile(0.5),
        slices: slices.done,
    })
}

/// Percentiles of every so many messages. Slices are apart by rest, so that each ends with a turn of the loop.
struct Slices {
    /// Messages of a slice, and deliveries.
    messages: u64,
    deliveries: u64,
    /// Deliveries until the end of this one.
    ends: u64,
    recorded: u64,
    done: Vec<Delay>,
}

impl Slices {
    fn of(messages: Option<u64>, connections: usize) -> Self {
        let deliveries = messages.map_or(u64::MAX, |messages| messages * connections as u64);
        Self {
            messages: messages.unwrap_or(u64::MAX),
            deliveries,
            ends: deliveries,
            recorded: 0,
            done: Vec::new(),
        }
    }

    fn end(&mut self, inbox: &mut Inbox) {
        let response = &inbox.recorder().response;
        self.done.push(Delay::of(response));
        self.recorded += response.len();
        self.ends += self.deliveries;
        inbox.record_from(self.done.len() as u64 * self.messages + 1);
    }
}

/// Opens connections one after the other, and closes each when it is subscribed.
pub(super) fn visit(
    transport: &'static dyn Transport,
    address: SocketAddr,
    connections: usize,
) -> io::Result<()> {
    let mut subscribers = nobody(transport)?;
    ready(None)?;
    for opened in 1..=connections as u64 {
        let key = subscribers.open(address, None, NONCE)?;
        while subscribers.inlet().subscribed < opened {
            if subscribers.inlet().ended > 0 || subscribers.inlet().unconnected > 0 {
                return Err(io::Error::other(
                    "a connection ended before it was subscribed",
                ));
            }
            subscribers.turn(None)?;
        }
        subscribers.close(key);
    }
    Ok(())
}

fn nobody(transport: &'static dyn Transport) -> io::Result<Box<dyn Subscribers>> {
    let request = Request {
        host: "localhost".to_owned(),
        path: transport.endpoint().1.to_owned(),
        after: Some(0),
        counted: false,
        poll_timeout_ms: 20_000,
        poll_period_ms: POLL_PERIOD_MS,
        once: false,
        tells: false,
        compression: None,
        streams: 0,
    };
    transport.subscribers(request, None, None)
}
