//! `pushbench serve`

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use anyhow::Context as _;
use pushbench_model::injection::Injection;
use pushbench_model::scenario::Compression;
use pushbench_model::tuning::Tuning;
use pushbench_server::{Config, ServeError, Server};
use pushbench_transport::stack::{Overflow, Runtime, Stack};
use pushbench_transport::transport::{self, ServeOptions, Transport};
use rustix::fs::FileType;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::{Exit, Wrong, wrong};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Transport to serve: sse, websocket, long-poll, tcp, ndjson or short-poll
    #[arg(long)]
    transport: String,
    /// Software that speaks it: bare (framing only), reference (hyper, tokio-tungstenite) or axum
    #[arg(long, default_value_t = Stack::Reference)]
    stack: Stack,
    /// How its libraries are set: equalised or defaults [default: equalised, where there is a choice]
    #[arg(long)]
    tuning: Option<Tuning>,
    /// Stack axum: a current-thread runtime per core, or one multi-thread runtime with a thread per core
    #[arg(long, value_name = "RUNTIME", default_value = Runtime::CurrentThread.label())]
    runtime: Runtime,
    /// WebSocket on the stack reference: size of tungstenite's read buffer, which is filled with zeros at every attempt
    /// to read [default: 4096 equalised, 131072 with the defaults]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    ws_read_buffer: Option<u32>,
    /// Address for subscribers; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address for the control endpoint (/healthz, /publish, /schedule)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// Cores to use, one worker each, such as 0,1 [default: one worker, not pinned]
    #[arg(long, default_value = "", hide_default_value = true)]
    cores: super::Cores,
    /// Connections expected. Above the limit of open files the stack bare serves them with several worker threads per
    /// core, each with a file table of its own
    #[arg(long, value_name = "NUMBER")]
    connections: Option<u64>,
    /// Stack bare: messages that may wait for a subscriber [default: as many as are kept]
    #[arg(long, value_name = "MESSAGES", value_parser = clap::value_parser!(u64).range(1..))]
    queue: Option<u64>,
    /// Stack bare: what becomes of a subscriber for which more would wait: disconnect, drop-oldest, or keep, which keeps
    /// everything for it and takes memory without bound [default: disconnect]
    #[arg(long, value_name = "POLICY")]
    overflow: Option<Overflow>,
    /// SSE: leave out the `id:` lines, which let a browser resume by itself
    #[arg(long)]
    sse_no_ids: bool,
    /// SSE: name every event
    #[arg(long, value_name = "NAME")]
    sse_event: Option<String>,
    /// SSE: tell clients to wait this many milliseconds before they reconnect
    #[arg(long, value_name = "MS")]
    sse_retry: Option<u64>,
    /// WebSocket: send every message of a client back to it, as it came
    #[arg(long)]
    echo: bool,
    /// Send SSE comments or WebSocket pings this many seconds apart
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    heartbeat: Option<u32>,
    /// Let go of a peer that has acknowledged nothing of what was sent to it for this many seconds (TCP_USER_TIMEOUT), or on
    /// a WebSocket with heartbeats has said nothing after a ping [default: as the system has it, about 15 minutes]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    dead_after: Option<u32>,
    /// Let a message wait this long for others, and write them together [default: each when it comes]
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        hide_default_value = true
    )]
    flush_window: u32,
    /// Secure subscribers' connections with TLS 1.3 and a certificate made for this process, which GET /certificate on the
    /// control endpoint tells (stacks bare and reference)
    #[arg(long)]
    tls: bool,
    /// Compress what is sent to clients that offer it: each message by itself, which subscribers share (message), or with
    /// what the connection has had before, which takes a compressor for each (stream). WebSocket with permessage-deflate, SSE and
    /// NDJSON with gzip; on the stack bare either, on reference SSE and NDJSON by message
    #[arg(long, value_name = "HOW")]
    compression: Option<Compression>,
    /// SSE and NDJSON: speak HTTP/2 to clients that know it beforehand, in clear text, so that many subscriptions share a
    /// connection (stacks bare and reference)
    #[arg(long)]
    http2: bool,
    /// Long-poll: hold a request at most this many milliseconds
    #[arg(long, value_name = "MS", default_value_t = 25_000)]
    poll_timeout: u64,
    /// For self-tests: do something wrong, so that it can be seen to be measured; may be given several times. Delays of
    /// every message: schedule=5ms (before its stamp), publish=5ms (after it). Faults of the n-th: lose=7, duplicate=7,
    /// reorder=7, corrupt=7; of every n-th: lose-every=50. Work per subscriber and message: work=100 rounds. The figures
    /// of such a server are always invalid
    #[arg(long, value_name = "WHAT=VALUE")]
    inject: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    // Handlers first: a request to end that arrives while starting must not be lost.
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("cannot handle signals")?;
    // More connections than the limit are refused one by one, which the load generator reports.
    let (files, _) = pushbench_sys::process::raise_nofile();
    let transport =
        transport::by_name(&options.transport).map_err(|error| Wrong(error.to_string()))?;
    let injection = injection(&options.inject)?;
    let injected = if injection.is_none() { "" } else { " INJECTED" };
    stack_of(transport, options.stack)?;
    let tuning = tuning_of(transport, options.stack, options.tuning)?;
    read_buffer_of(transport, options)?;
    only_bare(options)?;
    if options.echo && transport.name() != "websocket" {
        wrong!(
            "--echo is for websocket; subscribers of {} send no messages",
            transport.name()
        );
    }
    if options.tls && options.stack == Stack::Axum {
        wrong!("--tls is for the stacks bare and reference; axum is served in clear text here");
    }
    let tls = if options.tls {
        Some(pushbench_server::self_made()?)
    } else {
        None
    };
    let shards = shards(options, files)?;
    let server = Server::start(Config {
        transport,
        listen: options.listen,
        control: options.control,
        cores: options.cores.0.clone(),
        shards,
        options: ServeOptions {
            stack: options.stack,
            runtime: options.runtime,
            tuning,
            ws_read_buffer: options.ws_read_buffer.map(|bytes| bytes as usize),
            sse_ids: !options.sse_no_ids,
            sse_event: options.sse_event.clone(),
            sse_retry_ms: options.sse_retry,
            echo: options.echo,
            flush_window_ms: options.flush_window,
            tls,
            compression: options.compression,
            http2: options.http2,
            heartbeat_s: options.heartbeat,
            dead_after_s: options.dead_after,
            poll_timeout_ms: options.poll_timeout,
            queue: options.queue.map_or(usize::MAX, |queue| queue as usize),
            overflow: options.overflow.unwrap_or_default(),
            injection,
            ..ServeOptions::default()
        },
    });
    let server = server.map_err(|error| match error {
        // What is asked for contradicts itself.
        ServeError::Compression { .. } | ServeError::Http2 { .. } => {
            Wrong(error.to_string()).into()
        }
        other => anyhow::Error::from(other),
    })?;
    let (scheme, _) = transport.endpoint();
    let scheme = match scheme {
        clear if !options.tls => clear,
        "tcp" => "tls",
        _ => "https",
    };
    let (data, control) = (server.data_addr(), server.control_addr());
    let mut stdout = std::io::stdout();
    writeln!(stdout, "READY {scheme}://{data} http://{control}{injected}")?;
    stdout.flush()?;

    end_with_a_piped_stdin(signals.handle());
    signals.forever().next();
    drop(server);
    Ok(Exit::Done)
}

