//! hyper and reqwest as long-polling clients, a task per connection: each asks, waits for the whole answer, takes its
//! lines, and asks again from the last.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use pushbench_sys::clock;
use reqwest::{Client, Response};
use tokio::task::JoinHandle;

use super::hyper::Link;
use super::{Received, SharedLedger};
use crate::role::ready;

/// What the first poll asks for: an answer at once.
const FIRST: &str = "/poll?after=0&timeout=0";

fn target(after: u64) -> String {
    format!("/poll?after={after}&timeout=20000")
}

/// hyper with a connection per subscriber.
pub(super) async fn hyper(address: SocketAddr, connections: usize) -> io::Result<Received> {
    let ledger = SharedLedger::default();
    let mut tasks = Vec::with_capacity(connections);
    for _ in 0..connections {
        let link = hyper_open(address).await?;
        let ledger = Rc::clone(&ledger);
        tasks.push(tokio::task::spawn_local(hyper_poll(link, ledger)));
    }
    all(tasks, &ledger).await
}

pub(super) async fn hyper_visit(address: SocketAddr) -> io::Result<()> {
    hyper_open(address).await?.leave().await
}

async fn hyper_open(address: SocketAddr) -> io::Result<Link> {
    let mut link = Link::open(address).await?;
    let response = link.ask(FIRST, "*/*").await?;
    response.collect().await.map_err(io::Error::other)?;
    Ok(link)
}

async fn hyper_poll(mut link: Link, ledger: SharedLedger) -> io::Result<()> {
    let mut expected = 1;
    // A sender that closes while a poll is held shows as an error: the end of the trial.
    while let Ok(response) = link.ask(&target(expected - 1), "*/*").await {
        let body = response.collect().await.map_err(io::Error::other)?;
        lines(&body.to_bytes(), &ledger, &mut expected)?;
    }
    Ok(())
}

/// reqwest with a client per subscriber: one that all share would hand the connection of an answered poll to whoever asks
/// next.
pub(super) async fn reqwest(address: SocketAddr, connections: usize) -> io::Result<Received> {
    let ledger = SharedLedger::default();
    let mut tasks = Vec::with_capacity(connections);
    for _ in 0..connections {
        let client = super::reqwest::client()?;
        reqwest_ask(&client, address, FIRST).await?;
        let ledger = Rc::clone(&ledger);
        tasks.push(tokio::task::spawn_local(reqwest_poll(
            client, address, ledger,
        )));
    }
    all(tasks, &ledger).await
}

/// A client that keeps no connection for a second request.
pub(super) fn client() -> io::Result<Client> {
    let builder = Client::builder().no_proxy().pool_max_idle_per_host(0);
    builder.build().map_err(io::Error::other)
}

pub(super) async fn reqwest_visit(client: &Client, address: SocketAddr) -> io::Result<()> {
    reqwest_ask(client, address, FIRST).await?;
    Ok(())
}

async fn reqwest_ask(client: &Client, address: SocketAddr, target: &str) -> io::Result<Bytes> {
    let sent = client.get(format!("http://{address}{target}")).send().await;
    let response = sent.and_then(Response::error_for_status);
    let body = response.map_err(io::Error::other)?.bytes().await;
    body.map_err(io::Error::other)
}

async fn reqwest_poll(client: Client, address: SocketAddr, ledger: SharedLedger) -> io::Result<()> {
    let mut expected = 1;
    // A sender that closes while a poll is held shows as an error: the end of the trial.
    while let Ok(body) = reqwest_ask(&client, address, &target(expected - 1)).await {
        lines(&body, &ledger, &mut expected)?;
    }
    Ok(())
}

/// Takes the messages of an answer.
fn lines(body: &[u8], ledger: &SharedLedger, expected: &mut u64) -> io::Result<()> {
    let received = clock::now();
    let mut ledger = ledger.borrow_mut();
    let lines = body.split(|&byte| byte == b'\n');
    for line in lines.filter(|line| !line.is_empty()) {
        ledger.message(line, received, expected)?;
    }
    Ok(())
}

async fn all(
    tasks: Vec<JoinHandle<io::Result<()>>>,
    ledger: &SharedLedger,
) -> io::Result<Received> {
    ready(None)?;
    for task in tasks {
        task.await??;
    }
    let received = ledger.borrow().received();
    Ok(received)
}
