//! Server and load generator in one process.

#![allow(dead_code, reason = "not every test program needs all of it")]

use std::path::Path;

use pushbench_load::barrier::Free;
use pushbench_load::target::Target;
use pushbench_load::{Config, Patience, run};
use pushbench_model::measurement::Publisher;
use pushbench_model::profile::Profile;
use pushbench_model::scenario::Scenario;
use pushbench_server::{Config as ServerConfig, Server};
use pushbench_transport::transport::{ServeOptions, Transport, by_name};

/// A server on ports that are free.
pub(crate) fn server(transport: &'static dyn Transport, options: ServeOptions) -> Server {
    let any = "127.0.0.1:0".parse().unwrap();
    Server::start(ServerConfig {
        transport,
        listen: any,
        control: any,
        cores: vec![],
        shards: 1,
        options,
    })
    .unwrap()
}

/// A measurement of it.
pub(crate) fn config(
    transport: &'static dyn Transport,
    server: &Server,
    scenario: &str,
    publisher: Publisher,
) -> Config {
    Config {
        scenario: Scenario::parse(scenario, Path::new("test.toml")).unwrap(),
        profile: Profile::Quick,
        transport,
        target: Target::parse(&format!("http://{}", server.data_addr())).unwrap(),
        control: Target::parse(&format!("http://{}", server.control_addr())).unwrap(),
        publisher,
        seed: 7,
        cores: vec![],
        spin_ns: 0,
        patience: Patience::default(),
    }
}

/// What the load process says of a server that does otherwise than the scenario wants.
pub(crate) fn refusal(transport: &str, server: &Server, scenario: &str) -> String {
    let transport = by_name(transport).unwrap();
    let config = config(transport, server, scenario, Publisher::Server);
    run(config, &mut Free)
        .expect_err("no measurement")
        .to_string()
}
