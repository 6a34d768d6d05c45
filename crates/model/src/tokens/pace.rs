//! When tokens are due, and where the text is cut.
//!
//! Servers in any language come to the same nanosecond: the generator is SplitMix64, and everything else is made of operations
//! that IEEE 754 rounds exactly, in the order in which they stand here. `benches/servers/tokens.json` has what must come out.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exact::{Uniform, exp, ln};
use super::{MAX_GAPS, MAX_PAUSE_MS, TEXT};

/// Characters of the longest token. With 1 as the shortest the mean is 4.
const LONGEST: f64 = 7.0;
const MS: f64 = 1e6;

/// When the tokens of an answer are due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pace {
    /// Number of the answer among all of the client.
    pub answer: u64,
    /// When it was asked for, CLOCK_MONOTONIC nanoseconds: what intended times count from. The server makes tokens by the
    /// time at which it has the request, so what a request takes shows in every token.
    pub asked: u64,
    /// Seed of gaps and cuts.
    pub seed: u64,
    /// From the request to the first token, milliseconds.
    pub first_ms: f64,
    /// From each token to the next.
    pub gaps: Gaps,
}

/// Pauses between tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Gaps {
    /// Independent, log-normal.
    LogNormal {
        /// Mean, milliseconds.
        #[serde(alias = "mean-ms")]
        mean_ms: f64,
        /// Standard deviation of the logarithm; 0 for gaps that are all the same.
        sigma: f64,
    },
    /// As they were recorded, milliseconds, from a place that the seed chooses, and from the start again at their end.
    RecordedMs(Vec<f64>),
}

impl Gaps {
    /// Mean, nanoseconds.
    #[must_use]
    pub fn mean_ns(&self) -> u64 {
        let ms = match self {
            Self::LogNormal { mean_ms, .. } => *mean_ms,
            Self::RecordedMs(gaps) => gaps.iter().sum::<f64>() / gaps.len().max(1) as f64,
        };
        (ms * MS) as u64
    }

    /// What is allowed, if it is something else.
    pub(crate) fn fault(&self) -> Option<String> {
        let pause = 0.0..=MAX_PAUSE_MS;
        let is_good = match self {
            Self::LogNormal { mean_ms, sigma } => {
                pause.contains(mean_ms) && (0.0..=3.0).contains(sigma)
            }
            Self::RecordedMs(gaps) => {
                (1..=MAX_GAPS).contains(&gaps.len()) && gaps.iter().all(|gap| pause.contains(gap))
            }
        };
        (!is_good).then(|| {
            format!(
                "pauses of 0 to {MAX_PAUSE_MS} milliseconds: a mean with a sigma of 0 to 3, or a list of 1 to {MAX_GAPS}"
            )
        })
    }
}

/// One token of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// When it is due, nanoseconds after the request.
    pub offset: u64,
    /// Its text, a few characters of [`TEXT`].
    pub text: &'static str,
}

/// The tokens of an answer, without end.
#[derive(Clone, Debug)]
pub struct Tokens {
    random: Uniform,
    gaps: Arc<Gaps>,
    place: usize,
    /// Nanoseconds from the request to the next token.
    next: f64,
    rest: &'static str,
}

impl Pace {
    /// The tokens that are due.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        Tokens {
            random: Uniform::new(self.seed),
            gaps: Arc::new(self.gaps.clone()),
            place: self.seed as usize,
            next: self.first_ms * MS,
            rest: TEXT,
        }
    }
}

/// The first `bytes` bytes of what any answer says, in pieces: tokens are cut from [`TEXT`] in turn, and none is left out.
pub fn spoken(bytes: usize) -> impl Iterator<Item = &'static str> {
    let rest = TEXT.get(..bytes % TEXT.len()).unwrap_or_default();
    std::iter::repeat_n(TEXT, bytes / TEXT.len()).chain([rest])
}

impl Tokens {
    fn gap_ms(&mut self) -> f64 {
        match &*self.gaps {
            Gaps::LogNormal { mean_ms, sigma } => {
                // exp(m + sz) has mean exp(m + s²/2).
                let gap = mean_ms * exp(sigma * self.random.normal() - sigma * sigma / 2.0);
                gap.min(MAX_PAUSE_MS)
            }
            Gaps::RecordedMs(gaps) => {
                let gap = gaps.get(self.place % gaps.len().max(1));
                self.place = self.place.wrapping_add(1);
                gap.copied().unwrap_or_default()
            }
        }
    }
}

impl Uniform {
    /// A normal variable, after Marsaglia: a point in the unit circle, of which one coordinate is taken.
    fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (2.0 * self.draw() - 1.0, 2.0 * self.draw() - 1.0);
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * ln(s) / s).sqrt();
            }
        }
    }
}

impl Iterator for Tokens {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.rest.is_empty() {
            self.rest = TEXT;
        }
        let length = 1 + (self.random.draw() * LONGEST) as usize;
        let cut = self.rest.char_indices().nth(length);
        let (text, rest) = self
            .rest
            .split_at(cut.map_or(self.rest.len(), |(at, _)| at));
        self.rest = rest;
        let offset = self.next as u64;
        self.next += self.gap_ms() * MS;
        Some(Token { offset, text })
    }
}
