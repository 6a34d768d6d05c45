//! A link is what it was made to be: sockets see its round trip, its loss and its rate.

use std::process::{Command, Stdio};

use pushbench_link::check::Seen;
use pushbench_model::link::{Direction, Link as Made, LinkBy};

use super::CHANCE;
use crate::trial::{TRIES, Trouble, attempts};
use crate::{About, Context, Finding, Proof, Unproven};

/// What sockets see of a link, in a process of its own.
type Look = fn(&Context<'_>, LinkBy, &Made, Trial) -> Result<Seen, Trouble>;

pub(super) struct Link {
    by: LinkBy,
    look: Look,
}

pub(super) static REAL: Link = Link {
    by: LinkBy::Userspace,
    look,
};
/// The same where the kernel emulates it, if it does.
pub(super) static NETEM: Link = Link {
    by: LinkBy::Netem,
    look,
};

/// What is tried on one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    Pings(u32),
    Datagrams(u32),
    StreamMs(u32),
}

const DELAYED: Made = Made {
    rtt_us: 20_000,
    ..NOTHING
};
const LOSSY: Made = Made {
    rtt_us: 2_000,
    loss_ppm: 10_000,
    ..NOTHING
};
const NARROW: Made = Made {
    rtt_us: 20_000,
    rate_bps: Some(20_000_000),
    ..NOTHING
};
const NOTHING: Made = Made {
    rtt_us: 0,
    jitter_us: 0,
    loss_ppm: 0,
    reorder_ppm: 0,
    rate_bps: None,
    up_bps: None,
    queue_bytes: None,
    congestion: None,
};

/// How far the round trip that a link adds may be from what was asked for, milliseconds: the emulator wakes up twice.
const TOLERATED_MS: f64 = 0.3;
/// Part of the rate by which a stream may miss it.
const TOLERATED_RATE: f64 = 0.03;
/// Of a full packet, bytes that a TCP stream with time stamps gets.
const STREAM_SHARE: f64 = 1448.0 / 1500.0;
/// How `pushbench link` ends when no link can be made.
const IMPOSSIBLE: i32 = 2;

