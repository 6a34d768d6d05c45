//! hyper, a task per connection, and our decoder of events.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pushbench_sys::clock;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::sse::decode::Decoder;
use tokio::net::TcpStream;

use super::{Received, SharedLedger, ended};
use crate::role::ready;

pub(super) async fn receive(address: SocketAddr, connections: usize) -> io::Result<Received> {
    let ledger = SharedLedger::default();
    let mut tasks = Vec::with_capacity(connections);
    // A connection ends when nobody can ask anything of it any more.
    let mut askers = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut asker, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        // It ends as the body does, and the body says why.
        tokio::task::spawn_local(async { _ = connection.await });
        let request = Request::get("/sse")
            .header("Host", "localhost")
            .header("Accept", "text/event-stream")
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let response = asker
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        askers.push(asker);
        tasks.push(tokio::task::spawn_local(events(
            response.into_body(),
            Rc::clone(&ledger),
        )));
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
