//! Records that agree and records that do not.

mod bytes;
mod dead;
mod links;

use pushbench_model::histogram;
use pushbench_model::measurement::{CutCount, PollCount, histogram_name};
use pushbench_model::record::Record;
use pushbench_model::scenario::{Cuts, Pattern, Scenario, Tls, Workload};
use pushbench_model::schedule::Arrivals;
use pushbench_model::theory::polling::long_poll_chance;

use super::*;
use crate::sample;
use crate::theory::held::Tolerance;

/// Rows of `scenario`, by name.
fn held(record: &Record, scenario: &str) -> Vec<Held> {
    let results = Results::new(record);
    let questions = questions(&results);
    let question = questions.into_iter().find(|q| q.scenario == scenario);
    question.map_or_else(Vec::new, |question| question.held)
}

fn named<'a>(held: &'a [Held], name: &str) -> &'a Held {
    let found = held.iter().find(|held| held.name() == name);
    found.unwrap_or_else(|| {
        let names: Vec<_> = held.iter().map(Held::name).collect();
        panic!("{name} is not among {names:?}")
    })
}

/// Every response or connection of the record takes `ns`.
fn all_take(record: &mut Record, series: &str, ns: u64) {
    for recorded in &mut record.trials {
        if let Some(histogram) = recorded.histograms.get_mut(series) {
            let many = histogram.len();
            *histogram = histogram::new();
            histogram.saturating_record_n(ns, many);
        }
    }
}

/// Every scenario of the record runs over `link`.
fn through(record: &mut Record, link: &str) {
    for scenario in &mut record.run.scenarios {
        scenario.link = link.parse().ok();
    }
}

fn fan_out(record: &mut Record, change: impl Fn(&mut pushbench_model::scenario::FanOut)) {
    for Scenario { workload, .. } in &mut record.run.scenarios {
        if let Workload::FanOut(fan_out) = workload {
            change(fan_out);
        }
    }
}

/// The one server of the sample whose bytes are not what the formula says is red wherever it is told.
#[test]
fn bytes_that_differ_are_red() {
    let record = sample::record();
    let held = held(&record, "fan-out-small");
    let ws = named(&held, "bytes per message of websocket/ws");
    assert!(!ws.agrees() && (ws.measured - ws.predicted - 3.0).abs() < 1e-9);
    assert!(named(&held, "bytes per message of sse/reference").agrees());
    assert_eq!(held[0].server, "websocket/ws", "what disagrees comes first");
    let notices = crate::notices::all(&Results::new(&record)).join("\n");
    assert!(
        notices.contains("theory disagree by more than the tolerance: bytes per message of websocket/ws in fan-out-small"),
        "{notices}"
    );
    let page = crate::html(&record);
    let section = page.split("id=\"theory\"").nth(1).unwrap();
    let section = section.split("</section>").next().unwrap();
    assert!(section.contains("figures disagree with theory: bytes per message of websocket/ws."));
    assert!(section.contains("class=\"words bad\">disagrees"));
}

#[test]
fn bytes_that_agree_are_not() {
    let mut record = sample::record();
    record.trials.retain(|t| t.trial.server.stack != "ws");
    let results = Results::new(&record);
    assert_eq!(notice(&results), None);
    let (good, said) = questions(&results)[0].finding();
    assert!(good && said.starts_with("All of "), "{said}");
}

/// Trials that are off to either side must not make up for one another.
#[test]
fn differences_do_not_cancel() {
    let mut record = sample::record();
    let mine = record.trials.iter_mut().filter(|t| {
        t.trial.server.to_string() == "tcp/floor" && t.trial.scenario == "fan-out-small"
    });
    for (recorded, sign) in mine.take(2).zip([1, -1]) {
        let wire = &mut recorded.trial.measurement.as_mut().unwrap().wire;
        wire.bytes_down = wire.bytes_down.saturating_add_signed(sign);
    }
    let held = held(&record, "fan-out-small");
    assert!(!named(&held, "bytes per message of tcp/floor").agrees());
}

/// Two round trips to the first message: within a tenth of one, or red.
#[test]
fn round_trips_are_counted_over_a_link() {
    let mut record = sample::record();
    assert!(
        held(&record, "connect")
            .iter()
            .all(|held| held.quantity == "bytes per connection"),
        "a loopback has no round trip"
    );
    through(&mut record, "rtt=100ms");
    for (ms, agrees) in [(195, true), (209, true), (212, false), (300, false)] {
        all_take(&mut record, histogram_name::TCP_CONNECT, 100_000_000);
        all_take(&mut record, histogram_name::FIRST_MESSAGE, ms * 1_000_000);
        let held = held(&record, "connect");
        let first = named(&held, "round trips to the first message of sse/reference");
        assert_eq!((first.predicted, first.agrees()), (2.0, agrees), "{ms} ms");
        assert!(named(&held, "round trips to a TCP connection of sse/reference").agrees());
    }
    for link in ["rtt=5ms", "rtt=100ms,loss=1%", "rtt=20ms,rate=1mbit"] {
        through(&mut record, link);
        let held = held(&record, "connect");
        assert!(
            held.iter()
                .all(|held| held.quantity == "bytes per connection"),
            "{link}"
        );
    }
}

