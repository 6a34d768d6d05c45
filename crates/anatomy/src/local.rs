//! A server and its subscribers in this process, each on a core of its own where there are two.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_server::{Config, Server};
use pushbench_sys::{affinity, clock};
use pushbench_transport::subscriber::{POLL_PERIOD_MS, Request, Subscribers};
use pushbench_transport::transport::{ServeOptions, Transport};

use crate::trial::cores;
use crate::wire::PAYLOAD;

/// A server with subscribers.
pub struct Local {
    server: Server,
    maker: BodyMaker,
    client: Client,
    subscribers: u64,
    published: u64,
}

struct Client {
    address: SocketAddr,
    subscribers: Box<dyn Subscribers>,
}

impl Local {
    /// Starts a server and connects `subscribers` subscribers to it. Pins the calling thread.
    ///
    /// # Errors
    ///
    /// When a thread or a connection fails.
    pub fn start(transport: &'static dyn Transport, subscribers: u64) -> io::Result<Self> {
        let (server_core, own_core) = cores();
        affinity::pin_current_thread(&[own_core])?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config {
            transport,
            listen: any,
            control: any,
            cores: vec![server_core],
            shards: 1,
            options: ServeOptions::default(),
        };
        let server = Server::start(config).map_err(io::Error::other)?;
        let payload = Payload {
            bytes: PAYLOAD,
            kind: PayloadKind::Text,
        };
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
        let mut client = Client {
            address: server.data_addr(),
            subscribers: transport.subscribers(request, None, None)?,
        };
        for _ in 0..subscribers {
            client.subscribe()?;
        }
        while client.subscribers.inlet().subscribed < subscribers {
            client.subscribers.turn(None)?;
        }
        Ok(Self {
            server,
            maker: BodyMaker::new(payload, false, 1),
            client,
            subscribers,
            published: 0,
        })
    }

    /// Publishes `messages` messages at once, without waiting for them.
    pub fn publish(&mut self, messages: u64) {
        for _ in 0..messages {
            self.published += 1;
            self.server.hub().publish_with(|seq, body| {
                let now = clock::now();
                let stamp = Stamp {
                    seq,
                    intended: now,
                    published: now,
                };
                self.maker.body(stamp, body);
                self.maker.is_binary()
            });
        }
    }

    /// Publishes `messages` messages at once and waits until every subscriber has them all.
    ///
    /// # Panics
    ///
    /// When the system does not let a thread wait for its connections.
    pub fn deliver(&mut self, messages: u64) {
        self.publish(messages);
        let settled = self.published * self.subscribers;
        let waited = self.client.settled(settled);
        waited.expect("the poller has worked before");
    }

    /// Connects, subscribes from the first message on, waits for one message, and resets the connection, because a
    /// reset leaves no TIME_WAIT behind, of which there would soon be more than there are ports.
    ///
    /// # Errors
    ///
    /// When the connection fails.
    pub fn set_up(&mut self) -> io::Result<()> {
        let settled = self.client.subscribers.inlet().inbox.settled() + 1;
        let key = self.client.subscribe()?;
        self.client.settled(settled)?;
        self.client.subscribers.reset(key);
        Ok(())
    }
}

impl Client {
    fn subscribe(&mut self) -> io::Result<usize> {
        self.subscribers
            .open(self.address, None, *b"0123456789abcdef")
    }

    fn settled(&mut self, settled: u64) -> io::Result<()> {
        while self.subscribers.inlet().inbox.settled() < settled {
            self.subscribers.turn(None)?;
        }
        Ok(())
    }
}
