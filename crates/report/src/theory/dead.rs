//! How long until somebody notices that the network of its peer has gone.

use pushbench_model::measurement::DeadCount;
use pushbench_model::scenario::{Dead, FanOut, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_model::theory::dead::{
    RTO_MIN_S, given_up_by_client, given_up_by_tcp, let_go_by_pings, next_write,
    spread_of_next_write,
};

use super::held::{ERRORS, Tolerance};
use super::{Case, Held};
use crate::number::{THIN, Unit, short};

/// A time may be off by this beside the looks and chance, seconds: half of the time to a retransmission, where a kernel sends
/// no probe before it.
const OFF_S: f64 = RTO_MIN_S / 2.0 + 0.05;

/// What is known of those that died under one server.
struct Died<'a> {
    case: &'a Case<'a>,
    fan_out: &'a FanOut,
    dead: Dead,
    /// Over all valid trials; `look_s` is the longest of them.
    count: DeadCount,
    heartbeat: Option<f64>,
    dead_after: f64,
    round_trip: f64,
    /// From the first message to the last of the shortest trial, seconds.
    lasted: f64,
}

impl<'a> Died<'a> {
    fn of(case: &'a Case<'a>) -> Option<Self> {
        let Workload::FanOut(fan_out) = &case.group.scenario.workload else {
            return None;
        };
        // Gaps at random have no longest.
        let dead = fan_out
            .dead
            .filter(|_| fan_out.arrivals == Arrivals::Constant)?;
        let (mut count, mut lasted) = (DeadCount::default(), f64::INFINITY);
        for trial in &case.arm.valid {
            let measured = trial.trial.measurement.as_ref()?;
            let one = measured.dead?;
            lasted = lasted.min(measured.elapsed_ns as f64 / 1e9);
            count.dead += one.dead;
            count.noticed += one.noticed;
            count.noticed_after_s += one.noticed_after_s;
            count.given_up += one.given_up;
            count.given_up_after_s += one.given_up_after_s;
            count.look_s = count.look_s.max(one.look_s);
        }
        let setting = &case.group.scenario.server;
        let transport = case.arm.server.transport.as_str();
        let beats = setting.heartbeat_s > 0 && ["sse", "websocket", "ndjson"].contains(&transport);
        Some(Self {
            case,
            fan_out,
            dead,
            count,
            heartbeat: beats.then(|| f64::from(setting.heartbeat_s)),
            dead_after: f64::from(setting.dead_after_s),
            round_trip: case.link().map_or(0.0, |link| link.rtt_us as f64 / 1e6),
            lasted,
        })
    }

    fn transport(&self) -> &str {
        &self.case.arm.server.transport
    }

    /// Mean time until the server has noticed, its formula, and where that is from.
    fn server(&self) -> (f64, &'static str, &'static str) {
        let FanOut { rate, arrivals, .. } = *self.fan_out;
        if let (Some(every), "websocket") = (self.heartbeat, self.transport()) {
            let after = every / 2.0 + let_go_by_pings(self.dead_after, every);
            return (
                after,
                "H/2 + ⌈N/H⌉ H",
                "the first ping that is not answered, and N from there",
            );
        }
        let after = next_write(self.heartbeat, rate, arrivals)
            + given_up_by_tcp(self.dead_after, self.round_trip);
        let formula = match self.heartbeat {
            Some(_) => "a/2 − a²/6b + 2 RTO + N",
            None => "1/2λ + 2 RTO + N",
        };
        (
            after,
            formula,
            "the first write that is not acknowledged, and TCP_USER_TIMEOUT from there",
        )
    }

    /// Whether the last could be noticed while somebody looked.
    fn is_watched_to_the_end(&self) -> bool {
        let gap = self
            .heartbeat
            .unwrap_or(f64::INFINITY)
            .min(1.0 / self.fan_out.rate);
        let tcp = given_up_by_tcp(self.dead_after, self.round_trip);
        let longest = self.dead.within_s + gap + tcp + 1.0;
        // The watch lasts as long as the schedule, which the last message ends but for one gap.
        self.lasted + 1.0 / self.fan_out.rate >= longest
    }

    fn row(
        &self,
        what: (&'static str, &'static str, &'static str),
        predicted: f64,
        measured: f64,
        tolerance: Tolerance,
        unit: Unit,
    ) -> Held {
        let (quantity, formula, source) = what;
        Held {
            server: self.case.arm.server.to_string(),
            quantity,
            formula: formula.into(),
            source,
            unit,
            predicted,
            measured,
            tolerance,
        }
    }

    /// A mean time over `n` of them, seconds.
    fn time(
        &self,
        what: (&'static str, &'static str, &'static str),
        predicted: f64,
        sum_s: f64,
        n: u64,
    ) -> Option<Held> {
        if n == 0 {
            return None;
        }
        let FanOut { rate, arrivals, .. } = *self.fan_out;
        let spread = spread_of_next_write(self.heartbeat, rate, arrivals);
        let allowed = OFF_S + self.count.look_s + ERRORS * spread / (n as f64).sqrt();
        let said = format!("{}{THIN}s: retransmissions, looks, chance", short(allowed));
        let tolerance = Tolerance::of(allowed * 1e9, said);
        Some(self.row(
            what,
            predicted * 1e9,
            sum_s / n as f64 * 1e9,
            tolerance,
            Unit::Time,
        ))
    }
}

pub(super) fn held(case: &Case<'_>) -> Vec<Held> {
    let Some(died) = Died::of(case) else {
        return Vec::new();
    };
    let count = died.count;
    // Who asks by the clock is owed nothing when it dies; and axum's own keep-alive comes when a stream has been silent.
    let asks = died.transport() == "short-poll";
    let silent = died.transport() == "sse" && case.arm.server.stack.starts_with("axum");
    let mut rows = Vec::new();
    if died.dead_after == 0.0 {
        let what = (
            "dead ones noticed",
            "none",
            "unacknowledged data is sent again for about 15 minutes (tcp_retries2)",
        );
        rows.push(died.row(
            what,
            0.0,
            count.noticed as f64,
            Tolerance::exact(),
            Unit::Count,
        ));
    } else if !asks && !silent && died.is_watched_to_the_end() {
        let all = (
            "dead ones noticed",
            "all",
            "something is sent to everybody, and waited for",
        );
        let (dead, noticed) = (count.dead as f64, count.noticed as f64);
        rows.push(died.row(all, dead, noticed, Tolerance::exact(), Unit::Count));
        let (predicted, formula, source) = died.server();
        let what = ("mean time until a dead one is noticed", formula, source);
        rows.extend(died.time(what, predicted, count.noticed_after_s, count.noticed));
    }
    if let Some(every) = died.heartbeat.filter(|_| !silent) {
        let FanOut { rate, arrivals, .. } = *died.fan_out;
        let predicted = given_up_by_client(every, rate, arrivals);
        let what = (
            "mean time until a client gives its server up",
            "2.5 H − (a/2 − a²/6b)",
            "two and a half heartbeats from the last sign",
        );
        rows.extend(died.time(what, predicted, count.given_up_after_s, count.given_up));
    }
    rows
}
