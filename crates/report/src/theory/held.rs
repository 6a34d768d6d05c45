//! One figure beside its formula.

use crate::number::{THIN, Unit, short};

/// One figure beside its formula.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// Which server.
    pub(crate) server: String,
    /// What was measured.
    pub(crate) quantity: &'static str,
    /// What is expected of it.
    pub(crate) formula: String,
    /// Where the formula is from.
    pub(crate) source: &'static str,
    /// Unit of both figures.
    pub(crate) unit: Unit,
    /// By formula.
    pub(crate) predicted: f64,
    /// As measured.
    pub(crate) measured: f64,
    /// How far they may be apart.
    pub(crate) tolerance: Tolerance,
}

/// How far a figure may be from its formula.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tolerance {
    /// In the unit of the figure.
    pub(super) allowed: f64,
    /// In words.
    pub(crate) said: String,
}

/// What a formula of counts or ages may be off by.
const SHARE: f64 = 0.05;
/// Standard errors that chance is allowed.
pub(super) const ERRORS: f64 = 3.0;

impl Tolerance {
    /// To the byte.
    pub(super) fn exact() -> Self {
        Self {
            allowed: 0.0,
            said: "none".into(),
        }
    }

    /// 5 % of `predicted`, or what chance makes of it: three times `error`, the standard error as a share of it.
    pub(super) fn or_chance(predicted: f64, error: f64) -> Self {
        let chance = ERRORS * error;
        if chance > SHARE {
            return Self {
                allowed: chance * predicted,
                said: format!("{}{THIN}% by chance", short(chance * 100.0)),
            };
        }
        Self {
            allowed: SHARE * predicted,
            said: format!("{}{THIN}%", short(SHARE * 100.0)),
        }
    }

    /// `allowed` in the unit of the figure, because of `why`.
    pub(super) fn of(allowed: f64, why: impl Into<String>) -> Self {
        Self {
            allowed,
            said: why.into(),
        }
    }
}

impl Held {
    /// Whether the two are close enough.
    pub(crate) fn agrees(&self) -> bool {
        // What is no number agrees with nothing.
        let apart = (self.measured - self.predicted).abs();
        apart <= self.tolerance.allowed * (1.0 + 1e-9)
    }

    /// `bytes per message of sse/reference`.
    pub(crate) fn name(&self) -> String {
        format!("{} of {}", self.quantity, self.server)
    }

    /// Predicted, measured, and how far apart.
    pub(crate) fn in_words(&self) -> (String, String, String) {
        let scale = self.unit.scale([self.predicted, self.measured]);
        let apart = self.measured - self.predicted;
        let sign = if apart < 0.0 { "−" } else { "+" };
        let difference = if apart == 0.0 {
            "0".into()
        } else if self.predicted > 0.0 {
            format!(
                "{sign}{}{THIN}%",
                short(apart.abs() / self.predicted * 100.0)
            )
        } else {
            format!("{sign}{}", scale.with_unit(apart.abs()))
        };
        (
            scale.with_unit(self.predicted),
            scale.with_unit(self.measured),
            difference,
        )
    }
}
