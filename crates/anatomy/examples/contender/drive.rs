//! The loop of `pushbench load` as a measured process.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use pushbench_anatomy::trial::{Shape, Trial};
use pushbench_anatomy::wire::Wire;
use pushbench_load::drive::plan::{Asking, Reading, Reconnect, Tls};
use pushbench_load::drive::{Live, Plan, run};
use pushbench_model::drive::{DriveReport, histogram};
use pushbench_transport::transport::by_name;

/// First argument of the measured process, and the side of the loop.
pub(crate) const ROLE: &str = "drive";

/// The transports that it is measured on, by the name of its figures.
pub(crate) const NAMES: [&str; 4] = ["tcp", "sse", "websocket", "long-poll"];

/// Between two looks at whether all are subscribed.
const LOOK: Duration = Duration::from_millis(20);

/// Starts it on `transport`. `wrap` may put a tool in front of its command.
pub(crate) fn start(
    transport: &str,
    shape: Shape,
    wrap: impl FnOnce(&[String]) -> Command,
) -> io::Result<Trial> {
    let wire = Wire::of(transport).ok_or(io::ErrorKind::InvalidInput)?;
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    Trial::start_client(wire, shape, |address| {
        let words = [
            program,
            ROLE.to_owned(),
            transport.to_owned(),
            address.to_string(),
            shape.connections.to_string(),
        ];
        Ok(wrap(&words))
    })
}

/// Receives messages of the contract, so that sequence and both latencies are kept as with `--publish`.
pub(crate) fn play(transport: &str, address: SocketAddr, connections: u32) -> io::Result<()> {
    let transport = by_name(transport).map_err(io::Error::other)?;
    let (scheme, path) = transport.endpoint();
    let plan = Plan {
        transport,
        url: format!("{scheme}://{address}{path}"),
        request: Asking::default(),
        tls: Tls::default(),
        redirects: 0,
        connections,
        ramp: Duration::ZERO,
        duration: None,
        messages: None,
        patience: Duration::from_secs(60),
        reading: Reading::Contract,
        reconnect: Reconnect::Never,
        publish: None,
        cores: Vec::new(),
        seed: 1,
    };
    let live = Live::default();
    let report = thread::scope(|scope| {
        scope.spawn(|| {
            while live.snapshot().open < connections {
                thread::sleep(LOOK);
            }
            println!("ready {}", std::process::id());
            // A peer that is gone ends the connections, and with them the drive. This thread is there until then.
            let _ = io::stdout().flush();
            let _ = io::stdin().read_to_end(&mut Vec::new());
        });
        run(&plan, &live, &AtomicBool::new(false))
    });
    let report = report.map_err(io::Error::other)?;
    let odd = [
        report.messages.lost,
        report.messages.duplicated,
        report.messages.unreadable,
    ];
    if odd != [0; 3] {
        return Err(io::Error::other(format!("{:?}", report.messages)));
    }
    println!("delivered {} {}", report.messages.received, median(&report));
    Ok(())
}

fn median(report: &DriveReport) -> u64 {
    let response = report.histograms.get(histogram::RESPONSE);
    let response = response.and_then(|response| response.decode().ok());
    response.map_or(0, |response| response.value_at_quantile(0.5))
}
