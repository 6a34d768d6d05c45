//! hyper, a task per connection, and our decoder of events.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use pushbench_sys::clock;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::Decoder;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{Received, SharedLedger, ended};
use crate::role::ready;

/// A connection of hyper, which its task drives.
pub(super) struct Link {
    /// It ends when nobody can ask anything of it any more.
    asker: SendRequest<Empty<Bytes>>,
    task: JoinHandle<()>,
}

/// A subscription: its connection and its events.
pub(super) struct Subscription {
    link: Link,
    body: Incoming,
}

impl Link {
    pub(super) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (asker, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // It ends as the body does, and the body says why.
        let task = tokio::task::spawn_local(async { _ = connection.await });
        Ok(Self { asker, task })
    }

    /// Asks for `target` and returns the answer.
    pub(super) async fn ask(
        &mut self,
        target: &str,
        accept: &str,
    ) -> io::Result<Response<Incoming>> {
        let request = Request::get(target)
            .header("Host", "localhost")
            .header("Accept", accept)
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let sent = self.asker.send_request(request).await;
        sent.map_err(io::Error::other)
    }

    /// Closes it.
    pub(super) async fn leave(self) -> io::Result<()> {
        drop(self.asker);
        self.task.await.map_err(io::Error::other)
    }
}

impl Subscription {
    /// Closes its connection.
    pub(super) async fn leave(self) -> io::Result<()> {
        drop(self.body);
        self.link.leave().await
    }
}

pub(super) async fn subscribe(address: SocketAddr) -> io::Result<Subscription> {
    let mut link = Link::open(address).await?;
    let response = link.ask("/sse", "text/event-stream").await?;
    Ok(Subscription {
        link,
        body: response.into_body(),
    })
}

pub(super) async fn receive(address: SocketAddr, connections: usize) -> io::Result<Received> {
    let ledger = SharedLedger::default();
    let mut tasks = Vec::with_capacity(connections);
    let mut links = Vec::with_capacity(connections);
    for _ in 0..connections {
        let Subscription { link, body } = subscribe(address).await?;
        links.push(link);
        tasks.push(tokio::task::spawn_local(events(body, Rc::clone(&ledger))));
    }
    ready(None)?;
    for task in tasks {
        task.await??;
    }
    let received = ledger.borrow().received();
    Ok(received)
}

async fn events(mut body: Incoming, ledger: SharedLedger) -> io::Result<()> {
    let mut expected = 1;
    let mut decoder = Decoder::new(MAX_MESSAGE);
    while let Some(frame) = body.frame().await {
        let received = clock::now();
        let frame = match frame {
            Ok(frame) => frame,
            // A sender that closes in the middle of a chunked body: the end of the trial.
            Err(error) => {
                ended(&error);
                break;
            }
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        let mut outcome = Ok(());
        let mut take = |event: pushbench_transport::sse::decode::Event<'_>| {
            let taken = ledger
                .borrow_mut()
                .message(event.data, received, &mut expected);
            if outcome.is_ok() {
                outcome = taken;
            }
        };
        decoder.feed(data, &mut take).map_err(io::Error::other)?;
        outcome?;
    }
    Ok(())
}
