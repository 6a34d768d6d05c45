//! A worker from inside: its connections and what they share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use pushbench_model::scenario::{Compression, Workload};
use pushbench_model::sequence::SequenceCheck;
use pushbench_sys::clock;
use pushbench_sys::poller::Bell;
use pushbench_transport::subscriber::{
    Happened, Inlet, Nonce, POLL_PERIOD_MS, Request, SubscribeError, Subscribers,
};
use pushbench_transport::tls::Trust;
use pushbench_transport::transport::Transport;

use crate::capacity::Spread;
use crate::faults::Faults;
use crate::mix::nonce;
use crate::secure::Secure;
use crate::{Config, LoadError};

/// What the connections of one worker share.
pub(crate) struct Station {
    pub(crate) subscribers: Box<dyn Subscribers>,
    pub(crate) faults: Faults,
    /// Connections made before all others, to bring tickets.
    pub(crate) primed: u64,
    address: SocketAddr,
    spread: Spread,
    seed: u64,
    connections: u64,
    /// Subscribers of each.
    pub(crate) per_connection: u64,
}

/// What a worker needs to make its station.
pub(crate) struct Plan {
    transport: &'static dyn Transport,
    request: Request,
    trust: Option<Trust>,
    primed: u64,
    address: SocketAddr,
    spread: Spread,
    seed: u64,
}

/// The key in the query of an endpoint that says how often it is polled, milliseconds; servers make nothing of it.
const PERIOD: &str = "period=";
/// Servers may end a connection that is quiet for much longer.
const LONGEST_PERIOD_MS: u64 = 60_000;

/// How often the endpoint at `path` is to be polled, milliseconds.
fn poll_period(path: &str) -> Result<u64, LoadError> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let Some(text) = query.split('&').find_map(|pair| pair.strip_prefix(PERIOD)) else {
        return Ok(POLL_PERIOD_MS);
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let period = text.parse().ok().filter(|_| digits);
    period
        .filter(|period| (1..=LONGEST_PERIOD_MS).contains(period))
        .ok_or_else(|| LoadError::Period(text.to_owned()))
}

/// From one poll of a subscriber to the next, nanoseconds; `None` where the next follows an answer.
pub(crate) fn poll_period_ns(config: &Config) -> Option<u64> {
    let period = poll_period(&config.target.path).ok()?;
    let by_clock = config.transport.is_asked_by_the_clock();
    by_clock.then(|| period * 1_000_000)
}

/// How messages are to be compressed.
fn compression(config: &Config) -> Result<Option<Compression>, LoadError> {
    let wanted = config.scenario.server.compression;
    if wanted.is_some() && config.transport.packs().is_empty() {
        return Err(LoadError::Compression(config.transport.name()));
    }
    Ok(wanted)
}

/// How many subscriptions share a connection.
fn streams(config: &Config) -> Result<u32, LoadError> {
    let wanted = config.scenario.server.streams;
    if wanted > 0 && config.transport.shares().is_empty() {
        return Err(LoadError::Streams(config.transport.name()));
    }
    Ok(wanted)
}

/// How long a server may hold a poll; longer than any pause within a measurement.
const POLL_TIMEOUT_MS: u64 = 20_000;

impl Plan {
    /// A station on this thread, whose loop is woken by `bell`.
    pub(crate) fn station(self, bell: Arc<Bell>) -> io::Result<Station> {
        let per_connection = self.request.streams.max(1).into();
        let mut subscribers = self
            .transport
            .subscribers(self.request, self.trust, Some(bell))?;
        subscribers.inlet_mut().now = clock::now();
        Ok(Station {
            subscribers,
            faults: Faults::default(),
            primed: self.primed,
            address: self.address,
            spread: self.spread,
            seed: self.seed,
            connections: 0,
            per_connection,
        })
    }
}

