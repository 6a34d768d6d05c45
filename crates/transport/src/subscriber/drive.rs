//! The read loop of a subscriber.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use pushbench_sys::clock;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::{Protocol, SubscribeError, Subscriber};

/// Subscribes with `protocol` and delivers to the inlet until the connection ends, which is always an error or an end
/// that the protocol allows.
///
/// # Errors
///
/// See [`SubscribeError`].
pub async fn drive<P: Protocol>(
    mut protocol: P,
    subscriber: Rc<Subscriber>,
) -> Result<(), SubscribeError> {
    let result = run(&mut protocol, &subscriber).await;
    let inlet = &subscriber.inlet;
    inlet.ended.set(inlet.ended.get() + 1);
    inlet.progressed.notify_one();
    result
}

async fn run<P: Protocol>(protocol: &mut P, subscriber: &Subscriber) -> Result<(), SubscribeError> {
    let mut out = Vec::new();
    protocol.open(&mut out);
    write_all(subscriber, &out).await?;
    drop(out);
    note_progress(protocol, subscriber);
    loop {
        let unsent = poll_fn(|cx| {
            let inlet = &*subscriber.inlet;
            let buffer = &mut **inlet.buffer.borrow_mut();
            let mut read = ReadBuf::new(buffer);
            // One call per wake-up in the steady state: tokio learns from a short read that the socket is empty.
            ready!(Pin::new(&mut *subscriber.stream.borrow_mut()).poll_read(cx, &mut read))?;
            let received = clock::now();
            let bytes = read.filled();
            if bytes.is_empty() {
                return Poll::Ready(protocol.end().map(|()| None));
            }
            let out = &mut *inlet.out.borrow_mut();
            out.clear();
            let inbox = &mut *inlet.inbox.borrow_mut();
            let check = &mut *subscriber.check.borrow_mut();
            protocol.receive(bytes, out, &mut |body| inbox.take(body, received, check))?;
            if inbox.settled() >= inlet.target.get() {
                inlet.target.set(u64::MAX);
                inlet.progressed.notify_one();
            }
            Poll::Ready(answer(subscriber, out).map(Some))
        })
        .await?;
        let Some(unsent) = unsent else { return Ok(()) };
        note_progress(protocol, subscriber);
        if !unsent.is_empty() {
            write_all(subscriber, &unsent).await?;
        }
    }
}

#[inline]
fn note_progress(protocol: &impl Protocol, subscriber: &Subscriber) {
    let progress = protocol.progress();
    if progress.subscribed && !subscriber.progress.get().subscribed {
        let inlet = &subscriber.inlet;
        inlet.subscribed.set(inlet.subscribed.get() + 1);
        inlet.progressed.notify_one();
    }
    subscriber.progress.set(progress);
}

/// Sends an answer at once; returns what the socket did not take, which is nearly always nothing.
#[inline]
fn answer(subscriber: &Subscriber, out: &[u8]) -> Result<Vec<u8>, SubscribeError> {
    if out.is_empty() {
        return Ok(Vec::new());
    }
    let sent = match subscriber.stream.borrow().try_write(out) {
        Ok(sent) => sent,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
        Err(error) => return Err(error.into()),
    };
    Ok(out[sent..].to_vec())
}

async fn write_all(subscriber: &Subscriber, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent =
            poll_fn(|cx| Pin::new(&mut *subscriber.stream.borrow_mut()).poll_write(cx, bytes))
                .await?;
        if sent == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[sent..];
    }
    Ok(())
}
