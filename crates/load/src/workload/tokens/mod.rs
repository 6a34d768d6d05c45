//! Conversations with a language model: a question, an answer token by token, the next question.
//!
//! When tokens are due is known to both sides by seed, so every token has a response time by its intended time, and none
//! hides behind one that was late before it. A conversation is a closed loop of answers; tokens within one are an open one:
//! the server makes them whether or not anybody has received the last.
//!
//! - `crew`: a worker, with a loop over its conversations
//! - `talker`: one conversation
//! - `line`: its connection
//! - `hearing`: what comes in one read
//! - `script`: what is asked, and what has to come
//! - `tally`: what came

mod crew;
mod hearing;
mod line;
mod script;
mod talker;
mod tally;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use pushbench_model::histogram::{self, EncodedHistogram, HIGHEST, Histogram};
use pushbench_model::measurement::{ClientLoad, LoopModel, Measurement, histogram_name};
use pushbench_model::message::TEXT_ENVELOPE;
use pushbench_model::scenario::Tokens;
use pushbench_model::tokens::{Chats, Stopped};

use crate::barrier::Barrier;
use crate::capacity::Limits;
use crate::{Config, LoadError, client};

use crew::{Crew, Phase};
use tally::Tally;

/// How often a server is asked whether it has stopped all answers.
const ASK_AGAIN: Duration = Duration::from_millis(10);

pub(crate) fn run(
    config: &Config,
    tokens: &Tokens,
    barrier: &mut dyn Barrier,
) -> Result<Measurement, LoadError> {
    if config.transport.talk("").is_none() {
        return Err(LoadError::NoAnswers(config.transport.name()));
    }
    let spread =
        Limits::of_this_machine().spread(tokens.conversations.into(), config.target.address)?;
    let crews = Crew::start_all(config, tokens, spread)?;
    barrier.reached("ready")?;
    for (phase, next) in [(Phase::Connect, "connected"), (Phase::WarmUp, "measure")] {
        let tally = together(&crews, phase)?;
        if tally.ready < u64::from(tokens.conversations) {
            return Err(LoadError::Subscribe {
                subscribed: tally.ready,
                wanted: tokens.conversations.into(),
                after: String::new(),
                first: tally.first_error(),
            });
        }
        barrier.reached(next)?;
    }
    let tally = together(&crews, Phase::Measure)?;
    barrier.reached("done")?;
    let sockets = together(&crews, Phase::Count)?;
    let stopped = if tally.cancelled.is_empty() {
        None
    } else {
        stopped(config)
    };
    Ok(measurement(
        config,
        tokens,
        &tally,
        &sockets,
        stopped.as_ref(),
    ))
}

/// Has all crews go through a phase.
fn together(crews: &[Crew], phase: Phase) -> Result<Tally, LoadError> {
    for crew in crews {
        crew.begin(phase);
    }
    let mut all = Tally::default();
    for crew in crews {
        all.merge(crew.wait()?);
    }
    Ok(all)
}

/// The answers that the server has stopped, by their numbers, when none is under way any more. The contract leaves it to a
/// server whether it tells.
fn stopped(config: &Config) -> Option<HashMap<u64, Stopped>> {
    let patience = config.patience.control;
    let deadline = Instant::now() + patience;
    loop {
        let response = client::request(&config.control, "GET /chats", b"", patience).ok()?;
        let chats: Chats = serde_json::from_slice(&response.body).ok()?;
        if chats.running == 0 || Instant::now() >= deadline {
            let stopped = chats.stopped.into_iter();
            return Some(stopped.map(|stopped| (stopped.answer, stopped)).collect());
        }
        std::thread::sleep(ASK_AGAIN);
    }
}

fn measurement(
    config: &Config,
    tokens: &Tokens,
    tally: &Tally,
    sockets: &Tally,
    stopped: Option<&HashMap<u64, Stopped>>,
) -> Measurement {
    let mut answers = tally.answers;
    let mut cancel = histogram::new();
    for cancelled in &tally.cancelled {
        let Some(stopped) = stopped.and_then(|all| all.get(&cancelled.answer)) else {
            continue;
        };
        answers.stopped += 1;
        answers.wasted += u64::from(stopped.sent.saturating_sub(cancelled.received));
        let took = stopped.at.saturating_sub(cancelled.at).clamp(1, HIGHEST);
        cancel.saturating_record(took);
    }
    let named = [
        (histogram_name::RESPONSE, &tally.recorder.response),
        (histogram_name::SERVICE, &tally.recorder.service),
        (histogram_name::FIRST_TOKEN, &tally.first_token),
        (histogram_name::ADDED_GAP, &tally.added_gap),
        (histogram_name::ENDED, &tally.ended),
        (histogram_name::LOOP_LAG, &tally.watched.lag),
        (histogram_name::CANCEL, &cancel),
    ];
    // Answers may all be stopped, or none, and those that come at once have no gaps.
    let may_be_empty = [
        histogram_name::ADDED_GAP,
        histogram_name::ENDED,
        histogram_name::CANCEL,
    ];
    let is_wanted =
        |name: &str, histogram: &Histogram| !histogram.is_empty() || !may_be_empty.contains(&name);
    let histograms: BTreeMap<String, EncodedHistogram> = named
        .into_iter()
        .filter(|(name, histogram)| is_wanted(name, histogram))
        .map(|(name, histogram)| (name.to_owned(), EncodedHistogram::encode(histogram)))
        .collect();
    let received = tally.recorder.response.len();
    let mean = |total: u64| (total as f64 / received.max(1) as f64).round() as u64;
    let payload_bytes = mean(answers.text_bytes);
    Measurement {
        workload: config.scenario.workload.label().to_owned(),
        transport: config.transport.name().to_owned(),
        loop_model: LoopModel::Open,
        publisher: config.publisher,
        concurrency: tokens.conversations.into(),
        operations: received,
        published: answers.tokens,
        body_bytes: payload_bytes + TEXT_ENVELOPE as u64,
        payload_bytes,
        elapsed_ns: tally.recorder.last_received.saturating_sub(tally.started),
        sequence: tally.sequence,
        wire: tally.wire,
        batches: None,
        held_up_ns: 0,
        connections: sockets.connections,
        server: None,
        windows: Vec::new(),
        cuts: None,
        arrivals: None,
        heartbeats: None,
        slow: None,
        dead: None,
        late: None,
        upstream: None,
        tls: None,
        polls: None,
        answers: Some(answers),
        client: tally.watched.busy.map(|busiest| ClientLoad { busiest }),
        histograms,
        errors: tally.errors(),
    }
}