#[test]
fn a_pushed_message_takes_half_a_round_trip() {
    let mut record = sample::record();
    through(&mut record, "rtt=100ms");
    for (ms, agrees) in [(50, true), (59, true), (61, false), (100, false)] {
        all_take(&mut record, histogram_name::RESPONSE, ms * 1_000_000);
        let held = held(&record, "fan-out-small");
        let median = named(
            &held,
            "median response time of websocket/reference@defaults",
        );
        assert_eq!(median.agrees(), agrees, "{ms} ms");
        assert!(
            held.iter()
                .all(|held| held.quantity != "median response time"
                    || !held.server.starts_with("long-poll"))
        );
    }
}

/// What is said goes up before it comes down, and its bytes are among those of a message.
#[test]
fn what_subscribers_say_takes_a_round_trip() {
    let mut record = sample::record();
    through(&mut record, "rtt=100ms");
    fan_out(&mut record, |fan_out| fan_out.two_way = true);
    for (ms, agrees) in [(100, true), (109, true), (50, false), (111, false)] {
        all_take(&mut record, histogram_name::RESPONSE, ms * 1_000_000);
        let held = held(&record, "fan-out-small");
        let median = named(&held, "median response time of sse/reference");
        assert_eq!(median.agrees(), agrees, "{ms} ms");
        assert_eq!(median.formula, "RTT");
        let bytes = named(&held, "bytes per message of sse/reference");
        assert!(
            bytes.formula.starts_with("what was said and answered + "),
            "{}",
            bytes.formula
        );
    }
}

/// The sample's long-polling, as if over a link: 100 subscribers, 50 messages a second, polls as `answers` says per
/// message and client.
fn polling(rtt: &str, period_ns: Option<u64>, answers: f64, batches: f64) -> Record {
    let mut record = sample::record();
    through(&mut record, rtt);
    for recorded in &mut record.trials {
        let Some(measured) = &mut recorded.trial.measurement else {
            continue;
        };
        if measured.transport != "long-poll" || measured.workload != "fan-out" {
            continue;
        }
        // As many seconds as make 50 messages a second.
        measured.elapsed_ns = measured.published * 20_000_000;
        measured.batches = Some((measured.operations as f64 * batches) as u64);
        measured.polls = Some(PollCount {
            answered: (measured.operations as f64 * answers) as u64,
            period_ns,
        });
    }
    record
}

/// Over 20 ms of round trip, 50 messages a second come e^-1 + 1 to an answer.
#[test]
fn long_polls_are_held_against_batch_polls_and_age() {
    let per_message = 1.0 / 1.367_879;
    let mut record = polling("rtt=20ms", None, per_message, per_message);
    all_take(&mut record, histogram_name::RESPONSE, 17_311_000);
    let rows = |record: &Record| {
        let held = held(record, "fan-out-small");
        [
            "messages per answer",
            "polls per second and client",
            "mean age of a message",
        ]
        .map(|what| named(&held, &format!("{what} of long-poll/reference")).clone())
    };
    let agreeing = rows(&record);
    assert!(agreeing.iter().all(Held::agrees), "{agreeing:?}");
    assert!((agreeing[0].predicted - 1.367_879).abs() < 1e-5);
    assert!((agreeing[1].predicted - 50.0 / 1.367_879).abs() < 1e-2);
    assert!((agreeing[2].predicted - 17.311e6).abs() < 1e3);
    assert!(
        agreeing[0].tolerance.said.contains("by chance"),
        "600 messages"
    );
    // Those of all trials together, each once: a hundred clients that see the same ones know no more than one.
    let trials = record.trials.iter().filter(|recorded| {
        let trial = &recorded.trial;
        let used = trial.scenario == "fan-out-small" && trial.outcome.is_valid();
        used && trial.server.to_string() == "long-poll/reference"
    });
    let published: u64 = trials
        .filter_map(|recorded| Some(recorded.trial.measurement.as_ref()?.published))
        .sum();
    let error = long_poll_chance(50.0, 0.02, published as f64).batch / 1.367_879;
    let allowed = Tolerance::or_chance(agreeing[0].predicted, error);
    assert_eq!(agreeing[0].tolerance.said, allowed.said);

    let mut record = polling("rtt=20ms", None, 1.0, 1.0);
    all_take(&mut record, histogram_name::RESPONSE, 30_000_000);
    let wrong = rows(&record);
    assert!(wrong.iter().all(|held| !held.agrees()), "{wrong:?}");
    assert!(
        notice(&Results::new(&record))
            .unwrap()
            .contains("messages per answer of long-poll")
    );
}

