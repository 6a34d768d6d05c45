//! The first process of an emulated machine: measures there, and says what it finds.

use std::io::{self, Write as _};
use std::sync::atomic::AtomicBool;

use pushbench_model::anatomy::LeftOut;
use pushbench_sys::machine;
use pushbench_sys::netlink::Device;

use crate::ladder::{self, Found, Observer, Plan, Step};

use super::{DELIVERIES, MOST_SUBSCRIBERS, Said, TURNS};

/// First argument of such a process.
const ROLE: &str = "pushbench-emulated";

/// In the place of a list that is empty.
const ALL: &str = "all";

/// What it is told of `plan`.
pub(super) fn arguments(plan: &Plan) -> Vec<String> {
    let list = |words: Vec<String>| match words.as_slice() {
        [] => ALL.to_owned(),
        words => words.join(","),
    };
    let few = plan.subscribers.iter().filter(|&&n| n <= MOST_SUBSCRIBERS);
    vec![
        ROLE.to_owned(),
        list(few.map(u32::to_string).collect()),
        list(plan.batches.iter().map(u32::to_string).collect()),
        list(plan.transports.clone()),
    ]
}

/// The plan that [`arguments`] tell of.
fn plan(arguments: &[&str]) -> Option<Plan> {
    let &[subscribers, batches, transports] = arguments else {
        return None;
    };
    let words = |list: &str| -> Vec<String> {
        let words = list.split(',').filter(|_| list != ALL);
        words.map(str::to_owned).collect()
    };
    let numbers = |list: &str| -> Option<Vec<u32>> {
        words(list).iter().map(|word| word.parse().ok()).collect()
    };
    Some(Plan {
        subscribers: numbers(subscribers)?,
        batches: numbers(batches)?,
        transports: words(transports),
        turns: TURNS,
        deliveries: DELIVERIES,
        counted: 0,
        tools: false,
        emulator: None,
    })
}

/// Measures, if the arguments of this process say that it is the first of a machine of ours; then it does not return, and the machine
/// ends. Returns whether they said so.
pub(crate) fn inside(arguments: &[&str]) -> io::Result<bool> {
    let [ROLE, rest @ ..] = arguments else {
        return Ok(false);
    };
    // Where it is not the first, it must not do any of what follows.
    machine::settle()?;
    if let Err(error) = measure(rest) {
        say(&Said::Failed(error.to_string()))?;
    }
    machine::power_off()?;
    Ok(true)
}

fn measure(arguments: &[&str]) -> io::Result<()> {
    let wrong = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "not the arguments of a machine",
        )
    };
    let plan = plan(arguments).ok_or_else(wrong)?;
    Device::named("lo")?.up()?;
    let _ = pushbench_sys::process::raise_nofile();
    say(&Said::Runs {
        kernel: machine::kernel(),
        ns_per_instruction: machine::ns_per_instruction(),
    })?;
    let counts = |step: &Step| matches!(step, Step::Stage { .. } | Step::SetUp);
    let steps = plan.steps().into_iter().filter(counts).collect();
    let mut speaker = Speaker::default();
    ladder::measure_steps(&plan, steps, &mut speaker, &AtomicBool::new(false))?;
    match speaker.failed {
        Some(error) => Err(error),
        None => say(&Said::Ended),
    }
}

fn say(said: &Said) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(said.line()?.as_bytes())?;
    out.flush()
}

/// Says what was found at the end of every step.
#[derive(Default)]
struct Speaker {
    found: Option<Found>,
    failed: Option<io::Error>,
}

impl Speaker {
    fn say_all(&self, step: &Step, left_out: &[LeftOut]) -> io::Result<()> {
        if let Some(found) = &self.found {
            match step {
                Step::Stage { .. } => {
                    if let Some(stage) = found.stages.last() {
                        say(&Said::Stage(stage.clone()))?;
                    }
                }
                _ => say(&Said::SetUps(found.setups.clone()))?,
            }
        }
        say(&Said::LeftOut(left_out.to_vec()))
    }
}

impl Observer for Speaker {
    fn starts(&mut self, step: &Step) {
        if let Err(error) = say(&Said::Starts(step.to_string())) {
            self.failed = Some(error);
        }
    }

    fn measured(&mut self, found: &Found) -> io::Result<()> {
        self.found = Some(found.clone());
        Ok(())
    }

    fn ended(&mut self, step: &Step, left_out: &[LeftOut]) {
        if let Err(error) = self.say_all(step, left_out) {
            self.failed = Some(error);
        }
    }
}

/// A contender that did not take part inside.
pub(super) fn of(left_out: LeftOut) -> LeftOut {
    LeftOut {
        reason: format!("on the emulated machine: {}", left_out.reason),
        ..left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_told_what_can_be_counted_there() {
        let full = Plan {
            transports: vec!["sse".into(), "websocket".into()],
            ..Plan::full()
        };
        for whole in [Plan::full(), Plan::quick(), full] {
            let told = arguments(&whole);
            assert!(told.iter().all(|word| !word.contains(char::is_whitespace)));
            let told: Vec<&str> = told.iter().map(String::as_str).collect();
            let there = plan(&told[1..]).unwrap();
            assert_eq!(there.transports, whole.transports);
            assert_eq!(there.batches, whole.batches);
            let few = whole.subscribers.iter().filter(|&&n| n <= MOST_SUBSCRIBERS);
            assert!(there.subscribers.iter().eq(few));
            assert!(there.emulator.is_none() && !there.tools);
        }
    }

    #[test]
    fn wrong_arguments_make_no_plan() {
        for wrong in [&[][..], &["1"], &["1", "x", ALL], &["1", "1", ALL, "1"]] {
            assert_eq!(plan(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn nobody_but_the_first_process_of_a_machine_does_anything() {
        assert!(!inside(&["pushbench-contender"]).unwrap());
        assert!(inside(&[ROLE, "1", "1", ALL]).is_err());
    }

    #[test]
    fn what_is_said_is_heard_among_what_others_say() {
        let line = Said::Starts("a stage".into()).line().unwrap();
        let heard = Said::read(&line.replace('\n', "\r"));
        assert!(matches!(heard, Some(Ok(Said::Starts(step))) if step == "a stage"));
        assert!(Said::read("[    0.000000] Linux version 6.1.0").is_none());
        assert!(Said::read("pushbench-says {").unwrap().is_err());
    }
}