fn look(context: &Context<'_>, by: LinkBy, link: &Made, trial: Trial) -> Result<Seen, Trouble> {
    let (option, value) = match trial {
        Trial::Pings(n) => ("--pings", n),
        Trial::Datagrams(n) => ("--datagrams", n),
        Trial::StreamMs(ms) => ("--bulk-ms", ms),
    };
    let output = Command::new(&context.pushbench)
        .args(["link", "--link", &link.to_string()])
        .args(["--link-by", by.label()])
        .args(["--seed", &context.seed.to_string()])
        .args([option, &value.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Trouble::Failed(format!("the link's process: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().last().unwrap_or_default();
    let said = said.trim_start_matches("pushbench: --link: ");
    match output.status.code() {
        Some(0) => {}
        Some(IMPOSSIBLE) => return Err(Unproven::Impossible(said.to_owned()).into()),
        _ => return Err(Trouble::Failed(format!("{}: {said}", output.status))),
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Trouble::Failed(format!("the link's process printed no JSON: {error}")))
}

/// Median of ascending round trips, milliseconds, if any came back.
fn median_ms(round_trips: &[u64]) -> Option<f64> {
    let middle = round_trips.get(round_trips.len() / 2);
    middle.map(|&ns| ns as f64 / 1e6)
}

fn close(read: f64, expected: f64, tolerated: f64) -> bool {
    (read - expected).abs() <= tolerated
}

/// Lost of how many may be `ppm` of a million by chance.
fn by_chance([sent, arrived]: [u64; 2], ppm: u32) -> bool {
    let (n, share) = (sent as f64, f64::from(ppm) / 1e6);
    let lost = sent.saturating_sub(arrived) as f64;
    close(lost, n * share, CHANCE * (n * share * (1.0 - share)).sqrt())
}

impl Proof for Link {
    fn about(&self) -> About {
        let (id, rule) = match self.by {
            LinkBy::Userspace => (
                "link",
                "A link between server and load process has the round trip, the loss and the rate that were asked for.",
            ),
            LinkBy::Netem => (
                "link-netem",
                "So has a link that the kernel's netem emulates, where it is asked for and the kernel has it.",
            ),
        };
        About {
            id,
            rules: &[20],
            rule,
        }
    }

    fn run(&self, context: &Context<'_>) -> Result<Finding, Unproven> {
        let pings = context.either(60, 200);
        let datagrams = context.either(4000, 20_000);
        let stream_ms = context.either(1000, 3000);
        let rate = NARROW.rate(Direction::Down).unwrap_or_default() as f64;
        let stream = rate / 8.0 * STREAM_SHARE;
        let deviation = (f64::from(datagrams) * 0.01 * 0.99).sqrt();
        let injected = format!("{DELAYED}; {LOSSY}; {NARROW}");
        let expected = format!(
            "20 ± {TOLERATED_MS} ms more than over loopback, in the median; {:.0} ± {:.0} of {datagrams} datagrams lost each way; a \
             stream of {:.2} MB/s ± 3 %",
            f64::from(datagrams) * 0.01,
            CHANCE * deviation,
            stream / 1e6
        );
        attempts(TRIES, &injected, &expected, || {
            context.check()?;
            let delayed = (self.look)(context, self.by, &DELAYED, Trial::Pings(pings))?;
            context.check()?;
            let lossy = (self.look)(context, self.by, &LOSSY, Trial::Datagrams(datagrams))?;
            context.check()?;
            let narrow = (self.look)(context, self.by, &NARROW, Trial::StreamMs(stream_ms))?;
            let median = |round_trips| median_ms(round_trips).unwrap_or(f64::INFINITY);
            let loopback = median(&delayed.loopback_ns);
            let round_trip = median(&delayed.round_trips_ns) - loopback;
            let flow = narrow.bytes_per_s.unwrap_or(0.0);
            let lost = |[sent, arrived]: [u64; 2]| sent.saturating_sub(arrived);
            let late = delayed.counts.late_p99_ns.map_or_else(
                || "how late packets were let go is not known".to_owned(),
                |ns| format!("packets let go {:.0} us late at p99", ns as f64 / 1e3),
            );
            let read = format!(
                "{round_trip:.3} ms more; {} lost up and {} down; {:.3} MB/s; {late}",
                lost(lossy.up),
                lost(lossy.down),
                flow / 1e6,
            );
            let complete = delayed.round_trips_ns.len() == pings as usize;
            let earliest = delayed.round_trips_ns.first().copied().unwrap_or(0);
            let never_early = earliest >= DELAYED.rtt_us * 1000;
            let on_time = close(round_trip, 20.0, TOLERATED_MS) && never_early;
            let losses = [lossy.up, lossy.down];
            let holds = complete
                && on_time
                && losses.iter().all(|&way| by_chance(way, LOSSY.loss_ppm))
                && close(flow, stream, TOLERATED_RATE * stream);
            let naive =
                format!("over loopback: {loopback:.3} ms, none lost, as fast as the machine");
            Ok((read, Some(naive), holds))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_fails, assert_passes, context};

    /// What sockets would see if `link` did what it says, and no packet took any time otherwise.
    fn ideal(_: &Context<'_>, _: LinkBy, link: &Made, trial: Trial) -> Result<Seen, Trouble> {
        let mut seen = Seen::default();
        match trial {
            Trial::Pings(n) => {
                seen.loopback_ns = vec![50_000; n as usize];
                seen.round_trips_ns = vec![link.rtt_us * 1000 + 50_000; n as usize];
            }
            Trial::Datagrams(n) => {
                let lost = u64::from(n) * u64::from(link.loss_ppm) / 1_000_000;
                seen.up = [n.into(), u64::from(n) - lost];
                seen.down = seen.up;
            }
            Trial::StreamMs(_) => {
                let rate = link.rate(Direction::Down).unwrap();
                seen.bytes_per_s = Some(rate as f64 / 8.0 * STREAM_SHARE);
            }
        }
        Ok(seen)
    }

    fn of(change: fn(&mut Made), link: &Made, trial: Trial) -> Result<Seen, Trouble> {
        let mut made = *link;
        change(&mut made);
        ideal(&context(&false.into()), LinkBy::Userspace, &made, trial)
    }

    fn of_userspace(look: Look) -> Link {
        Link {
            by: LinkBy::Userspace,
            look,
        }
    }

    #[test]
    fn a_link_that_is_what_it_says_passes() {
        assert_passes(&of_userspace(ideal));
    }

    #[test]
    fn another_link_than_was_asked_for_fails() {
        let links: [Look; 5] = [
            // Timers of whole milliseconds.
            |_, _, link, trial| of(|made| made.rtt_us += 1000, link, trial),
            // A delay that is cut short.
            |_, _, link, trial| of(|made| made.rtt_us -= 100, link, trial),
            // Packets that are lost in a full buffer besides.
            |_, _, link, trial| of(|made| made.loss_ppm *= 2, link, trial),
            // None lost.
            |_, _, link, trial| of(|made| made.loss_ppm = 0, link, trial),
            // A rate that counts no headers.
            |_, _, link, trial| {
                of(
                    |made| made.rate_bps = made.rate_bps.map(|rate| rate * 1500 / 1448),
                    link,
                    trial,
                )
            },
        ];
        for look in links {
            assert_fails(&of_userspace(look));
        }
    }

    #[test]
    fn pings_that_do_not_come_back_fail() {
        assert_fails(&of_userspace(|context, by, link, trial| {
            let mut seen = ideal(context, by, link, trial)?;
            seen.round_trips_ns.pop();
            Ok(seen)
        }));
        assert_fails(&of_userspace(|_, _, _, _| Ok(Seen::default())));
    }

    #[test]
    fn where_no_link_can_be_made_it_is_not_run() {
        let stop = false.into();
        let proof = Link {
            by: LinkBy::Netem,
            look: |_, by, _, _| Err(Unproven::Impossible(format!("no {by}")).into()),
        };
        let row = crate::run::row(&proof, &context(&stop)).unwrap();
        assert_eq!(
            (row.id.as_str(), row.read.as_str()),
            ("link-netem", "no netem")
        );
        assert_eq!(row.status, pushbench_model::selftest::ProofStatus::NotRun);
    }
}
