//! The server half: a hyper service that answers when there is something to say.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::http1::server::{after_of, number_of, refuse, refuse_with};
use crate::hub::{Hub, Lagged, Subscription, Topic};
use crate::listener::{Worker, accept};
use crate::tls::guard::Guard;
use crate::tokens::fetch;
use crate::tokens::http::Desk;
use crate::transport::{LocalFuture, ServeOptions};

/// Path of the endpoint.
pub(super) const PATH: &str = "/poll";

pub(super) async fn serve<G: Guard>(
    hub: Arc<Hub>,
    worker: Worker,
    options: Arc<ServeOptions>,
    guard: G,
) {
    let shared = Rc::new(Shared {
        topic: Topic::new(hub, |frame| frame.bytes.clone()),
        batch: RefCell::default(),
        longest_ms: options.poll_timeout_ms,
        desk: Desk::new(Arc::clone(&worker.stats.chats)),
    });
    let pump = tokio::task::spawn_local(Rc::clone(&shared.topic).pump());
    accept(worker, options.tuning, options.dead_after(), |stream| {
        let (shared, guard) = (Rc::clone(&shared), guard.clone());
        async move {
            let Some(stream) = guard.admit(stream).await else {
                return;
            };
            let service = service_fn(|request| {
                let shared = Rc::clone(&shared);
                async move {
                    if fetch::is_meant(&request) {
                        let desk = Rc::clone(&shared.desk);
                        return Ok(chat(request, desk, shared.longest_ms).await);
                    }
                    Ok::<_, Infallible>(respond(request, &shared).await)
                }
            });
            let connection = http1::Builder::new()
                .writev(false)
                .serve_connection(TokioIo::new(stream), service);
            // A client that goes away while its request is held is not an error of the server.
            let _ = connection.await;
        }
    })
    .await;
    pump.abort();
}

/// What the connections of a worker share.
struct Shared {
    topic: Rc<Topic<Bytes>>,
    /// The last body of several messages: subscribers that poll at the same pace take the same batch.
    batch: RefCell<Batch>,
    longest_ms: u64,
    desk: Rc<Desk>,
}

#[derive(Default)]
struct Batch {
    after: u64,
    last: u64,
    body: Bytes,
}

async fn respond(request: Request<Incoming>, shared: &Shared) -> Answer {
    let poll = match Poll::of(&request, shared.longest_ms) {
        Ok(poll) => poll,
        Err(status) => return refusal(status),
    };
    // Nothing of the request is needed while it is held.
    drop(request);
    answer(next_batch(shared, poll.after, poll.hold).await)
}

/// Answers a request about answers of language models. Boxed, so that polls do not pay for it.
pub(super) fn chat(
    request: Request<Incoming>,
    desk: Rc<Desk>,
    longest_ms: u64,
) -> LocalFuture<Answer> {
    let longest = longest_ms.saturating_mul(1_000_000);
    Box::pin(fetch::respond(request, desk, longest))
}

pub(super) type Answer = Response<Full<Bytes>>;

/// What a request asks for.
pub(super) struct Poll {
    pub(super) after: Option<u64>,
    pub(super) hold: Duration,
}

impl Poll {
    /// What `request` asks for, held `longest_ms` milliseconds at most, or the status that refuses it.
    pub(super) fn of(request: &Request<Incoming>, longest_ms: u64) -> Result<Self, StatusCode> {
        if let Some(status) = refuse(request, PATH) {
            return Err(status);
        }
        let (Ok(after), Ok(hold_ms)) = (after_of(request), number_of(request, "timeout")) else {
            return Err(StatusCode::BAD_REQUEST);
        };
        let hold = Duration::from_millis(hold_ms.unwrap_or(u64::MAX).min(longest_ms));
        Ok(Self { after, hold })
    }
}

pub(super) fn refusal(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::default());
    refuse_with(&mut response, status);
    response
}

/// The answer with `body`, or that there is nothing to say.
pub(super) fn answer(body: Option<Bytes>) -> Answer {
    let mut response = Response::new(Full::default());
    match body {
        Some(body) => {
            let headers = response.headers_mut();
            headers.insert(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-ndjson"),
            );
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            *response.body_mut() = Full::new(body);
        }
        None => *response.status_mut() = StatusCode::NO_CONTENT,
    }
    response
}

/// All messages after the cursor, as one body; waits up to `hold` for the first of them.
async fn next_batch(shared: &Shared, after: Option<u64>, hold: Duration) -> Option<Bytes> {
    if hold.is_zero() {
        shared.topic.catch_up();
    }
    let mut subscription = shared.topic.subscribe(after);
    // What is there already must not cost a timer.
    if let Some(body) = take_batch(shared, &mut subscription) {
        return Some(body);
    }
    if hold.is_zero() {
        return None;
    }
    let first = timeout(hold, poll_fn(|cx| subscription.poll_next(cx))).await;
    match first {
        Ok(Ok(first)) => Some(rest_of_batch(shared, &mut subscription, first)),
        // A ring that ran past a held request: the client's cursor asks again and gets the oldest kept.
        Ok(Err(Lagged { .. })) | Err(_) => None,
    }
}

fn take_batch(shared: &Shared, subscription: &mut Subscription<Bytes>) -> Option<Bytes> {
    let first = subscription.try_next().unwrap_or(None)?;
    Some(rest_of_batch(shared, subscription, first))
}

/// `first` and everything after it. A batch is joined once and shared by all who ask from the same cursor.
fn rest_of_batch(shared: &Shared, subscription: &mut Subscription<Bytes>, first: Bytes) -> Bytes {
    let after = subscription.position() - 1;
    let newest = shared.topic.newest();
    if subscription.position() == newest {
        return first;
    }
    let batch = &mut *shared.batch.borrow_mut();
    if batch.after == after && batch.last == newest {
        return batch.body.clone();
    }
    let mut body = BytesMut::from(&first[..]);
    while let Ok(Some(next)) = subscription.try_next() {
        body.extend_from_slice(&next);
    }
    *batch = Batch {
        after,
        last: newest,
        body: body.freeze(),
    };
    batch.body.clone()
}