fn injection(words: &[String]) -> anyhow::Result<Injection> {
    let mut injection = Injection::default();
    for word in words {
        injection
            .add(word)
            .map_err(|reason| anyhow::anyhow!("--inject {reason}"))?;
    }
    Ok(injection)
}

fn stack_of(transport: &dyn Transport, asked: Stack) -> anyhow::Result<()> {
    let stacks = transport.stacks();
    if !stacks.contains(&asked) {
        let labels: Vec<_> = stacks.iter().map(|stack| stack.label()).collect();
        wrong!(
            "{} is not spoken by the stack {asked}; there is {}",
            transport.name(),
            labels.join(", ")
        );
    }
    Ok(())
}

/// What one stack cannot do must not be taken for done.
fn only_bare(options: &Options) -> anyhow::Result<()> {
    let stack = options.stack;
    if stack != Stack::Bare && (options.queue.is_some() || options.overflow.is_some()) {
        wrong!(
            "--queue and --overflow are of the stack bare; {stack} keeps what the hub keeps, and disconnects who falls \
             behind that"
        );
    }
    if options.overflow == Some(Overflow::Keep) && options.queue.is_some() {
        wrong!(
            "--queue bounds what waits, and --overflow keep bounds nothing; leave one of them out"
        );
    }
    Ok(())
}

/// Open files that a worker needs beside its connections, and some to spare.
const OTHER_FILES: u64 = 64;

/// Worker threads per core, so that all connections expected fit into their file tables of `files` each.
fn shards(options: &Options, files: u64) -> anyhow::Result<usize> {
    let room = files.saturating_sub(OTHER_FILES).max(1);
    let Some(connections) = options.connections.filter(|&wanted| wanted > room) else {
        return Ok(1);
    };
    if options.stack != Stack::Bare {
        wrong!(
            "the stack {} has one file table of {files} files, too few for {connections} connections; use --stack bare, \
             several servers, or a higher limit (see `pushbench doctor`)",
            options.stack
        );
    }
    let threads = connections.div_ceil(room);
    let cores = options.cores.0.len().max(1) as u64;
    // One per core would share the table of the process.
    Ok(threads.div_ceil(cores).max(2) as usize)
}

fn tuning_of(
    transport: &dyn Transport,
    stack: Stack,
    asked: Option<Tuning>,
) -> anyhow::Result<Tuning> {
    let tunings = match stack {
        Stack::Bare => &[Tuning::Fixed],
        Stack::Reference => transport.tunings(),
        Stack::Axum => &[Tuning::Defaults],
    };
    let tuning = asked.unwrap_or(tunings[0]);
    if !tunings.contains(&tuning) {
        let labels: Vec<_> = tunings.iter().map(|tuning| tuning.label()).collect();
        wrong!(
            "{} on the stack {stack} has no tuning {tuning}; it has {}",
            transport.name(),
            labels.join(" and ")
        );
    }
    Ok(tuning)
}

/// What would have no effect is refused: a figure must not seem to come from it.
fn read_buffer_of(transport: &dyn Transport, options: &Options) -> anyhow::Result<()> {
    let has_one = transport.name() == "websocket" && options.stack == Stack::Reference;
    if options.ws_read_buffer.is_some() && !has_one {
        wrong!(
            "--ws-read-buffer is for websocket on the stack reference, not for {} on {}",
            transport.name(),
            options.stack
        );
    }
    Ok(())
}

/// A harness that starts a server holds the other end of its standard input: when that closes, nobody needs the server
/// any more. A terminal or a file says nothing of that kind.
fn end_with_a_piped_stdin(signals: signal_hook::iterator::Handle) {
    let is_pipe = rustix::fs::fstat(std::io::stdin())
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
    if is_pipe {
        std::thread::spawn(move || {
            let mut rest = Vec::new();
            // An error means that the other end is gone too.
            let _ = std::io::stdin().read_to_end(&mut rest);
            signals.close();
        });
    }
}