impl Station {
    /// What worker number `index` needs, whose subscribers ask for everything the server keeps and will publish.
    pub(crate) fn plan(
        config: &Config,
        index: usize,
        spread: Spread,
        secure: Option<&Secure>,
    ) -> Result<Plan, LoadError> {
        let path = match config.target.path.as_str() {
            "" => config.transport.endpoint().1,
            path => path,
        };
        let two_way = config.scenario.is_two_way();
        let speech = config.transport.speech().filter(|_| two_way);
        let path = speech.map_or_else(|| path.to_owned(), |speech| speech.path(path));
        let (trust, primed) = match secure {
            Some(secure) => {
                let (trust, primed) = secure.trust(config)?;
                (Some(trust), primed)
            }
            None => (None, 0),
        };
        let connect = match config.scenario.workload {
            Workload::Connect(connect) => Some(connect),
            Workload::FanOut(_) | Workload::Tokens(_) => None,
        };
        Ok(Plan {
            transport: config.transport,
            trust,
            primed,
            request: Request {
                host: config.target.host.clone(),
                after: Some(0),
                once: connect.is_some_and(|connect| connect.stay_s() == 0.0),
                tells: connect.is_some(),
                poll_timeout_ms: POLL_TIMEOUT_MS,
                poll_period_ms: poll_period(&path)?,
                path,
                counted: two_way,
                compression: compression(config)?,
                streams: streams(config)?,
            },
            address: config.target.address,
            spread,
            seed: config.seed.wrapping_add(index as u64),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn inlet(&self) -> &Inlet {
        self.subscribers.inlet()
    }

    /// When the loop last looked at the clock.
    pub(crate) fn now(&self) -> u64 {
        self.inlet().now
    }

    /// Begins a connection; its key.
    pub(crate) fn open(&mut self) -> io::Result<usize> {
        let source = self.spread.source(self.connections);
        let nonce = self.nonce();
        self.subscribers.open(self.address, source, nonce)
    }

    /// Begins a connection for a subscriber that was cut off, which asks for messages after `after`; its key.
    pub(crate) fn reopen(&mut self, after: Option<u64>, check: SequenceCheck) -> io::Result<usize> {
        let source = self.spread.source(self.connections);
        let nonce = self.nonce();
        self.subscribers
            .reopen(self.address, source, nonce, after, check)
    }

    /// Keeps in words what went wrong since it was last asked.
    pub(crate) fn note_faults(&mut self) {
        let inlet = self.subscribers.inlet_mut();
        for note in inlet.notes.drain(..) {
            match note.happened {
                Happened::Ended(SubscribeError::Cut | SubscribeError::LetGo)
                | Happened::Served { .. } => {}
                Happened::Ended(error) => self.faults.add(error.to_string()),
                Happened::Unconnected(error) => self
                    .faults
                    .add(format!("cannot connect to {}: {error}", self.address)),
            }
        }
    }

    /// Of the next connection.
    fn nonce(&mut self) -> Nonce {
        let count = self.connections;
        self.connections += 1;
        nonce(self.seed, count)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, TcpListener};

    use pushbench_transport::transport::by_name;

    use super::*;

    #[test]
    fn an_endpoint_says_how_often_it_is_polled() {
        let period = |path: &str| poll_period(path).map_err(|error| error.to_string());
        assert_eq!(period("/poll"), Ok(100));
        assert_eq!(period("/poll?x=1&period=250"), Ok(250));
        assert_eq!(period("/poll?xperiod=2"), Ok(100));
        for wrong in ["", "0", "60001", "1s", "+5", "-1"] {
            let error = period(&format!("/poll?period={wrong}")).unwrap_err();
            assert!(error.contains(&format!("period={wrong}")), "{error}");
        }
    }

    #[test]
    fn connections_come_from_as_many_addresses_as_they_need() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let plan = Plan {
            transport: by_name("tcp").unwrap(),
            request: Request {
                host: String::new(),
                path: String::new(),
                after: None,
                once: false,
                tells: false,
                counted: false,
                poll_timeout_ms: POLL_TIMEOUT_MS,
                poll_period_ms: POLL_PERIOD_MS,
                compression: None,
                streams: 0,
            },
            trust: None,
            primed: 0,
            address: listener.local_addr().unwrap(),
            spread: Spread {
                own_tables: 0,
                addresses: 2,
            },
            seed: 1,
        };
        let mut station = plan.station(Arc::new(Bell::new().unwrap())).unwrap();
        let mut peers = Vec::new();
        for _ in 0..4 {
            station.open().unwrap();
            peers.push(listener.accept().unwrap().1.ip());
        }
        assert_eq!(
            peers,
            [1, 2, 1, 2].map(|last| IpAddr::from([127, 0, 0, last]))
        );
    }
}
