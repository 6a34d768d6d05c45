//! Cold connections.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Setting, Source, Tls};
use crate::profile::{PerProfile, Profile};
use crate::schedule::{Arrivals, Schedule};

/// The longest that connections of one phase may take to arrive, seconds.
const LONGEST_S: f64 = 86_400.0;
/// The most connections that may stay at the same time.
const MOST_STAYING: f64 = 50_000.0;

/// Parameters of the connect workload.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Connect {
    /// Connections opened in the measured phase.
    pub connections: PerProfile<u32>,
    /// Connections opened before measuring.
    pub warm_up: PerProfile<u32>,
    /// What a connection waits for before it is opened.
    #[serde(flatten)]
    pub pace: Pace,
}

/// What a connection waits for before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// One before it to be over: so many are being set up at any time (closed loop).
    InFlight(u32),
    /// Its time, whatever becomes of those before it (open loop).
    Arriving(Arriving),
}

/// Connections that come by a schedule, and leave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arriving {
    /// Mean connections per second.
    pub rate: f64,
    /// Shape of the arrival process.
    pub arrivals: Arrivals,
    /// Seconds that each stays after its first message; with 0 it is closed at that message.
    pub stay_s: f64,
}

impl Connect {
    /// The open loop, if it is one.
    #[must_use]
    pub fn arriving(&self) -> Option<Arriving> {
        match self.pace {
            Pace::InFlight(_) => None,
            Pace::Arriving(arriving) => Some(arriving),
        }
    }

    /// Seconds that a connection stays after its first message.
    #[must_use]
    pub fn stay_s(&self) -> f64 {
        self.arriving().map_or(0.0, |arriving| arriving.stay_s)
    }

    /// Connections that are open at the same time when nothing goes wrong.
    #[must_use]
    pub fn at_once(&self) -> u32 {
        match self.pace {
            Pace::InFlight(in_flight) => in_flight,
            Pace::Arriving(arriving) => (arriving.staying().ceil() as u32).max(1),
        }
    }

    /// Connections that are open at the same time at most: those of an open loop pile up on a server that stands still, and one
    /// that leaves more than this open does not keep up.
    #[must_use]
    pub fn most_open(&self) -> u32 {
        match self.pace {
            Pace::InFlight(in_flight) => in_flight,
            Pace::Arriving(arriving) => {
                let phases = [self.connections, self.warm_up];
                let ever = phases.map(|phase| Profile::ALL.map(|profile| phase.at(profile)));
                let ever = ever.as_flattened().iter().copied().max().unwrap_or(0);
                arriving.most_open().min(ever.max(1))
            }
        }
    }
}

impl Arriving {
    /// Connections of so many seconds may pile up on a server that stands still, beside those that stay; more end a trial.
    pub const BEHIND_S: f64 = 5.0;

    /// When connections are due, drawn by `seed`.
    #[must_use]
    pub fn schedule(&self, seed: u64) -> Schedule {
        Schedule {
            arrivals: self.arrivals,
            rate: self.rate,
            seed,
        }
    }

    /// Seconds until the last of `connections` is due, at the latest: the sum of n exponential gaps has mean n/rate and standard deviation
    /// sqrt(n)/rate, and eight of these are allowed.
    #[must_use]
    pub fn longest_s(&self, connections: u32) -> f64 {
        let n = f64::from(connections);
        let gaps = match self.arrivals {
            Arrivals::Constant => n,
            Arrivals::Poisson => n + 8.0 * n.sqrt(),
        };
        gaps / self.rate
    }

    /// Mean number of those that stay (Little's law).
    fn staying(&self) -> f64 {
        self.rate * self.stay_s
    }

