//! The server half on axum, after the framework's documentation: a stream of events, each formatted for its subscriber.
//!
//! What axum makes of a message differs from the other stacks in two cases that no message of Pushbench's own is: a
//! CR LF inside the data gives an empty line besides, and empty data gives no `data` line, which browsers ignore.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream::{self, Stream, StreamExt as _};
use hyper::StatusCode;

use crate::framework;
use crate::http1::server::after_of;
use crate::hub::{Broadcast, Frame, Hub, Lagged, Source};
use crate::listener::Worker;
use crate::transport::ServeOptions;

use super::server::PATH;

mod socket;

#[derive(Clone)]
struct App {
    feed: Arc<Broadcast>,
    options: Arc<ServeOptions>,
}

pub(super) async fn serve(hub: Arc<Hub>, worker: Worker, options: Arc<ServeOptions>) {
    let (feed, pump) = Broadcast::new(hub);
    let Some((listener, shutdown)) = framework::listener(worker, &options) else {
        return;
    };
    let listener = socket::Watched {
        listener,
        feed: Arc::clone(&feed),
    };
    let app = Router::new()
        .route(PATH, get(subscribe))
        .with_state(App { feed, options });
    framework::serve(listener, app, pump, shutdown).await;
}

async fn subscribe(State(app): State<App>, request: Request) -> Response {
    let Ok(after) = after_of(&request) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let events = events(app.feed.subscribe(after), Arc::clone(&app.options));
    let greeting = app.options.sse_retry_ms.map(retry);
    let events = stream::iter(greeting).map(Ok).chain(events);
    match app.options.heartbeat_s.filter(|&seconds| seconds > 0) {
        Some(seconds) => {
            let interval = Duration::from_secs(seconds.into());
            let keep_alive = KeepAlive::new().interval(interval).text("");
            Sse::new(events).keep_alive(keep_alive).into_response()
        }
        None => Sse::new(events).into_response(),
    }
}

fn retry(ms: u64) -> Event {
    Event::default().retry(Duration::from_millis(ms))
}

fn events(
    source: Source,
    options: Arc<ServeOptions>,
) -> impl Stream<Item = Result<Event, Lagged>> + Send {
    stream::unfold((source, options), |(mut source, options)| async {
        let next = source.next().await;
        let event = next.map(|message| event(&message, &options));
        Some((event, (source, options)))
    })
}

fn event(message: &Frame, options: &ServeOptions) -> Event {
    let mut event = Event::default();
    if let Some(name) = &options.sse_event {
        // Only the first line: axum panics at a type with a line end.
        event = event.event(name.split(['\n', '\r']).next().unwrap_or_default());
    }
    if options.sse_ids {
        event = event.id(message.seq.to_string());
    }
    event.data(String::from_utf8_lossy(&message.bytes))
}
