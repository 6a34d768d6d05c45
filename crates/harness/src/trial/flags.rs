//! What a reader should know of a trial whose figures may be used: whether response times had settled, and what else
//! went on on the machine. None of this makes a trial invalid: it is a matter of degree, and a run on a machine that is
//! never quiet should say so instead of saying nothing.

use pushbench_model::measurement::{Measurement, Window, histogram_name};
use pushbench_model::record::{Flag, Steadiness};
use pushbench_stats::{Settled, settled};

/// Share of all processor time that the hypervisor may take, and that strangers may use (method rule 35).
const UNNOTICED: f64 = 0.02;
/// Share of the time in which some task may wait for a core. The trial itself causes a good part of it: on two cores a
/// publisher that spins and a worker share one, and every wake-up counts. More than this needs somebody else.
const EXPECTED_PRESSURE: f64 = 0.5;
/// Lateness of the publisher, and lag of the load process, that deserve a mention: as parts of the response time.
const LATE: f64 = 0.1;
const LAGGING: f64 = 0.25;
/// And the lag must be this long, nanoseconds.
const LEAST_LAG_NS: f64 = 3e6;
/// A window with less than this part of what is usual lies at the edge of a phase, and its median says little.
const FULL_ENOUGH: f64 = 0.25;

/// What was seen of the machine while a trial ran; absent where the system does not tell. Shares, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Machine {
    pub(super) steal: Option<f64>,
    pub(super) others_cpu: Option<f64>,
    pub(super) cpu_pressure: Option<f64>,
}

/// Everything that deserves a mention.
pub(super) fn flags(
    machine: &Machine,
    steadiness: Option<Steadiness>,
    measurement: Option<&Measurement>,
) -> Vec<Flag> {
    let above = |share: Option<f64>, limit: f64| share.filter(|&share| share > limit);
    let mut flags = Vec::new();
    flags.extend(above(machine.steal, UNNOTICED).map(|share| Flag::Steal { share }));
    flags.extend(above(machine.others_cpu, UNNOTICED).map(|share| Flag::OthersCpu { share }));
    flags.extend(
        above(machine.cpu_pressure, EXPECTED_PRESSURE).map(|share| Flag::Pressure { share }),
    );
    match steadiness {
        Some(Steadiness::From { seconds }) if seconds > 0.0 => {
            flags.push(Flag::WarmUpTooShort { seconds });
        }
        Some(Steadiness::Never) => flags.push(Flag::NeverSteady),
        Some(Steadiness::From { .. } | Steadiness::Unknown) | None => {}
    }
    flags.extend(measurement.into_iter().flat_map(generator));
    flags
}

/// How far the load generator may be in the figures: less than what makes a trial invalid, and more than nothing.
fn generator(measurement: &Measurement) -> Vec<Flag> {
    let at = |name: &str, q: f64, needed: u64| {
        let histogram = measurement.histograms.get(name)?.decode().ok()?;
        (histogram.len() >= needed).then(|| histogram.value_at_quantile(q) as f64)
    };
    // Of connections it is the time to the first message.
    let response = at(histogram_name::RESPONSE, 0.99, 100)
        .or_else(|| at(histogram_name::FIRST_MESSAGE, 0.99, 100));
    let Some(response) = response.filter(|&ns| ns > 0.0) else {
        return Vec::new();
    };
    let late = at(histogram_name::LATENESS, 0.99, 100).map(|ns| ns / response);
    // A loop looks at its timers every millisecond: less than a few of these is nothing that it tells.
    let lag = at(histogram_name::LOOP_LAG, 0.9, 20).filter(|&ns| ns > LEAST_LAG_NS);
    let lag = lag.map(|ns| ns / response);
    let mut flags = Vec::new();
    flags.extend(
        late.filter(|&share| share > LATE)
            .map(|share| Flag::LatePublisher { share }),
    );
    flags.extend(
        lag.filter(|&share| share > LAGGING)
            .map(|share| Flag::LaggingClient { share }),
    );
    flags
}

/// Whether the medians of response time had settled when measuring began; `None` for a workload without windows.
pub(super) fn steadiness(windows: &[Window]) -> Option<Steadiness> {
    if windows.is_empty() {
        return None;
    }
    let mut counts: Vec<u64> = windows.iter().map(|window| window.n).collect();
    counts.sort_unstable();
    let least = counts[counts.len() / 2] as f64 * FULL_ENOUGH;
    let full: Vec<_> = windows.iter().filter(|w| w.n as f64 >= least).collect();
    let medians: Vec<f64> = full.iter().map(|window| window.p50_ns as f64).collect();
    Some(match settled(&medians) {
        Settled::TooFew => Steadiness::Unknown,
        Settled::Never => Steadiness::Never,
        Settled::From(cut) => Steadiness::From {
            seconds: from(&full, cut),
        },
    })
}

