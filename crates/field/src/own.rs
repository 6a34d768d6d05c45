//! A server of ours, in this process: what systems of others are put in front of.

use std::net::{Ipv4Addr, SocketAddr};

use pushbench_server::{Config, ServeError, Server};
use pushbench_transport::transport::{ServeOptions, Transport};

/// Starts a server of `transport` on free ports of loopback.
///
/// # Errors
///
/// When the stack does not speak the transport, or no port or thread is left.
pub fn start(
    transport: &'static dyn Transport,
    options: ServeOptions,
) -> Result<Server, ServeError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Server::start(Config {
        transport,
        listen: any,
        control: any,
        cores: Vec::new(),
        shards: 1,
        options,
    })
}
