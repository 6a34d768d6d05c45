//! Servers of this suite, tiny scenarios and a runner, for proofs that measure real processes.

use pushbench_harness::servers::Paths;
use pushbench_harness::{Deadlines, ProcessRunner, Server};
use pushbench_model::margin::Margins;
use pushbench_model::measurement::Publisher;
use pushbench_model::payload::{Payload, PayloadKind};
use pushbench_model::profile::{PerProfile, Profile};
use pushbench_model::record::ServerLabel;
use pushbench_model::scenario::{FanOut, Scenario, Setting, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_model::tuning::Tuning;

use crate::Context;

/// A server of this binary as `stack`, set alike; `more` are further arguments of `pushbench serve`.
pub(crate) fn server(stack: &str, transport: &str, more: &[String]) -> Server {
    // Nothing lies between the plain socket and its server that could be set.
    let tuning = match transport {
        "tcp" => Tuning::Fixed,
        _ => Tuning::Equalised,
    };
    let mut command = ["{pushbench}", "serve", "--transport", "{transport}"]
        .map(str::to_owned)
        .to_vec();
    command.extend(["--cores", "{cores}"].map(str::to_owned));
    if tuning == Tuning::Equalised {
        command.extend(["--tuning", "{tuning}"].map(str::to_owned));
    }
    command.extend_from_slice(more);
    Server {
        label: ServerLabel {
            transport: transport.to_owned(),
            stack: stack.to_owned(),
            tuning,
        },
        command,
        directory: None,
        publisher: Publisher::Server,
        paths: Paths::default(),
        resumes: true,
        answers: false,
        says: false,
        tls: false,
        compresses: Vec::new(),
        multiplexes: false,
        profile: Profile::Quick,
        one_tuning: false,
        max_connections: None,
        scenarios: Vec::new(),
        about: "Pushbench's own.".into(),
        program: None,
        minimum: None,
        needs: Vec::new(),
        install: String::new(),
    }
}

/// A fan-out of `subscribers` at `rate` messages per second, measured for `seconds` in the quick profile.
pub(crate) fn fan_out(bytes: usize, subscribers: u32, rate: f64, seconds: f64) -> Scenario {
    let always = |value| PerProfile {
        quick: value,
        standard: value,
        thorough: value,
    };
    Scenario {
        name: "self-test".into(),
        models: "Nothing: it is as small as it can be.".into(),
        expected: "What a self-test says.".into(),
        profiles: vec![Profile::Quick],
        transports: Vec::new(),
        margins: Margins::default(),
        payload: Payload {
            bytes,
            kind: PayloadKind::Text,
        },
        workload: Workload::FanOut(FanOut {
            subscribers,
            rate,
            arrivals: Arrivals::Constant,
            warm_up_s: always(0.05),
            measure_s: always(seconds),
            cuts: None,
            slow: None,
            dead: None,
            large: None,
            two_way: false,
            late_ms: None,
        }),
        objective: None,
        server: Setting::default(),
        link: None,
    }
}

/// What runs the trials of a proof.
pub(crate) fn runner<'a>(context: &Context<'a>) -> ProcessRunner<'a> {
    ProcessRunner {
        pushbench: context.pushbench.clone(),
        cores: context.cores.clone(),
        deadlines: Deadlines::default(),
        counters: context.no_counters.is_none(),
        links: None,
        stop: context.stop,
    }
}
