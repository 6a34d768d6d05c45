//! The contract, on the stack that has no more than handshake and framing.

use pushbench_model::tuning::Tuning;
use pushbench_server::Server;
use pushbench_transport::stack::Stack;
use pushbench_transport::transport::ServeOptions;

use crate::common;

#[path = "alike.rs"]
mod alike;
#[path = "long_poll.rs"]
mod long_poll;
#[path = "long_poll_behind.rs"]
mod long_poll_behind;
#[path = "ndjson.rs"]
mod ndjson;
#[path = "short_poll.rs"]
mod short_poll;
#[path = "slow.rs"]
mod slow;
#[path = "sse.rs"]
mod sse;
#[path = "sse_hyper.rs"]
mod sse_hyper;
#[path = "tcp.rs"]
mod tcp;
#[path = "websocket.rs"]
mod websocket;
#[path = "websocket_hyper.rs"]
mod websocket_hyper;

const STACK: Stack = Stack::Bare;
const TUNING: Tuning = Tuning::Fixed;

fn server(transport: &str) -> Server {
    server_with(transport, ServeOptions::default())
}

fn server_with(transport: &str, options: ServeOptions) -> Server {
    let stack = STACK;
    common::server_with(transport, ServeOptions { stack, ..options })
}
