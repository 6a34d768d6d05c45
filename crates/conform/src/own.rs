//! A server of ours, in this process.

use std::net::{Ipv4Addr, SocketAddr};

use pushbench_server::{Config, ServeError, Server};
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;
use pushbench_transport::websocket::WebSocket;

/// A WebSocket server on a free port of loopback that sends back what it gets.
pub(crate) fn echo(stack: Stack) -> Result<Server, ServeError> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Server::start(Config {
        transport: &WebSocket,
        listen: any,
        control: any,
        cores: Vec::new(),
        shards: 1,
        options: ServeOptions {
            stack,
            echo: true,
            ..ServeOptions::default()
        },
    })
}
