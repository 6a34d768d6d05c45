//! The server half as a newcomer writes it: hyper as it comes, TCP_NODELAY as the system gives it, and the body of an
//! answer joined for each request.

use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::hub::{Hub, Topic};
use crate::listener::{Worker, accept};
use crate::tls::guard::Guard;
use crate::tokens::fetch;
use crate::tokens::http::Desk;
use crate::transport::ServeOptions;

use super::server::{Answer, Poll, answer, chat, refusal};

pub(super) async fn serve<G: Guard>(
    hub: Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
    guard: G,
) {
    let desk = Desk::new(Arc::clone(&worker.stats.chats));
    let topic = Topic::new(hub, |frame| frame.bytes.clone());
    let pump = tokio::task::spawn_local(Rc::clone(&topic).pump());
    accept(worker, options.tuning, options.dead_after(), |stream| {
        let (topic, desk) = (Rc::clone(&topic), Rc::clone(&desk));
        let guard = guard.clone();
        let longest_ms = options.poll_timeout_ms;
        async move {
            let Some(stream) = guard.admit(stream).await else {
                return;
            };
            let service = service_fn(|request| {
                let (topic, desk) = (Rc::clone(&topic), Rc::clone(&desk));
                async move {
                    if fetch::is_meant(&request) {
                        return Ok(chat(request, desk, longest_ms).await);
                    }
                    Ok::<_, Infallible>(respond(request, &topic, longest_ms).await)
                }
            });
            let io = TokioIo::new(stream);
            // A client that goes away while its request is held is not an error of the server.
            let _ = http1::Builder::new().serve_connection(io, service).await;
        }
    })
    .await;
    pump.abort();
}

async fn respond(request: Request<Incoming>, topic: &Rc<Topic<Bytes>>, longest_ms: u64) -> Answer {
    let poll = match Poll::of(&request, longest_ms) {
        Ok(poll) => poll,
        Err(status) => return refusal(status),
    };
    if poll.hold.is_zero() {
        topic.catch_up();
    }
    let mut messages = topic.subscribe(poll.after);
    let first = timeout(poll.hold, poll_fn(|cx| messages.poll_next(cx))).await;
    // A ring that ran past a held request: the client's cursor asks again and gets the oldest kept.
    let Ok(Ok(first)) = first else {
        return answer(None);
    };
    let mut body = first.to_vec();
    body.push(b'\n');
    while let Ok(Some(next)) = messages.try_next() {
        body.extend_from_slice(&next);
        body.push(b'\n');
    }
    answer(Some(body.into()))
}
