//! The read loop of a subscriber.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pushbench_sys::clock;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;

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
    // A read that ended in an error may have brought messages before it.
    note_progress(&protocol, &subscriber);
    let inlet = &subscriber.inlet;
    subscriber.ended.set(true);
    inlet.ended.set(inlet.ended.get() + 1);
    if !subscriber.progress.get().subscribed {
        inlet.refused.set(inlet.refused.get() + 1);
    }
    inlet.progressed.notify_one();
    result
}

async fn run<P: Protocol>(protocol: &mut P, subscriber: &Subscriber) -> Result<(), SubscribeError> {
    let mut out = Vec::new();
    protocol.open(&mut out);
    write_all(subscriber, &out).await?;
    drop(out);
    note_progress(protocol, subscriber);
    while let Some(unsent) = poll_fn(|cx| read(protocol, subscriber, cx)).await? {
        write_all(subscriber, &unsent).await?;
    }
    Ok(())
}

/// Reads and delivers until the connection has ended (`None`) or the socket does not take an answer whole.
#[inline]
fn read<P: Protocol>(
    protocol: &mut P,
    subscriber: &Subscriber,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Vec<u8>>, SubscribeError>> {
    let inlet = &*subscriber.inlet;
    let buffer = &mut **inlet.buffer.borrow_mut();
    let stream = &mut *subscriber.stream.borrow_mut();
    loop {
        let mut read = ReadBuf::new(buffer);
        // One call per wake-up in the steady state: tokio learns from a short read that the socket is empty.
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
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
        note_progress(protocol, subscriber);
        if inbox.settled() >= inlet.target.get() {
            inlet.target.set(u64::MAX);
            inlet.progressed.notify_one();
        }
        if !out.is_empty() {
            let sent = answer(stream, out)?;
            if sent < out.len() {
                return Poll::Ready(Ok(Some(out[sent..].to_vec())));
            }
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

/// Sends an answer at once; returns how much of it the socket took, which is nearly always all.
fn answer(stream: &TcpStream, out: &[u8]) -> io::Result<usize> {
    match stream.try_write(out) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        sent => sent,
    }
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
