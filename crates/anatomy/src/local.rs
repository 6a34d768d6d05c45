//! A server and its subscribers in this process, each on a core of its own where there are two.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use pushbench_model::message::Stamp;
use pushbench_model::payload::{BodyMaker, Payload, PayloadKind};
use pushbench_server::{Config, Server};
use pushbench_sys::{affinity, clock};
use pushbench_transport::subscriber::{Inlet, Request, Subscriber};
use pushbench_transport::transport::{ServeOptions, Transport};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, LocalSet};

use crate::trial::cores;
use crate::wire::PAYLOAD;

/// A server with subscribers.
pub struct Local {
    server: Server,
    maker: BodyMaker,
    client: Client,
    runtime: Runtime,
    tasks: LocalSet,
    subscribers: u64,
    published: u64,
}

struct Client {
    transport: &'static dyn Transport,
    address: SocketAddr,
    inlet: Rc<Inlet>,
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
        let client = Client {
            transport,
            address: server.data_addr(),
            inlet: Rc::default(),
        };
        let local = Self {
            server,
            maker: BodyMaker::new(payload, false, 1),
            client,
            runtime: Builder::new_current_thread().enable_all().build()?,
            tasks: LocalSet::new(),
            subscribers,
            published: 0,
        };
        let inlet = &local.client.inlet;
        local.tasks.block_on(&local.runtime, async {
            for _ in 0..subscribers {
                local.client.subscribe().await?;
            }
            while inlet.subscribed.get() < subscribers {
                inlet.progressed.notified().await;
            }
            Ok::<_, io::Error>(())
        })?;
        Ok(local)
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
    pub fn deliver(&mut self, messages: u64) {
        self.publish(messages);
        let settled = self.published * self.subscribers;
        self.tasks
            .block_on(&self.runtime, self.client.settled(settled));
    }

    /// Connects, subscribes from the first message on, waits for one message, and resets the connection.
    ///
    /// # Errors
    ///
    /// When the connection fails.
    pub fn set_up(&self) -> io::Result<()> {
        let settled = self.client.inlet.inbox.borrow().settled() + 1;
        self.tasks.block_on(&self.runtime, async {
            let task = self.client.subscribe().await?;
            self.client.settled(settled).await;
            task.abort();
            // The connection goes with its task.
            let _ = task.await;
            Ok(())
        })
    }
}

impl Client {
    async fn subscribe(&self) -> io::Result<JoinHandle<()>> {
        let stream = TcpStream::connect(self.address).await?;
        // A reset leaves no TIME_WAIT behind, of which there would soon be more than there are ports.
        SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        let subscriber = Subscriber::new(stream, Rc::clone(&self.inlet), 1);
        let request = Request {
            host: "localhost".to_owned(),
            path: self.transport.endpoint().1.to_owned(),
            after: Some(0),
            poll_timeout_ms: 20_000,
            once: false,
            nonce: *b"0123456789abcdef",
        };
        let run = self.transport.subscribe(request, subscriber);
        Ok(tokio::task::spawn_local(async move {
            // It ends with the bench, or is ended by it.
            let _ = run.await;
        }))
    }

    async fn settled(&self, settled: u64) {
        while !self.inlet.signal_at(settled) {
            self.inlet.progressed.notified().await;
        }
    }
}
