//! What a server can compress.

use pushbench_model::tuning::Tuning;
use pushbench_transport::transport::{ServeOptions, Transport};

use crate::ServeError;

/// Whether `transport` can be served as `options` say, as far as they say anything of compression.
pub(crate) fn check(transport: &dyn Transport, options: &ServeOptions) -> Result<(), ServeError> {
    let Some(compression) = options.compression else {
        return Ok(());
    };
    let stack = options.stack;
    let can = transport.packs().iter();
    let can: Vec<_> = can
        .filter(|(one, _)| *one == stack)
        .map(|&(_, how)| how)
        .collect();
    let why = if can.is_empty() {
        "there is nothing here that does it".to_owned()
    } else if !can.contains(&compression) {
        let words: Vec<_> = can.iter().map(|how| how.label()).collect();
        format!(
            "--compression {compression} is not there, but {}",
            words.join(" and ")
        )
    } else if options.tuning_among(transport.tunings()) == Tuning::Defaults {
        "no library compresses anything as it comes; --tuning equalised does".to_owned()
    } else if options.tls.is_some() {
        "over TLS it is not there; leave out --tls or --compression".to_owned()
    } else if options.echo || options.sse_retry_ms.is_some() {
        "--echo and --sse-retry are for servers that compress nothing".to_owned()
    } else {
        return Ok(());
    };
    Err(ServeError::Compression {
        what: format!("{} on the stack {stack}", transport.name()),
        why,
    })
}