/// An answer of several segments leaves over a third of a round trip where the kernel paces as bbr does, and the next poll waits for
/// the last of them; one that is sent at once is held against the formula as it is, and so is any where nothing is paced.
#[test]
fn answers_that_are_spread_are_allowed_for() {
    let said_over = |link: &str, control: &str, answer_bytes: f64| {
        let mut record = polling(link, None, 0.73, 0.73);
        let settings = &mut record.run.environment.settings;
        settings.insert("net.ipv4.tcp_congestion_control".into(), control.into());
        for recorded in &mut record.trials {
            if let Some(measured) = &mut recorded.trial.measurement {
                let answers = measured.batches.unwrap_or_default() as f64;
                measured.wire.bytes_down = (answers * answer_bytes) as u64;
            }
        }
        let held = held(&record, "fan-out-small");
        let batch = named(&held, "messages per answer of long-poll/reference");
        (batch.tolerance.said.clone(), batch.tolerance.allowed)
    };
    let said = |control: &str, answer_bytes: f64| said_over("rtt=20ms", control, answer_bytes);
    let (plain, least) = said("cubic", 5000.0);
    assert_eq!(said("bbr", 2800.0), (plain, least));
    let (spread, most) = said("bbr", 5000.0);
    assert!(spread.ends_with("bbr spreads answers"), "{spread}");
    // w = 1 grows to 1.347: B from 1.368 to 1.607.
    assert!((most - least - 0.2388).abs() < 0.001, "{least}, {most}");
    // A link that says what senders use is believed before the machine.
    let over = |link: &str, control: &str| said_over(link, control, 5000.0).1;
    assert_eq!(over("rtt=20ms,congestion=reno", "bbr"), least);
    assert_eq!(over("rtt=20ms,congestion=bbr", "cubic"), most);
}

/// 100 ms of period and 50 messages a second: a fifth of a poll per message, hardly any in vain, half a period old.
#[test]
fn polls_by_the_clock_are_held_against_period_and_age() {
    let something = 1.0 - (-5.0f64).exp();
    let rows = |answers: f64, batches: f64, ns: u64| {
        let mut record = polling("", Some(100_000_000), answers, batches);
        all_take(&mut record, histogram_name::RESPONSE, ns);
        let held = held(&record, "fan-out-small");
        [
            "polls per second and client",
            "polls per message",
            "share of polls that bring something",
            "mean age of a message",
        ]
        .map(|what| named(&held, &format!("{what} of long-poll/express")).agrees())
    };
    assert_eq!(rows(0.2, 0.2 * something, 50_500_000), [true; 4]);
    assert_eq!(rows(0.25, 0.2 * something, 60_000_000), [false; 4]);
}

/// What is not known of the gap predicts nothing, and bursts of a constant rate are no Poisson process.
#[test]
fn where_no_formula_holds_none_is_said() {
    let quantities = |record: &Record| -> Vec<&str> {
        let mut all: Vec<_> = held(record, "fan-out-small")
            .iter()
            .map(|held| held.quantity)
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    };
    let record = polling("", None, 1.0, 1.0);
    assert_eq!(quantities(&record), ["bytes per message"], "loopback");
    let mut record = polling("rtt=20ms", None, 1.0, 1.0);
    assert!(quantities(&record).contains(&"messages per answer"));
    fan_out(&mut record, |fan_out| fan_out.arrivals = Arrivals::Constant);
    assert_eq!(quantities(&record), ["bytes per message"]);
    fan_out(&mut record, |fan_out| {
        fan_out.arrivals = Arrivals::Poisson;
        fan_out.subscribers = 10_000;
    });
    assert_eq!(quantities(&record), ["bytes per message"]);
}

/// Half a message joins the first in a window of 10 ms at 50 a second: 10 ms times 1.25 by 1.5.
#[test]
fn messages_wait_for_others_as_long_as_the_window_says() {
    let rows = |ns: u64, subscribers: u32| {
        let mut record = sample::record();
        for scenario in &mut record.run.scenarios {
            scenario.server.flush_window_ms = 10;
        }
        fan_out(&mut record, |fan_out| fan_out.subscribers = subscribers);
        all_take(&mut record, histogram_name::SERVICE, ns);
        let rows = held(&record, "fan-out-small").into_iter();
        let rows = rows.filter(|held| held.quantity.starts_with("mean age of a message since"));
        rows.collect::<Vec<_>>()
    };
    let agreeing = rows(8_400_000, 100);
    assert!(agreeing.iter().all(Held::agrees), "{agreeing:?}");
    assert!((agreeing[0].predicted - 10e6 * 1.25 / 1.5).abs() < 1.0);
    let polls = |held: &Held| held.server.starts_with("long-poll");
    assert!(!agreeing.is_empty() && !agreeing.iter().any(polls));
    let wrong = rows(12_000_000, 100);
    assert!(!wrong.is_empty() && !wrong.iter().any(Held::agrees));
    assert!(rows(8_400_000, 200).is_empty(), "a loop of 4 ms");
}

