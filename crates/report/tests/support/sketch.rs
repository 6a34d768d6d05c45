//! What a synthetic trial measures.

use std::collections::BTreeMap;

use pushbench_model::histogram::{self, Histogram};
use pushbench_model::measurement::{
    ConnectionCount, LoopModel, Measurement, Publisher, Window, WireCount, histogram_name,
};
use pushbench_model::scenario::Scenario;
use pushbench_model::sequence::SequenceCounts;
use pushbench_model::theory;

use super::{Model, Noise, named, put};

/// What is measured in one synthetic trial.
pub(super) struct Sketch<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) model: &'a Model,
    pub(super) own: f64,
}

pub(super) type Measured = (Measurement, BTreeMap<String, Histogram>, f64);

impl Sketch<'_> {
    pub(super) fn fan_out(&self, messages: u64, subscribers: u64, noise: &mut Noise) -> Measured {
        let [mut response, mut service, mut lateness, mut publish] =
            [(); 4].map(|()| histogram::new());
        for _ in 0..messages {
            let mut late = 9e3 * (0.3 * noise.normal()).exp();
            if noise.uniform() < self.model.tail {
                late += 3e6 * noise.uniform();
            }
            put(&mut lateness, late);
            let handed_on = 4e3 * (0.2 * noise.normal()).exp();
            put(&mut publish, handed_on);
            for place in 0..subscribers {
                let turn = place as f64 / subscribers as f64;
                let base = self.model.latency * self.own * (0.35 + 0.9 * turn);
                let slow = if noise.uniform() < self.model.tail {
                    6.0 * noise.uniform()
                } else {
                    0.0
                };
                let transit = handed_on + base * ((0.15 * noise.normal()).exp() + slow);
                put(&mut service, transit);
                put(&mut response, transit + late);
            }
        }
        let deliveries = messages * subscribers;
        let batches = (self.model.transport == "long-poll").then_some(deliveries - deliveries / 50);
        let measurement = Measurement {
            published: messages,
            batches,
            wire: self.wire(deliveries, batches.unwrap_or(0)),
            windows: self.windows(deliveries),
            ..self.measurement(LoopModel::Open, subscribers, deliveries, 2e9)
        };
        let mut histograms = named([
            (histogram_name::RESPONSE, response),
            (histogram_name::SERVICE, service),
            (histogram_name::LATENESS, lateness),
        ]);
        // People's own servers do not say when they handed a message on.
        if ["reference", "floor"].contains(&self.model.stack) {
            histograms.insert(histogram_name::PUBLISH.into(), publish);
        }
        (
            measurement,
            histograms,
            self.model.cpu * self.own * deliveries as f64,
        )
    }

    pub(super) fn connect(&self, connections: u64, noise: &mut Noise) -> Measured {
        let (mut tcp, mut first) = (histogram::new(), histogram::new());
        for _ in 0..connections {
            let connected = 48e3 * self.own * (0.25 * noise.normal()).exp();
            let work = 2.2 * self.model.connect_cpu * self.own;
            put(&mut tcp, connected);
            put(&mut first, connected + work * (0.3 * noise.normal()).exp());
        }
        let elapsed = connections as f64 * (20e3 + self.model.connect_cpu * self.own);
        let mut wire = self.wire(connections, connections);
        wire.bytes_up = connections * 118;
        wire.expected_up = Some(wire.bytes_up);
        let measurement = Measurement {
            wire,
            ..self.measurement(LoopModel::Closed, 4, connections, elapsed)
        };
        let histograms = named([
            (histogram_name::TCP_CONNECT, tcp),
            (histogram_name::FIRST_MESSAGE, first),
        ]);
        (
            measurement,
            histograms,
            self.model.connect_cpu * self.own * connections as f64,
        )
    }

    /// Half a second of warm-up, then two seconds, in tenths.
    fn windows(&self, deliveries: u64) -> Vec<Window> {
        let each = deliveries / 20;
        (-5..20)
            .map(|tenth: i64| {
                let median = self.model.latency * self.own * (1.0 + 0.02 * (tenth % 3) as f64);
                Window {
                    start_ns: tenth * 100_000_000,
                    n: each,
                    mean_ns: median * 1.1,
                    p50_ns: median as u64,
                    max_ns: (median * 4.0) as u64,
                }
            })
            .collect()
    }

    fn wire(&self, deliveries: u64, batches: u64) -> WireCount {
        let body = 128 + pushbench_model::message::TEXT_ENVELOPE as u64;
        let (down, up) = match self.model.transport {
            "sse" => (
                deliveries * theory::chunk(theory::sse_event(body, 1, None, None)),
                0,
            ),
            "websocket" => (deliveries * theory::websocket_server_frame(body), 0),
            "long-poll" => (
                theory::long_poll_response(133 * batches, deliveries * body, deliveries),
                batches * 74,
            ),
            _ => (deliveries * theory::tcp_frame(body), 0),
        };
        // The one server whose bytes are not what the formula says.
        let extra = if self.model.stack == "ws" {
            deliveries * 3
        } else {
            0
        };
        let formula = self.model.stack != "express";
        let writes = match (self.model.transport, self.model.stack) {
            ("long-poll", _) => batches,
            // The one server that writes messages in pieces, and the one that writes several at once.
            (_, "ws") => deliveries * 2,
            (_, "floor") => deliveries - deliveries / 10,
            _ => deliveries,
        };
        WireCount {
            bytes_down: down + extra,
            bytes_up: up,
            segments_down: writes + deliveries / 20,
            segments_up: deliveries,
            data_segments_down: writes,
            data_segments_up: batches,
            retransmitted: 0,
            expected_down: formula.then_some(down),
            expected_up: formula.then_some(up),
        }
    }

    fn measurement(
        &self,
        loop_model: LoopModel,
        concurrency: u64,
        operations: u64,
        elapsed_ns: f64,
    ) -> Measurement {
        Measurement {
            workload: self.scenario.workload.label().into(),
            transport: self.model.transport.into(),
            loop_model,
            publisher: match self.model.stack {
                "express" | "ws" => Publisher::Load,
                _ => Publisher::Server,
            },
            concurrency,
            operations,
            published: operations,
            body_bytes: 128 + pushbench_model::message::TEXT_ENVELOPE as u64,
            payload_bytes: 128,
            elapsed_ns: elapsed_ns as u64,
            sequence: SequenceCounts {
                delivered: operations,
                ..SequenceCounts::default()
            },
            wire: WireCount::default(),
            batches: None,
            polls: None,
            held_up_ns: 0,
            connections: ConnectionCount {
                opened: concurrency,
                nodelay: concurrency,
                ..ConnectionCount::default()
            },
            server: None,
            windows: Vec::new(),
            cuts: None,
            arrivals: None,
            heartbeats: None,
            slow: None,
            dead: None,
            late: None,
            upstream: None,
            tls: None,
            answers: None,
            client: None,
            histograms: BTreeMap::new(),
            errors: Vec::new(),
        }
    }
}
