//! From options to a plan, and what contradicts itself.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use pushbench_load::drive::plan::{
    Asking, Plan, PollStyle, Publishing, Reading, Reconnect, TimeAt, Tls,
};
use pushbench_model::schedule::Arrivals;
use pushbench_report::drive::Need;

use super::options::{Clock, Options, Spread};
use super::words::{TimeUnit, header};
use crate::exit::{Wrong, wrong};

const USUAL: Duration = Duration::from_secs(10);

pub(super) fn plan(options: &Options) -> anyhow::Result<Plan> {
    fitting(options)?;
    let request = asking(options)?;
    let by_get = request.method.is_empty() || request.method == "GET";
    let reconnect = match &options.reconnect {
        Some(policy) => policy.0.clone(),
        // A browser opens its EventSource again. What a POST asks for it asks for once.
        None if options.transport.0.name() == "sse" && by_get => Reconnect::EventSource,
        None => Reconnect::Never,
    };
    Ok(Plan {
        transport: options.transport.0,
        url: options.url.clone(),
        request,
        tls: Tls {
            ca: options.cacert.clone(),
            insecure: options.insecure,
            identity: identity(options),
            server_name: options.server_name.clone(),
        },
        redirects: options.max_redirects,
        connections: options.connections,
        ramp: options.ramp,
        duration: options
            .duration
            .or_else(|| options.messages.is_none().then_some(USUAL)),
        messages: options.messages,
        patience: options.connect_timeout,
        reading: reading(options),
        reconnect,
        publish: publishing(options)?,
        cores: options.cores.0.clone(),
        seed: options.seed,
    })
}

/// Options that the transport has no use for are a mistake, and not ignored.
fn fitting(options: &Options) -> anyhow::Result<()> {
    let transport = options.transport.0.name();
    let all = ["sse", "websocket", "long-poll"];
    let request: [(&str, bool, &[&str]); 8] = [
        ("--header", !options.headers.is_empty(), &all),
        ("--method", options.method.is_some(), &["sse", "long-poll"]),
        ("--data", options.data.is_some(), &["sse", "long-poll"]),
        ("--json", options.json.is_some(), &["sse", "long-poll"]),
        (
            "--subprotocol",
            !options.subprotocols.is_empty(),
            &["websocket"],
        ),
        ("--last-event-id", options.last_event_id.is_some(), &["sse"]),
        ("--poll-style", options.poll_style.is_some(), &["long-poll"]),
        ("--reconnect eventsource", is_eventsource(options), &["sse"]),
    ];
    for (option, given, takes) in request {
        if given && !takes.contains(&transport) {
            wrong!(
                "{option} means nothing to {transport}; it is for {}",
                takes.join(" and ")
            );
        }
    }
    if transport == "tcp" && !options.contract && options.publish.is_none() {
        wrong!("tcp carries frames of docs/PROTOCOL.md and nothing else: add --contract");
    }
    Ok(())
}

fn is_eventsource(options: &Options) -> bool {
    let policy = options.reconnect.as_ref();
    policy.is_some_and(|policy| policy.0 == Reconnect::EventSource)
}