/// TLS takes one round trip more, whether a session is resumed or not.
#[test]
fn a_secured_connection_takes_three_round_trips() {
    let rows = |tls, ns| {
        let mut record = sample::record();
        for scenario in &mut record.run.scenarios {
            scenario.link = "rtt=100ms".parse().ok();
            scenario.server.tls = tls;
        }
        all_take(&mut record, histogram_name::FIRST_MESSAGE, ns);
        let held = held(&record, "connect").into_iter();
        let held = held.filter(|held| held.quantity == "round trips to the first message");
        let held: Vec<_> = held.map(|held| (held.predicted, held.agrees())).collect();
        assert!(!held.is_empty());
        held
    };
    let all = |rows: Vec<(f64, bool)>, row| rows.into_iter().all(|one| one == row);
    assert!(all(rows(None, 205_000_000), (2.0, true)));
    for tls in [Tls::Full, Tls::Resumed] {
        assert!(all(rows(Some(tls), 305_000_000), (3.0, true)));
        assert!(all(rows(Some(tls), 205_000_000), (3.0, false)));
    }
}

/// On a stream of HTTP/2 there are no chunks, and polls and sockets share no connection.
#[test]
fn a_message_of_a_shared_connection_is_in_a_frame() {
    let mut record = sample::record();
    for scenario in &mut record.run.scenarios {
        scenario.server.streams = 1;
    }
    let held = held(&record, "fan-out-small").into_iter();
    let bytes = held.filter(|held| held.quantity == "bytes per message");
    let formulas: Vec<_> = bytes.map(|held| (held.formula, held.source)).collect();
    assert!(!formulas.is_empty());
    let sse = (
        "window updates + frame(data lines + id + 1)".to_owned(),
        "WHATWG HTML §9.2, RFC 9113 §4.1",
    );
    assert!(
        formulas.iter().all(|formula| *formula == sse),
        "{formulas:?}"
    );
}

/// One every two seconds, give or take one; servers that told of none are held against nothing.
#[test]
fn heartbeats_are_as_many_as_the_time_has_room_for() {
    let rows = |late: u64| {
        let mut record = sample::record();
        for scenario in &mut record.run.scenarios {
            scenario.server.heartbeat_s = 2;
        }
        for recorded in &mut record.trials {
            if let Some(measured) = &mut recorded.trial.measurement
                && measured.transport == "sse"
            {
                measured.elapsed_ns = 60_000_000_000;
                measured.heartbeats = Some((30 - late) * measured.concurrency);
            }
        }
        let page = crate::markdown(&record);
        assert!(page.contains("heartbeats per stream | an hour of a stream"));
        let rows = held(&record, "fan-out-small").into_iter();
        let rows = rows.filter(|held| held.quantity.starts_with("heartbeats"));
        rows.collect::<Vec<_>>()
    };
    let agreeing = rows(1);
    assert!(
        agreeing
            .iter()
            .all(|held| held.agrees() && held.server.starts_with("sse/"))
    );
    assert!(!agreeing.is_empty() && (agreeing[0].predicted - 30.0).abs() < 1e-9);
    assert!(!rows(2).iter().any(Held::agrees));
}

#[test]
fn what_is_missed_is_rate_times_absence() {
    let mut record = sample::record();
    fan_out(&mut record, |fan_out| {
        fan_out.cuts = Some(Cuts {
            pattern: Pattern::EachEveryS(1.0),
            delay_s: 0.1,
            jitter: 0.0,
            resume: false,
        });
    });
    // 10 cuts of 0.2 s at 50 messages a second: 100 messages in each of six trials; 1 and 3 times √600/60 are allowed.
    for (lost, agrees) in [(100, true), (120, true), (70, false), (130, false)] {
        for recorded in &mut record.trials {
            if let Some(measured) = &mut recorded.trial.measurement {
                measured.cuts = Some(CutCount {
                    cuts: 10,
                    away_s: 2.0,
                    ..CutCount::default()
                });
                measured.sequence.lost = lost;
            }
        }
        let held = held(&record, "fan-out-small");
        let missed = named(&held, "messages missed per cut of sse/reference");
        assert_eq!(
            (missed.predicted, missed.agrees()),
            (10.0, agrees),
            "{lost}"
        );
        assert!(
            !held
                .iter()
                .any(|held| held.quantity.contains("missed") && held.server.contains("poll")),
            "who polls says where it is"
        );
    }
}
