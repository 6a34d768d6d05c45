//! tokio-tungstenite, a task per connection.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::StreamExt as _;
use pushbench_sys::clock;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::{Received, SharedLedger, ended};
use crate::role::ready;

pub(super) async fn receive(
    address: SocketAddr,
    connections: usize,
    read_buffer: Option<usize>,
) -> io::Result<Received> {
    let ledger = SharedLedger::default();
    let mut tasks = Vec::with_capacity(connections);
    for _ in 0..connections {
        let socket = subscribe(address, read_buffer).await?;
        tasks.push(tokio::task::spawn_local(messages(
            socket,
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

pub(super) async fn subscribe(
    address: SocketAddr,
    read_buffer: Option<usize>,
) -> io::Result<WebSocketStream<TcpStream>> {
    let config = read_buffer.map(|bytes| WebSocketConfig::default().read_buffer_size(bytes));
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (socket, _) = client_async_with_config("ws://localhost/ws", stream, config)
        .await
        .map_err(io::Error::other)?;
    Ok(socket)
}

async fn messages(mut socket: WebSocketStream<TcpStream>, ledger: SharedLedger) -> io::Result<()> {
    let mut expected = 1;
    while let Some(message) = socket.next().await {
        let received = clock::now();
        let message = match message {
            Ok(message) => message,
            // A sender that closes without a closing frame: the end of the trial.
            Err(error) => {
                ended(&error);
                break;
            }
        };
        ledger
            .borrow_mut()
            .message(&message.into_data(), received, &mut expected)?;
    }
    Ok(())
}
