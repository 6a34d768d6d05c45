//! Mistakes in a scenario file, and where they stand.

use std::ops::{Range, RangeInclusive};
use std::path::Path;

use toml::Spanned;

use crate::profile::{PerProfile, Profile};

/// A scenario file that cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ScenarioError {
    /// The file, as it was named.
    pub file: String,
    /// Line of the mistake, from 1.
    pub line: usize,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// The text being parsed, to turn byte offsets into lines.
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Path,
}

impl Source<'_> {
    pub(super) fn error(&self, span: Range<usize>, message: &str) -> ScenarioError {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        ScenarioError {
            file: self.file.display().to_string(),
            line,
            message: message.trim_end().to_owned(),
        }
    }

    pub(super) fn check<T: std::fmt::Debug>(
        &self,
        value: &Spanned<T>,
        allowed: impl Fn(&T) -> bool,
        wanted: &str,
    ) -> Result<(), ScenarioError> {
        if allowed(value.get_ref()) {
            return Ok(());
        }
        Err(self.error(
            value.span(),
            &format!("{:?} is not allowed here: {wanted}", value.get_ref()),
        ))
    }

    pub(super) fn in_range<T: PartialOrd + std::fmt::Debug>(
        &self,
        value: &Spanned<T>,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Result<(), ScenarioError> {
        let wanted = format!("{:?} to {:?} {unit}", range.start(), range.end());
        self.check(value, |value| range.contains(value), &wanted)
    }

    pub(super) fn each_in_range<T: Copy + PartialOrd + std::fmt::Debug>(
        &self,
        value: &Spanned<PerProfile<T>>,
        range: RangeInclusive<T>,
        unit: &str,
    ) -> Result<(), ScenarioError> {
        for profile in Profile::ALL {
            let one = Spanned::new(value.span(), value.get_ref().at(profile));
            self.in_range(&one, range.clone(), unit)?;
        }
        Ok(())
    }
}
