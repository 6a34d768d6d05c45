//! How long trials take.

use std::time::Duration;

use pushbench_model::profile::Profile;
use pushbench_model::scenario::{Arriving, Connect, FanOut, Pace, Scenario, Workload};
use pushbench_model::schedule::Arrivals;

/// Starting and stopping the two processes of a trial takes about this long.
const PROCESSES: Duration = Duration::from_millis(400);
/// Round trips from the beginning of a connection to its first message: one to connect, one to ask.
const ROUND_TRIPS: u32 = 2;
/// The most of them: one more request, and as many again for what was lost on the way.
const MOST_ROUND_TRIPS: u32 = 6;

/// Seconds that `scenario` takes when nothing goes wrong, the start of its processes included.
pub(crate) fn estimate(scenario: &Scenario, profile: Profile) -> Duration {
    let seconds = match &scenario.workload {
        Workload::FanOut(fan_out) => {
            let phase = |seconds: f64| fan_out.messages(seconds) as f64 / fan_out.rate;
            // About 10 000 connections open in a second.
            f64::from(fan_out.subscribers) / 10_000.0
                + phase(fan_out.warm_up_s.at(profile))
                + phase(fan_out.measure_s.at(profile))
        }
        Workload::Connect(connect) => {
            let all = f64::from(connections(connect, profile));
            let phases = phases(connect, profile).len() as f64;
            connect.arriving().map_or(all / 5_000.0, |arriving| {
                all / arriving.rate + phases * arriving.stay_s
            })
        }
        Workload::Tokens(tokens) => {
            f64::from(tokens.conversations) / 10_000.0
                + tokens.seconds(tokens.turns.at(profile), tokens.tokens.at(profile))
        }
    };
    PROCESSES + Duration::from_secs_f64(seconds) + longer_way(scenario, profile, ROUND_TRIPS)
}

/// The time after which a trial of `scenario` is given up, without the slack that every trial gets on top.
pub(crate) fn budget(scenario: &Scenario, profile: Profile) -> Duration {
    let seconds = match &scenario.workload {
        Workload::FanOut(fan_out) => {
            connecting(fan_out.subscribers).as_secs_f64()
                + longest(fan_out, fan_out.warm_up_s.at(profile))
                + longest(fan_out, fan_out.measure_s.at(profile))
        }
        Workload::Connect(connect) => match connect.arriving() {
            None => f64::from(connections(connect, profile)) / 100.0,
            Some(arriving) => {
                let phases = phases(connect, profile).into_iter();
                let longest = |n| arriving.longest_s(n) + arriving.stay_s + Arriving::BEHIND_S;
                phases.map(longest).sum()
            }
        },
        Workload::Tokens(tokens) => {
            // Gaps that vary much come to more than their mean.
            connecting(tokens.conversations).as_secs_f64()
                + 3.0 * tokens.seconds(tokens.turns.at(profile), tokens.tokens.at(profile))
        }
    };
    Duration::from_secs_f64(seconds) + longer_way(scenario, profile, MOST_ROUND_TRIPS)
}

/// Time that connections, or turns on them, take for a link, one after the other, at `round_trips` each.
fn longer_way(scenario: &Scenario, profile: Profile, round_trips: u32) -> Duration {
    let Some(link) = &scenario.link else {
        return Duration::ZERO;
    };
    let in_turn = match &scenario.workload {
        Workload::FanOut(_) => 1,
        Workload::Tokens(tokens) => tokens.turns.at(profile),
        Workload::Connect(connect) => match connect.pace {
            Pace::InFlight(in_flight) => connections(connect, profile)
                .div_ceil(in_flight.max(1))
                .max(1),
            // They do not wait for one another.
            Pace::Arriving(_) => phases(connect, profile).len() as u32,
        },
    };
    link.longest_round_trip() * round_trips * in_turn
}

/// Time that subscribers may need to connect: 500 in a second is slow even for a debug build on a busy core. The load
/// process grants each as much, on top of what the slack of a trial covers.
pub(crate) fn connecting(subscribers: u32) -> Duration {
    Duration::from_secs_f64(f64::from(subscribers) / 500.0)
}

/// Seconds until the last of the messages of `seconds` is due. The sum of n exponential gaps has mean n/rate and
/// standard deviation sqrt(n)/rate; eight of these are allowed.
fn longest(fan_out: &FanOut, seconds: f64) -> f64 {
    let n = fan_out.messages(seconds) as f64;
    let gaps = match fan_out.arrivals {
        Arrivals::Constant => n,
        Arrivals::Poisson => n + 8.0 * n.sqrt(),
    };
    seconds.max(gaps / fan_out.rate)
}

/// Connections of each phase that has some.
fn phases(connect: &Connect, profile: Profile) -> Vec<u32> {
    let mut phases = vec![connect.warm_up.at(profile), connect.connections.at(profile)];
    phases.retain(|&connections| connections > 0);
    phases
}

fn connections(connect: &Connect, profile: Profile) -> u32 {
    connect
        .warm_up
        .at(profile)
        .saturating_add(connect.connections.at(profile))
}
