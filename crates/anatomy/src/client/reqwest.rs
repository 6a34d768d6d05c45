//! reqwest and eventsource-stream as their documentation joins them, a task per connection.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use eventsource_stream::{EventStreamError, Eventsource as _};
use futures_util::StreamExt as _;
use pushbench_sys::clock;
use reqwest::{Client, Response};

use super::{Received, SharedLedger, ended};
use crate::role::ready;

/// The peer is on this machine, whatever proxy the environment names.
pub(super) fn client() -> io::Result<Client> {
    let builder = Client::builder().no_proxy();
    builder.build().map_err(io::Error::other)
}

/// A response that does not end keeps its connection, so that every request opens one.
pub(super) async fn subscribe(client: &Client, address: SocketAddr) -> io::Result<Response> {
    client
        .get(format!("http://{address}/sse"))
        .header("Accept", "text/event-stream")
        .send()
        .await
        .and_then(Response::error_for_status)
        .map_err(io::Error::other)
}

pub(super) async fn receive(address: SocketAddr, connections: usize) -> io::Result<Received> {
    let client = client()?;
    let ledger = SharedLedger::default();
    let mut tasks = Vec::with_capacity(connections);
    for _ in 0..connections {
        let response = subscribe(&client, address).await?;
        tasks.push(tokio::task::spawn_local(events(
            response,
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

async fn events(response: Response, ledger: SharedLedger) -> io::Result<()> {
    let mut expected = 1;
    let mut events = response.bytes_stream().eventsource();
    while let Some(event) = events.next().await {
        let received = clock::now();
        let event = match event {
            Ok(event) => event,
            // A sender that closes in the middle of a chunked body: the end of the trial.
            Err(EventStreamError::Transport(error)) => {
                ended(&error);
                break;
            }
            Err(error) => return Err(io::Error::other(error.to_string())),
        };
        ledger
            .borrow_mut()
            .message(event.data.as_bytes(), received, &mut expected)?;
    }
    Ok(())
}
