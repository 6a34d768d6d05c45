//! Whether many subscriptions can share a connection.

use pushbench_transport::stack::{Overflow, Stack};
use pushbench_transport::transport::{ServeOptions, Transport};

use crate::ServeError;

/// Whether `transport` can be served as `options` say, as far as they say anything of HTTP/2.
pub(crate) fn check(transport: &dyn Transport, options: &ServeOptions) -> Result<(), ServeError> {
    if !options.http2 {
        return Ok(());
    }
    let (name, stack) = (transport.name(), options.stack);
    let bare = stack == Stack::Bare;
    let why = if transport.shares().is_empty() {
        format!("there are no streams in {name}; sse and ndjson can be served so")
    } else if !transport.shares().contains(&stack) {
        let can: Vec<_> = transport.shares().iter().map(|can| can.label()).collect();
        format!(
            "on the stack {stack} it is not there, but on {}",
            can.join(" and ")
        )
    } else if options.tls.is_some() || options.compression.is_some() {
        "it is not there over TLS, nor with messages that are compressed; leave out --tls and --compression"
            .to_owned()
    } else if bare && options.heartbeat_s.is_some() {
        "on the stack bare there are no heartbeats beside it; leave out --heartbeat".to_owned()
    } else if bare && options.overflow != Overflow::Disconnect {
        "on the stack bare a stream that falls behind ends the connection; leave out --overflow"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(ServeError::Http2 {
        what: format!("{name} on the stack {stack}"),
        why,
    })
}