fn asking(options: &Options) -> anyhow::Result<Asking> {
    let mut headers = headers(&options.headers, "--header")?;
    let (body, kind) = match (&options.data, &options.json) {
        (Some(data), _) => (Some(body(data)?), "application/x-www-form-urlencoded"),
        (None, Some(json)) => (Some(body(json)?), "application/json"),
        (None, None) => (None, ""),
    };
    let named = |name: &str| {
        headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    if body.is_some() && !named("content-type") {
        headers.push(("Content-Type".into(), kind.into()));
    }
    let method = match &options.method {
        Some(method) => {
            if http::Method::from_bytes(method.as_bytes()).is_err() {
                wrong!("{method:?} is no method; write it as GET or POST");
            }
            method.clone()
        }
        None if body.is_some() => "POST".into(),
        None => String::new(),
    };
    Ok(Asking {
        method,
        headers,
        body: body.unwrap_or_default(),
        subprotocols: options.subprotocols.clone(),
        last_event_id: options.last_event_id.clone(),
        poll: match options.poll_style {
            Some(style) => style.into(),
            None if options.contract || options.transport.0.name() != "long-poll" => {
                PollStyle::Contract
            }
            None => PollStyle::Conditional,
        },
    })
}

fn headers(texts: &[String], option: &str) -> anyhow::Result<Vec<(String, String)>> {
    let parse =
        |text: &String| header(text).map_err(|error| Wrong(format!("{option}: {error}")).into());
    texts.iter().map(parse).collect()
}

/// `@FILE` and `@-` as curl reads them; anything else is the body itself.
fn body(text: &str) -> anyhow::Result<Vec<u8>> {
    match text.strip_prefix('@') {
        None => Ok(text.as_bytes().to_owned()),
        Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read the body from standard input")?;
            Ok(bytes)
        }
        Some(path) => match std::fs::read(path) {
            Ok(bytes) => Ok(bytes),
            Err(error) => wrong!("cannot read the body from {path}: {error}"),
        },
    }
}

fn identity(options: &Options) -> Option<(PathBuf, PathBuf)> {
    let cert = options.cert.clone()?;
    let key = options.key.clone().unwrap_or_else(|| cert.clone());
    Some((cert, key))
}

fn reading(options: &Options) -> Reading {
    if options.contract || options.publish.is_some() {
        return Reading::Contract;
    }
    if options.sequence.is_none() && options.time.is_none() {
        return Reading::Opaque;
    }
    let unix = options.clock == Clock::Unix;
    let usual = if unix { TimeUnit::Ms } else { TimeUnit::Ns };
    Reading::Pointers {
        sequence: options.sequence.clone(),
        time: options.time.clone().map(|pointer| TimeAt {
            pointer,
            unit_ns: options.time_unit.unwrap_or(usual).ns(),
            unix,
        }),
    }
}

fn publishing(options: &Options) -> anyhow::Result<Option<Publishing>> {
    let Some(url) = &options.publish else {
        return Ok(None);
    };
    if !options.rate.is_finite() || options.rate <= 0.0 {
        wrong!(
            "--rate {} is no rate: it takes more than 0 messages per second",
            options.rate
        );
    }
    Ok(Some(Publishing {
        url: url.clone(),
        headers: headers(&options.publish_headers, "--publish-header")?,
        rate: options.rate,
        arrivals: match options.arrivals {
            Spread::Constant => Arrivals::Constant,
            Spread::Poisson => Arrivals::Poisson,
        },
        payload_bytes: options.payload_bytes,
    }))
}

/// A threshold on a figure that this drive cannot have would never fail, or always: it is a mistake.
pub(super) fn check_thresholds(options: &Options, plan: &Plan) -> anyhow::Result<()> {
    let (numbered, stamped) = match &plan.reading {
        Reading::Contract => (true, true),
        Reading::Pointers { sequence, time } => (sequence.is_some(), time.is_some()),
        Reading::Opaque => (false, false),
    };
    for threshold in &options.fail_if {
        let (has, remedy) = match threshold.quantity.need() {
            Need::Nothing => continue,
            Need::Stamp => (
                stamped,
                "it rests on a time stamp in the messages; name it with --time POINTER, say --contract, or publish with \
                 --publish URL",
            ),
            Need::Due => (
                plan.reading == Reading::Contract,
                "it rests on the time that a message was due at, which only messages of docs/PROTOCOL.md say: publish \
                 them with --publish URL, or say --contract if the server does; service.p99 needs no more than --time \
                 POINTER",
            ),
            Need::Sequence => (
                numbered,
                "it rests on a sequence number in the messages; name it with --sequence POINTER, say --contract, or \
                 publish with --publish URL",
            ),
            Need::Reading => (
                numbered || stamped,
                "nothing is read from the messages; --sequence, --time or --contract say what to read",
            ),
            Need::Publisher => (
                plan.publish.is_some(),
                "it rests on messages that pushbench publishes itself; add --publish URL",
            ),
        };
        if !has {
            wrong!("--fail-if {threshold}: {remedy}");
        }
    }
    Ok(())
}
