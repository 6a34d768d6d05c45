//! The progress of a run: where it is, how long it will take.

use std::path::Path;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pushbench_harness::{Observer, Progress};
use pushbench_model::record::{Outcome, Trial};

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

    fn say(&self, line: &str) {
        self.bar.suspend(|| output::say(line));
    }
}

impl Observer for Bar {
    fn recording(&mut self, directory: &Path) {
        self.say(&format!("recording to {}", directory.display()));
    }

    fn started(&mut self, progress: &Progress<'_>) {
        let trial = progress.trial;
        let left = HumanDuration(Duration::from_secs(progress.remaining.as_secs() + 1));
        self.bar.set_message(format!(
            "{left} left · {} · {}",
            trial.scenario.name, trial.server.label
        ));
    }

    fn finished(&mut self, trial: &Trial) {
        self.bar.inc(1);
        let what = match &trial.outcome {
            Outcome::Valid if !self.shown || !self.bar.is_hidden() => return,
            Outcome::Valid => "valid".to_owned(),
            Outcome::Invalid { .. } => format!("invalid: {}", trial.outcome.in_words()),
            Outcome::Failed { reason } => format!("failed: {reason}"),
        };
        let Trial {
            trial,
            scenario,
            server,
            ..
        } = trial;
        self.say(&format!(
            "trial {trial} of {} ({scenario}, {server}) {what}",
            self.planned
        ));
    }
}
