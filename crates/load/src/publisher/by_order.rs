//! The server publishes by itself: it is given the schedule.

use std::time::{Duration, Instant};

use pushbench_model::control::{PublishOrder, PublishReport};

use super::Publish;
use crate::LoadError;
use crate::client::{Response, request};
use crate::target::Target;

pub(super) struct ByOrder {
    control: Target,
    patience: Duration,
}

const START: &str = "POST /schedule";
const REPORT: &str = "GET /schedule";

impl ByOrder {
    /// `patience` bounds every single request.
    pub(super) fn new(control: Target, patience: Duration) -> Self {
        Self { control, patience }
    }

    fn error(&self, request: &'static str, reason: String) -> LoadError {
        LoadError::Control {
            request,
            address: self.control.address,
            reason,
        }
    }
}

impl Publish for ByOrder {
    fn start(&mut self, order: &PublishOrder) -> Result<(), LoadError> {
        let body = serde_json::to_vec(order).expect("an order always serialises");
        let Response { status, body } = request(&self.control, START, &body, self.patience)?;
        if status != 202 {
            let text = String::from_utf8_lossy(&body).into_owned();
            return Err(self.error(START, format!("status {status}, expected 202 {text}")));
        }
        Ok(())
    }

    fn finish(&mut self, patience: Duration) -> Result<PublishReport, LoadError> {
        let deadline = Instant::now() + patience;
        loop {
            let Response { status, body } = request(&self.control, REPORT, b"", self.patience)?;
            if status != 200 {
                return Err(self.error(REPORT, format!("status {status}, expected 200")));
            }
            let report: PublishReport = serde_json::from_slice(&body)
                .map_err(|error| self.error(REPORT, error.to_string()))?;
            // The deliveries were awaited before: this loop turns only when some of them never came.
            if !report.running {
                return Ok(report);
            }
            if Instant::now() > deadline {
                return Err(self.error(REPORT, format!("still publishing after {patience:?}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
