//! The control endpoint: HTTP on a port of its own, served by a thread of its own. It is idle while a trial measures, unless messages
//! are posted to it then.

use std::convert::Infallible;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use pushbench_model::control::{Health, Keeps, PublishOrder};
use pushbench_model::slices::CONTROL_THREAD;
use pushbench_model::tuning::Tuning;
use pushbench_transport::hub::Hub;
use pushbench_transport::limits::MAX_MESSAGE;
use pushbench_transport::listener::{Stats, Worker, accept};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::ServeError;
use crate::publisher::{Busy, Publisher};

pub(crate) struct Control {
    pub(crate) hub: Arc<Hub>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) tuning: Tuning,
    pub(crate) keeps: Option<Keeps>,
    pub(crate) publisher: Publisher,
    /// Whether something is to go wrong.
    pub(crate) injected: bool,
    /// The certificate of the endpoint of subscribers, PEM, where that is secured.
    pub(crate) certificate: Option<String>,
}

pub(crate) fn start(
    listener: StdListener,
    control: Control,
    shutdown: watch::Receiver<bool>,
) -> Result<JoinHandle<()>, ServeError> {
    let failed = |source| ServeError::Thread {
        thread: "control",
        source,
    };
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    thread::Builder::new()
        .name(CONTROL_THREAD.into())
        .spawn(move || {
            let control = Arc::new(control);
            let worker = Worker {
                listener,
                stats: Arc::default(),
                shutdown,
            };
            let serve = accept(worker, Tuning::Fixed, None, |stream| {
                let control = Arc::clone(&control);
                async move {
                    let service = service_fn(|request| {
                        let control = Arc::clone(&control);
                        async move { Ok::<_, Infallible>(respond(request, &control).await) }
                    });
                    let io = TokioIo::new(stream);
                    let mut http = http1::Builder::new();
                    // Who ends its side with its request waits for the answer.
                    http.half_close(true);
                    // A client that hangs up is not an error of the server.
                    let _ = http.serve_connection(io, service).await;
                }
            });
            LocalSet::new().block_on(&runtime, serve);
        })
        .map_err(failed)
}

type Answer = Response<Full<Bytes>>;

async fn respond(request: Request<Incoming>, control: &Control) -> Answer {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => json(&Health {
            tuning: control.tuning,
            accepted: control.stats.accepted.load(Ordering::Relaxed),
            nodelay: control.stats.nodelay.load(Ordering::Relaxed),
            published: control.hub.published(),
            lagged: control.hub.lagged(),
            dropped: control.hub.dropped(),
            injected: control.injected,
            chats: control.stats.chats.running(),
            keeps: control.keeps,
        }),
        (&Method::GET, "/chats") => json(&control.stats.chats.report()),
        (&Method::GET, "/certificate") => match &control.certificate {
            Some(certificate) => text(StatusCode::OK, certificate),
            None => text(
                StatusCode::NOT_FOUND,
                "subscribers are served in clear text",
            ),
        },
        (&Method::POST, "/publish") => publish(request, control).await,
        (&Method::POST, "/schedule") => schedule(request, control).await,
        (&Method::GET, "/schedule") => json(&control.publisher.report()),
        (_, "/healthz" | "/chats" | "/certificate") => wrong_method("GET"),
        (_, "/publish") => wrong_method("POST"),
        (_, "/schedule") => wrong_method("GET, POST"),
        _ => text(
            StatusCode::NOT_FOUND,
            "there are /healthz, /publish, /schedule, /chats and /certificate",
        ),
    }
}

/// RFC 9110 §15.5.6: the answer names the methods there are.
fn wrong_method(allowed: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "wrong method");
    let allowed = HeaderValue::from_static(allowed);
    answer.headers_mut().insert(ALLOW, allowed);
    answer
}

async fn publish(request: Request<Incoming>, control: &Control) -> Answer {
    let content_type = request.headers().get(CONTENT_TYPE);
    let binary = content_type.is_some_and(|value| value == "application/octet-stream");
    match body(request).await {
        Ok(body) => {
            control.hub.publish(&body, binary);
            text(StatusCode::NO_CONTENT, "")
        }
        Err(refusal) => refusal,
    }
}

async fn schedule(request: Request<Incoming>, control: &Control) -> Answer {
    let body = match body(request).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let order: PublishOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => {
            return text(
                StatusCode::BAD_REQUEST,
                &format!("not a publish order: {error}"),
            );
        }
    };
    if !(order.schedule.rate > 0.0 && order.schedule.rate.is_finite())
        || order.payload.bytes > MAX_MESSAGE / 2
    {
        return text(
            StatusCode::BAD_REQUEST,
            "a rate above zero and a payload of at most 8 MiB, please",
        );
    }
    match control.publisher.order(order) {
        Ok(()) => text(StatusCode::ACCEPTED, ""),
        Err(Busy) => text(
            StatusCode::CONFLICT,
            "the publisher is still at work on the last order",
        ),
    }
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Answer> {
    let too_large = || {
        let limit = format!("a body of at most {MAX_MESSAGE} bytes, please");
        text(StatusCode::PAYLOAD_TOO_LARGE, &limit)
    };
    // What is announced as too large need not be sent.
    if request.body().size_hint().lower() > MAX_MESSAGE as u64 {
        return Err(too_large());
    }
    match Limited::new(request.into_body(), MAX_MESSAGE)
        .collect()
        .await
    {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(error) => Err(text(StatusCode::BAD_REQUEST, &error.to_string())),
    }
}

fn json(value: &impl serde::Serialize) -> Answer {
    let body = serde_json::to_vec(value).expect("these documents always serialise");
    let mut answer = Response::new(Full::new(body.into()));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn text(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    *answer.status_mut() = status;
    answer
}
