//! What hyper needs to serve many streams on a connection, on the runtime of one thread.

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use pushbench_model::scenario::MOST_STREAMS;
use tokio::task::spawn_local;

use crate::transport::ServeOptions;

/// Runs streams beside their connection, on the same thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HereToo;

impl<F: Future<Output: 'static> + 'static> Executor<F> for HereToo {
    fn execute(&self, stream: F) {
        // It ends with its connection.
        spawn_local(stream);
    }
}

/// How connections are served.
#[derive(Clone)]
pub(crate) enum Http {
    /// A request at a time.
    One(http1::Builder),
    /// Many at a time.
    Two(http2::Builder<HereToo>),
}

impl Http {
    /// As `options` say; `one` is how HTTP/1.1 is set.
    pub(crate) fn of(options: &ServeOptions, one: http1::Builder) -> Self {
        if !options.http2 {
            return Self::One(one);
        }
        let mut two = http2::Builder::new(HereToo);
        // As many as a scenario may ask for.
        two.max_concurrent_streams(MOST_STREAMS);
        Self::Two(two)
    }
}
