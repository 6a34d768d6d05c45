//! What workers need to secure their connections, and what it came to.

use std::time::Duration;

use pushbench_model::measurement::TlsCount;
use pushbench_model::scenario::{Tls, Workload};
use pushbench_transport::tls::{Tally, Trust};

use crate::worker::CONNECTING;
use crate::{Config, LoadError, client};

/// The certificate of the server under test, and how sessions are to begin.
pub(crate) struct Secure {
    certificate: Vec<u8>,
    tls: Tls,
    /// Connections that a worker sets up at once, at most.
    at_once: usize,
    patience: Duration,
}

/// Asks the server for its certificate, if the scenario wants connections secured.
pub(crate) fn ask(config: &Config) -> Result<Option<Secure>, LoadError> {
    let wanted = config.scenario.server.tls;
    if wanted.is_some() != config.target.tls {
        let scheme = &config.target.scheme;
        return Err(LoadError::Tls(match wanted {
            Some(_) => format!(
                "the scenario wants connections secured and the server is at {scheme}://; start it with serve --tls and take the \
                 URL it prints"
            ),
            None => format!(
                "the server is at {scheme}:// and the scenario says nothing of TLS: add tls = \"full\" or \"resumed\" to its [server]"
            ),
        }));
    }
    let Some(tls) = wanted else { return Ok(None) };
    let patience = config.patience.control;
    let answer = client::request(&config.control, "GET /certificate", b"", patience)?;
    if answer.status != 200 {
        return Err(LoadError::Control {
            request: "GET /certificate",
            address: config.control.address,
            reason: format!("status {}", answer.status),
        });
    }
    let at_once = match &config.scenario.workload {
        // No session is resumed of those that come by a schedule.
        Workload::Connect(connect) => u64::from(connect.at_once()),
        workload => u64::from(workload.subscribers()).min(CONNECTING),
    };
    Ok(Some(Secure {
        certificate: answer.body,
        tls,
        at_once: at_once as usize,
        patience: config.patience.connect,
    }))
}

impl Secure {
    /// Whom a worker trusts, with as many tickets as it needs for a start, and how many connections those took.
    pub(crate) fn trust(&self, config: &Config) -> Result<(Trust, u64), LoadError> {
        let failed = |error: pushbench_transport::tls::TlsError| LoadError::Tls(error.to_string());
        let trust = Trust::new(&self.certificate, self.tls == Tls::Resumed).map_err(failed)?;
        let address = config.target.address;
        let primed = trust.gather(address, self.at_once, self.patience);
        Ok((trust, primed.map_err(failed)?))
    }
}

/// How a record says it; `primed` connections were made before all others.
pub(crate) fn count(config: &Config, tally: &Tally, primed: u64) -> Option<TlsCount> {
    config.scenario.server.tls?;
    Some(TlsCount {
        full: tally.full,
        resumed: tally.resumed,
        retried: tally.retried,
        primed,
        handshake_down: tally.handshake_down,
        handshake_up: tally.handshake_up,
        records_down: tally.records_down,
        records_up: tally.records_up,
        suite: tally.suite.unwrap_or_default().to_owned(),
        group: tally.group.unwrap_or_default().to_owned(),
    })
}
