//! The options of `pushbench load`. Those that wrk, hey, oha and curl have are called as there.

use std::path::PathBuf;
use std::time::Duration;

use pushbench_report::drive::{COLUMNS, DriveThreshold};
use pushbench_transport::transport::Transport;

use super::outputs::Output;
use super::words::{self, Policy, Style, TimeUnit};
use crate::command::Cores;

fn more() -> String {
    format!(
        "\
Examples:
  pushbench load sse https://example.org/events -c 1000 -z 30s
  pushbench load sse http://127.0.0.1:8000/chat -c 20 -n 10000 --json '{{\"stream\":true}}'
  pushbench load ws wss://127.0.0.1:8443/feed -k --sequence /id --time /ts
  pushbench load sse http://127.0.0.1/sub --publish http://127.0.0.1/pub --rate 100 -c 500
  pushbench load poll http://127.0.0.1:8080/poll --contract --fail-if 'service.p99>5ms'

Latency:
  Messages of others carry no time that pushbench could guess. --time names a stamp in them,
  --contract says that they are those of docs/PROTOCOL.md, --publish makes them here, on one clock.
  Without any of these there are counts, rates, gaps and times of connecting, and no latency.

Thresholds, for --fail-if: FIGURE>LIMIT or FIGURE<LIMIT is a failure
  times   latency, response, service, gap, connect, first-byte, first-message, lateness,
          with .p50, .p90, .p99, .p99.9, .mean or .max: response.p99>5ms, gap.max>1s
  counts  messages, lost, missing, duplicated, reordered, unreadable, faults, published.failed,
          connections.subscribed, .failed, .ended, .reconnects, .most, .at-end: lost>0
  rates   messages/s<1000, bytes/s<2MB

Outputs, for --output:
  text    a page for a terminal
  json    everything, as `pushbench schema load` describes it
  csv     {COLUMNS}: a row per second; figures of the whole are in the JSON
  html    one page with charts that needs nothing else
  Secrets (values of headers but for harmless ones, credentials and tokens in URLs) are in none.

Exit codes:
  0    done
  1    nothing could be driven; the last line on standard error says why
  2    wrong arguments
  3    done, but connections failed, a server broke a rule of its protocol, or messages were
       lost, doubled or unreadable
  4    a threshold of --fail-if is exceeded
  5    it cannot be told whether a threshold is exceeded: too few samples
  130  interrupted; what was measured is reported
Of several, 130 goes before 4, 4 before 3 and 3 before 5."
    )
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = more())]
pub(crate) struct Options {
    /// Transport of the endpoint: sse, ws (websocket), poll (long-poll) or tcp
    #[arg(value_parser = words::transport)]
    pub(super) transport: Spoken,
    /// Where it is: http, https, ws, wss or tcp, with its path
    pub(super) url: String,