    /// As [`Connect::most_open`], of a scenario without end. Numbers of those that stay vary with their square root, and eight of these are
    /// allowed.
    fn most_open(&self) -> u32 {
        let mean = self.staying() + self.rate * Self::BEHIND_S;
        (mean + 8.0 * mean.sqrt() + 8.0).ceil() as u32
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawConnect {
    connections: Spanned<PerProfile<u32>>,
    warm_up: Spanned<PerProfile<u32>>,
    in_flight: Option<Spanned<u32>>,
    rate: Option<Spanned<f64>>,
    arrivals: Option<Spanned<Arrivals>>,
    stay_s: Option<Spanned<f64>>,
}

impl RawConnect {
    pub(super) fn validate(self, source: &Source<'_>) -> Result<Connect, ScenarioError> {
        source.each_in_range(&self.connections, 1..=10_000_000, "connections")?;
        source.each_in_range(&self.warm_up, 0..=10_000_000, "connections")?;
        Ok(Connect {
            pace: self.pace(source)?,
            connections: self.connections.into_inner(),
            warm_up: self.warm_up.into_inner(),
        })
    }

    fn pace(&self, source: &Source<'_>) -> Result<Pace, ScenarioError> {
        match (&self.in_flight, &self.rate) {
            (Some(in_flight), None) => {
                source.in_range(in_flight, 1..=10_000, "connections")?;
                if let Some(span) = self.span_of_an_open_loop() {
                    let wanted = "with in-flight a connection comes when one before it is over, and none stays: arrivals and stay-s belong to rate";
                    return Err(source.error(span, wanted));
                }
                Ok(Pace::InFlight(*in_flight.get_ref()))
            }
            (None, Some(rate)) => self.arriving(rate, source).map(Pace::Arriving),
            (Some(_), Some(rate)) => {
                let wanted = "connections come in-flight at a time (a closed loop) or at a rate (an open one), not both: leave one of them out";
                Err(source.error(rate.span(), wanted))
            }
            (None, None) => {
                let wanted = "a table [connect] says how connections come: in-flight = N, each when one before it is over (a closed loop), or \
                              rate = N with arrivals, whatever becomes of those before (an open one)";
                Err(source.error(self.connections.span(), wanted))
            }
        }
    }

    /// Where something stands that only an open loop has, beside its rate.
    fn span_of_an_open_loop(&self) -> Option<Range<usize>> {
        let arrivals = self.arrivals.as_ref().map(Spanned::span);
        arrivals.or_else(|| self.stay_s.as_ref().map(Spanned::span))
    }

    fn arriving(
        &self,
        rate: &Spanned<f64>,
        source: &Source<'_>,
    ) -> Result<Arriving, ScenarioError> {
        source.in_range(rate, 0.001..=20_000.0, "connections per second")?;
        let Some(arrivals) = &self.arrivals else {
            let wanted = "a rate of connections needs arrivals = \"constant\" or \"poisson\"";
            return Err(source.error(rate.span(), wanted));
        };
        if let Some(stay) = &self.stay_s {
            source.in_range(stay, 0.0..=3600.0, "seconds")?;
        }
        let arriving = Arriving {
            rate: *rate.get_ref(),
            arrivals: *arrivals.get_ref(),
            stay_s: self.stay_s.as_ref().map_or(0.0, |stay| *stay.get_ref()),
        };
        if let Some(stay) = &self.stay_s
            && arriving.staying() > MOST_STAYING
        {
            let wanted = format!(
                "{} connections a second that stay for {} s are {:.0} at a time: {MOST_STAYING} at most",
                arriving.rate,
                arriving.stay_s,
                arriving.staying()
            );
            return Err(source.error(stay.span(), &wanted));
        }
        for phase in [&self.connections, &self.warm_up] {
            for profile in Profile::ALL {
                let connections = phase.get_ref().at(profile);
                let seconds = f64::from(connections) / arriving.rate;
                if seconds > LONGEST_S {
                    let wanted = format!(
                        "{connections} connections take {seconds:.0} s to come at {} a second: {LONGEST_S} s at most",
                        arriving.rate
                    );
                    return Err(source.error(phase.span(), &wanted));
                }
            }
        }
        Ok(arriving)
    }
}

/// Refuses what `setting` wants of connections that come by a schedule and they cannot have.
pub(super) fn check_setting(
    connect: &Connect,
    setting: &Setting,
    span: Range<usize>,
    source: &Source<'_>,
) -> Result<(), ScenarioError> {
    if connect.arriving().is_some() && setting.tls == Some(Tls::Resumed) {
        let wanted = "tls = \"resumed\" needs a ticket for each connection that is set up at the same time, and with a rate nobody knows \
                      how many these are: \"full\", or in-flight";
        return Err(source.error(span, wanted));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
