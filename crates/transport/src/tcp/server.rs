//! The server half of the floor.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pushbench_model::tuning::Tuning;
use tokio::io::{AsyncReadExt as _, ReadBuf};

use crate::hub::{Hub, Subscription, Topic};
use crate::listener::{Worker, accept};
use crate::tls::guard::{Guard, Wire};

use super::{GREETING, LIVE};

/// Messages that are ready together are joined up to this many bytes: one write costs far more than one copy.
const JOINED: usize = 64 * 1024;

pub(super) async fn serve<G: Guard>(
    hub: Arc<Hub>,
    worker: Worker,
    dead_after: Option<Duration>,
    guard: G,
) {
    let topic = Topic::new(hub, |frame| frame.bytes.clone());
    let pump = tokio::task::spawn_local(Rc::clone(&topic).pump());
    accept(worker, Tuning::Fixed, dead_after, |stream| {
        let (topic, guard) = (Rc::clone(&topic), guard.clone());
        async move {
            // A client that goes away is not an error of the server.
            if let Some(stream) = guard.admit(stream).await {
                let _ = converse(stream, &topic).await;
            }
        }
    })
    .await;
    pump.abort();
}

async fn converse<W: Wire>(mut stream: W, topic: &Rc<Topic<Bytes>>) -> io::Result<()> {
    let mut cursor = [0; GREETING];
    stream.read_exact(&mut cursor).await?;
    let after = Some(u64::from_le_bytes(cursor)).filter(|&after| after != LIVE);
    let subscription = topic.subscribe(after);
    let greeting = Bytes::copy_from_slice(&topic.newest().to_le_bytes());
    let mut sender = Sender {
        stream,
        subscription,
        unsent: Bytes::new(),
    };
    // What is kept for the subscriber leaves with the greeting, in one write.
    sender.unsent = sender.join(greeting);
    // Before anything is made of what else the client may have sent: a greeting is due. What does not fit now follows.
    poll_fn(|cx| {
        let greeted = sender.stream.poll_write_now(cx, &sender.unsent);
        if let Poll::Ready(Ok(sent)) = greeted {
            bytes::Buf::advance(&mut sender.unsent, sent);
        }
        Poll::Ready(())
    })
    .await;
    poll_fn(|cx| sender.poll(cx)).await
}

/// One subscriber's connection.
struct Sender<W> {
    stream: W,
    subscription: Subscription<Bytes>,
    unsent: Bytes,
}

impl<W: Wire> Sender<W> {
    /// Runs until the client is gone or fell behind.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Subscribers send nothing after their greeting: readable means gone, or a fault. Asking again after a false
        // alarm is what has the socket wake this task when the client goes.
        if self.stream.poll_readable(cx)?.is_ready() {
            let mut room = [0; 64];
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(&mut room));
            if read.is_ready() {
                return read;
            }
        }
        loop {
            while !self.unsent.is_empty() {
                let Poll::Ready(sent) = self.stream.poll_write_now(cx, &self.unsent)? else {
                    let lagged = ready!(self.subscription.poll_lagged(cx));
                    return Poll::Ready(Err(io::Error::other(lagged)));
                };
                // Dropping a part would release and take a reference each time; advancing does not.
                bytes::Buf::advance(&mut self.unsent, sent);
            }
            if Pin::new(&mut self.stream).poll_flush(cx)?.is_pending() {
                let lagged = ready!(self.subscription.poll_lagged(cx));
                return Poll::Ready(Err(io::Error::other(lagged)));
            }
            self.unsent = match ready!(self.subscription.poll_next(cx)) {
                Ok(first) => self.join(first),
                Err(lagged) => return Poll::Ready(Err(io::Error::other(lagged))),
            };
        }
    }

    /// `first` alone if nothing else is ready, which needs no copy; otherwise what is ready in one piece.
    fn join(&mut self, first: Bytes) -> Bytes {
        let Ok(Some(second)) = self.subscription.try_next() else {
            return first;
        };
        let mut joined = BytesMut::from(&first[..]);
        joined.extend_from_slice(&second);
        while joined.len() < JOINED
            && let Ok(Some(next)) = self.subscription.try_next()
        {
            joined.extend_from_slice(&next);
        }
        joined.freeze()
    }
}