    /// Connections held at the same time
    #[arg(short, long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) connections: u32,
    /// How long to drive, such as 30s, 5m or 1h30m [default: 10s, or until -n is reached]
    #[arg(short = 'z', long, value_name = "TIME", value_parser = words::some_time)]
    pub(super) duration: Option<Duration>,
    /// Messages after which to end, of all connections together
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) messages: Option<u64>,
    /// Time over which the first attempts are spread
    #[arg(long, value_name = "TIME", value_parser = words::time, default_value = "0s", hide_default_value = true)]
    pub(super) ramp: Duration,
    /// What follows the end of a subscription or a failed attempt: never, eventsource (a browser's
    /// rules), fixed:2s or exponential:100ms..30s [default: eventsource for sse by GET, else never]
    #[arg(long, value_name = "POLICY")]
    pub(super) reconnect: Option<Policy>,
    /// How long an attempt may take until it is a subscription
    #[arg(long, value_name = "TIME", value_parser = words::some_time, default_value = "10s")]
    pub(super) connect_timeout: Duration,
    /// Cores to use, one worker each, such as 0,1 [default: one worker, not pinned]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) cores: Cores,
    /// Seed of payloads, jitter and masks
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// Header to send, 'Name: value'; repeatable
    #[arg(
        short = 'H',
        long = "header",
        value_name = "HEADER",
        help_heading = "Request"
    )]
    pub(super) headers: Vec<String>,
    /// Method [default: GET, or POST with a body]
    #[arg(short = 'X', long, value_name = "METHOD", help_heading = "Request")]
    pub(super) method: Option<String>,
    /// Body to send: text, @FILE, or @- for standard input; as curl, typed as a form unless a
    /// header says otherwise
    #[arg(short = 'd', long, value_name = "DATA", help_heading = "Request")]
    pub(super) data: Option<String>,
    /// The same, typed as JSON
    #[arg(
        long,
        value_name = "DATA",
        conflicts_with = "data",
        help_heading = "Request"
    )]
    pub(super) json: Option<String>,
    /// WebSocket: subprotocol to offer; repeatable
    #[arg(long = "subprotocol", value_name = "NAME", help_heading = "Request")]
    pub(super) subprotocols: Vec<String>,
    /// SSE: id of the last event received, sent with the first attempt
    #[arg(long, value_name = "ID", help_heading = "Request")]
    pub(super) last_event_id: Option<String>,
    /// Long-polling: how a poll says what it has [default: contract with --contract, else conditional]
    #[arg(long, value_name = "STYLE", value_enum, help_heading = "Request")]
    pub(super) poll_style: Option<Style>,
    /// Redirects that an attempt follows
    #[arg(
        short = 'L',
        long,
        value_name = "N",
        default_value_t = 10,
        help_heading = "Request"
    )]
    pub(super) max_redirects: u32,

    /// PEM file of authorities, or of a server's own certificate, to trust instead of the system's
    /// (SSL_CERT_FILE and SSL_CERT_DIR name others; a system without a store trusts those that
    /// browsers do)
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(super) cacert: Option<PathBuf>,
    /// Check no certificate
    #[arg(short = 'k', long, conflicts_with = "cacert", help_heading = "TLS")]
    pub(super) insecure: bool,
    /// PEM file of a certificate of our own
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub(super) cert: Option<PathBuf>,
    /// PEM file of its key [default: the file of --cert]
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    pub(super) key: Option<PathBuf>,
    /// Name that the certificate must be for [default: the host of the URL]
    #[arg(long, value_name = "NAME", help_heading = "TLS")]
    pub(super) server_name: Option<String>,

    /// Messages are those of docs/PROTOCOL.md: numbered, stamped and checked
    #[arg(long, conflicts_with_all = ["sequence", "time"], help_heading = "Messages")]
    pub(super) contract: bool,
    /// JSON pointer to a number that grows by one, such as /id: loss is seen
    #[arg(long, value_name = "POINTER", value_parser = words::pointer, help_heading = "Messages")]
    pub(super) sequence: Option<String>,
    /// JSON pointer to the time a message was sent at, such as /ts: latency is measured
    #[arg(long, value_name = "POINTER", value_parser = words::pointer, help_heading = "Messages")]
    pub(super) time: Option<String>,
    /// Unit of that time [default: ms, or ns with --clock monotonic]
    #[arg(
        long,
        value_name = "UNIT",
        value_enum,
        requires = "time",
        help_heading = "Messages"
    )]
    pub(super) time_unit: Option<TimeUnit>,
    /// Clock of that time
    #[arg(long, value_enum, requires = "time", default_value_t = Clock::Unix, help_heading = "Messages")]
    pub(super) clock: Clock,

    /// Post messages here and see them arrive; implies --contract
    #[arg(long, value_name = "URL", conflicts_with_all = ["sequence", "time"], help_heading = "Publisher")]
    pub(super) publish: Option<String>,
    /// Messages per second to post
    #[arg(
        long,
        value_name = "N",
        requires = "publish",
        default_value_t = 10.0,
        help_heading = "Publisher"
    )]
    pub(super) rate: f64,
    /// How they are spread over time
    #[arg(long, value_enum, requires = "publish", default_value_t = Spread::Poisson, help_heading = "Publisher")]
    pub(super) arrivals: Spread,
    /// Bytes of payload of each
    #[arg(
        long,
        value_name = "N",
        requires = "publish",
        default_value_t = 128,
        help_heading = "Publisher"
    )]
    pub(super) payload_bytes: u32,
    /// Header to post with, 'Name: value'; repeatable
    #[arg(
        long = "publish-header",
        value_name = "HEADER",
        requires = "publish",
        help_heading = "Publisher"
    )]
    pub(super) publish_headers: Vec<String>,

    /// How to write the outcome: text, json, csv or html, with =FILE to write it there; repeatable
    /// [default: text]
    #[arg(
        short,
        long = "output",
        value_name = "FORMAT[=FILE]",
        help_heading = "Outcome"
    )]
    pub(super) outputs: Vec<Output>,
    /// File for all histograms, as HdrHistogram's tools read them (V2 interval log)
    #[arg(long, value_name = "FILE", help_heading = "Outcome")]
    pub(super) hdr: Option<PathBuf>,
    /// Threshold beyond which the exit code is 4, such as 'service.p99>5ms'; repeatable
    #[arg(long, value_name = "THRESHOLD", help_heading = "Outcome")]
    pub(super) fail_if: Vec<DriveThreshold>,
    /// No live view in a terminal, but a line every few seconds
    #[arg(long, help_heading = "Outcome")]
    pub(super) no_tui: bool,
    /// Say nothing on standard error while it goes on
    #[arg(short, long, help_heading = "Outcome")]
    pub(super) quiet: bool,
}

/// A transport that has been looked up.
#[derive(Clone, Copy)]
pub(super) struct Spoken(pub(super) &'static dyn Transport);

impl std::fmt::Debug for Spoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Clock {
    /// CLOCK_MONOTONIC of this machine
    Monotonic,
    /// Time of day
    Unix,
}

/// How messages are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Spread {
    /// Evenly
    Constant,
    /// At random, as independent users do
    Poisson,
}
