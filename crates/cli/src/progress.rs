//! The progress of a run: where it is, how long it will take.

use std::path::Path;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pushbench_harness::{Observer, Progress, Step};
use pushbench_model::record::{Outcome, Trial};
use pushbench_model::slices::SliceTrial;

use crate::output;

/// On standard error: a bar in a terminal, elsewhere a line for every trial.
pub(crate) struct Bar {
    bar: ProgressBar,
    planned: u32,
    shown: bool,
}

impl Bar {
    /// Unless `shown`, tells only what is not as it should be.
    pub(crate) fn new(planned: u32, shown: bool) -> Self {
        let bar = ProgressBar::new(planned.into());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("━╸─"));
        if !shown {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Self {
            bar,
            planned,
            shown,
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn ended(&self, number: u32, scenario: &str, who: &str, outcome: &Outcome) {
        self.bar.inc(1);
        let what = match outcome {
            Outcome::Valid if !self.shown || !self.bar.is_hidden() => return,
            Outcome::Valid => "valid".to_owned(),
            Outcome::Invalid { .. } => format!("invalid: {}", outcome.in_words()),
            Outcome::Failed { reason } => format!("failed: {reason}"),
        };
        let planned = self.planned;
        self.say(&format!(
            "trial {number} of {planned} ({scenario}, {who}) {what}"
        ));
    }

    fn say(&self, line: &str) {
        self.bar.suspend(|| output::say(line));
    }
}

impl Observer for Bar {
    fn recording(&mut self, directory: &Path) {
        self.say(&format!("recording to {}", directory.display()));
    }

    fn started(&mut self, progress: &Progress<'_>) {
        let left = HumanDuration(Duration::from_secs(progress.remaining.as_secs() + 1));
        let (scenario, who) = match progress.step {
            Step::Trial(trial) => (&trial.scenario, trial.server.label.to_string()),
            Step::Slices(slices) => (&slices.scenario, in_slices(slices.servers.len())),
        };
        let scenario = &scenario.name;
        self.bar
            .set_message(format!("{left} left · {scenario} · {who}"));
    }

    fn finished(&mut self, trial: &Trial) {
        let Trial {
            trial: number,
            scenario,
            server,
            outcome,
            ..
        } = trial;
        self.ended(*number, scenario, &server.to_string(), outcome);
    }

    fn sliced(&mut self, trial: &SliceTrial) {
        let who = in_slices(trial.arms.len());
        self.ended(trial.trial, &trial.scenario, &who, &trial.outcome);
    }
}

fn in_slices(servers: usize) -> String {
    format!("{servers} servers in slices")
}