/// The start of the window `cut`, seconds after the start of the measured phase. The first window of that phase begins
/// anywhere within its own length of the first message, and counts as its start.
fn from(windows: &[&Window], cut: usize) -> f64 {
    let start = windows[cut].start_ns;
    let before = cut.checked_sub(1).map(|before| windows[before].start_ns);
    match before {
        // Everything that was measured has settled.
        None => start.min(0) as f64 / 1e9,
        Some(before) if before < 0 => start.min(0) as f64 / 1e9,
        Some(_) => start as f64 / 1e9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH_NS: i64 = 50_000_000;

    /// Windows of which the first `warm_up` lie before the measured phase.
    fn windows(warm_up: i64, medians: impl IntoIterator<Item = u64>) -> Vec<Window> {
        let window = |(index, p50_ns): (i64, u64)| Window {
            start_ns: (index - warm_up) * WIDTH_NS + 7_000_000,
            n: 100,
            mean_ns: p50_ns as f64,
            p50_ns,
            max_ns: p50_ns * 2,
        };
        (0..).zip(medians).map(window).collect()
    }

    /// Falls for `ramp` windows, then stays.
    fn ramp(ramp: u64, all: u64) -> impl Iterator<Item = u64> {
        (0..all).map(move |i| 200_000 + ramp.saturating_sub(i) * 100_000 + i % 3 * 1000)
    }

    #[test]
    fn a_warm_up_that_was_long_enough_is_not_mentioned() {
        let steady = steadiness(&windows(12, ramp(8, 40)));
        let Some(Steadiness::From { seconds }) = steady else {
            panic!("{steady:?}")
        };
        assert!((-0.3..=0.0).contains(&seconds), "{seconds}");
        assert_eq!(flags(&Machine::default(), steady, None), []);
        // Settled from the first window on, which begins a little after the first message.
        assert_eq!(
            steadiness(&windows(0, ramp(0, 40))),
            Some(Steadiness::From { seconds: 0.0 })
        );
    }

    #[test]
    fn a_warm_up_that_was_too_short_is() {
        let steady = steadiness(&windows(2, ramp(10, 40)));
        let flags = flags(&Machine::default(), steady, None);
        let [Flag::WarmUpTooShort { seconds }] = flags[..] else {
            panic!("{steady:?}")
        };
        assert!((0.3..=0.5).contains(&seconds), "{seconds}");
    }

    #[test]
    fn growth_without_end_is_never_steady() {
        let growing = windows(5, (0..40).map(|i| 200_000 + i * i * 10_000));
        let steady = steadiness(&growing);
        assert_eq!(steady, Some(Steadiness::Never));
        assert_eq!(
            flags(&Machine::default(), steady, None),
            [Flag::NeverSteady]
        );
    }

    #[test]
    fn an_edge_says_nothing() {
        let mut windows = windows(0, ramp(0, 40));
        (windows[20].n, windows[20].p50_ns) = (3, 90_000_000);
        assert_eq!(
            steadiness(&windows),
            Some(Steadiness::From { seconds: 0.0 })
        );
        assert_eq!(steadiness(&windows[..5]), Some(Steadiness::Unknown));
        assert_eq!(steadiness(&[]), None);
    }

    #[test]
    fn a_busy_machine_is_mentioned() {
        let busy = Machine {
            steal: Some(0.03),
            others_cpu: Some(0.5),
            cpu_pressure: Some(0.6),
        };
        assert_eq!(
            flags(&busy, None, None),
            [
                Flag::Steal { share: 0.03 },
                Flag::OthersCpu { share: 0.5 },
                Flag::Pressure { share: 0.6 },
            ]
        );
        let quiet = Machine {
            steal: Some(0.02),
            others_cpu: None,
            cpu_pressure: Some(0.4),
        };
        assert_eq!(flags(&quiet, Some(Steadiness::Unknown), None), []);
    }

    /// Less than what makes a trial invalid is still said.
    #[test]
    fn a_late_publisher_and_a_lagging_client_are_mentioned() {
        let flags_with = |name: &str, value: u64, count: u64| {
            let mut measurement = crate::verify::tests::flawless();
            let mut histogram = pushbench_model::histogram::new();
            histogram.record_n(value, count).unwrap();
            let encoded = pushbench_model::histogram::EncodedHistogram::encode(&histogram);
            measurement.histograms.insert(name.into(), encoded);
            generator(&measurement)
        };
        // The response time of the flawless measurement is 4 ms.
        let late = flags_with(histogram_name::LATENESS, 1_000_000, 200);
        assert!(matches!(late[..], [Flag::LatePublisher { share }] if (share - 0.25).abs() < 0.01));
        assert_eq!(flags_with(histogram_name::LATENESS, 100_000, 200), []);
        let behind = flags_with(histogram_name::LOOP_LAG, 3_500_000, 40);
        assert!(matches!(behind[..], [Flag::LaggingClient { share }] if share > 0.8));
        assert_eq!(flags_with(histogram_name::LOOP_LAG, 2_000_000, 40), []);
    }
}
