//! Conversations with a language model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{ScenarioError, Source};
use crate::profile::{PerProfile, Profile};
use crate::tokens::{Gaps, MAX_ASK, MAX_PAUSE_MS};

/// Most bytes of a token: seven characters.
const LONGEST_TOKEN: u64 = 7 * 4;
/// Bytes of a request that are left for what it asks.
const LONGEST_PROMPT: u64 = MAX_ASK as u64 - 4096;

/// Parameters of the tokens workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Conversations at once, each on a connection of its own.
    pub conversations: u32,
    /// Questions of each, one after the answer to the last, per profile.
    pub turns: PerProfile<u32>,
    /// Length of an answer, per profile.
    pub tokens: PerProfile<u32>,
    /// The model's own time to its first token, milliseconds.
    pub first_ms: f64,
    /// Its own time from each token to the next.
    pub gaps: Gaps,
    /// Bytes of the first question: instructions, documents.
    pub opening: u32,
    /// Bytes of every further question.
    pub question: u32,
    /// Where what was said before is when the next question comes.
    pub context: Context,
    /// Whether an answer comes token by token, or at once when it is whole.
    pub stream: bool,
    /// Time over which the first questions are spread, evenly, milliseconds.
    pub spread_ms: f64,
    /// One answer in so many is stopped half way by its client; none with 0.
    pub cancel_every: u32,
}

/// Where what was said before is when the next question comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Context {
    /// The client sends all of it again with every question.
    Resent,
    /// The server keeps it.
    Kept,
}

impl Tokens {
    /// Seconds that the model takes for all answers of a conversation, on average.
    #[must_use]
    pub fn seconds(&self, turns: u32, tokens: u32) -> f64 {
        let gaps = self.gaps.mean_ns() as f64 / 1e9 * f64::from(tokens.saturating_sub(1));
        f64::from(turns) * (self.first_ms / 1e3 + gaps) + self.spread_ms / 1e3
    }

    /// Whether the answer with this number, from 0 on over all conversations, is stopped half way.
    #[must_use]
    pub fn is_cancelled(&self, answer: u64) -> bool {
        let every = u64::from(self.cancel_every);
        every > 0 && answer % every == every - 1
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawTokens {
    conversations: Spanned<u32>,
    turns: Spanned<PerProfile<u32>>,
    tokens: Spanned<PerProfile<u32>>,
    first_ms: Spanned<f64>,
    gaps: Spanned<Gaps>,
    opening: Spanned<u32>,
    question: Spanned<u32>,
    context: Context,
    #[serde(default = "yes")]
    stream: bool,
    #[serde(default)]
    spread_ms: Option<Spanned<f64>>,
    #[serde(default)]
    cancel_every: Option<Spanned<u32>>,
}

fn yes() -> bool {
    true
}

impl RawTokens {
    pub(super) fn validate(self, source: &Source<'_>) -> Result<Tokens, ScenarioError> {
        let pause = 0.0..=MAX_PAUSE_MS;
        source.in_range(&self.conversations, 1..=100_000, "conversations")?;
        source.each_in_range(&self.turns, 1..=1000, "questions")?;
        source.each_in_range(&self.tokens, 2..=10_000, "tokens")?;
        source.in_range(&self.first_ms, pause.clone(), "milliseconds")?;
        if let Some(wanted) = self.gaps.get_ref().fault() {
            source.check(&self.gaps, |_| false, &wanted)?;
        }
        source.in_range(&self.opening, 1..=200_000, "bytes")?;
        source.in_range(&self.question, 1..=200_000, "bytes")?;
        for profile in Profile::ALL {
            let (turns, tokens) = (self.turns.get_ref(), self.tokens.get_ref().at(profile));
            let before = u64::from(turns.at(profile) - 1);
            let turn = u64::from(*self.question.get_ref()) + u64::from(tokens) * LONGEST_TOKEN;
            let last = u64::from(*self.opening.get_ref()) + before * turn;
            source.check(
                &self.turns,
                |_| self.context == Context::Kept || last <= LONGEST_PROMPT,
                &format!(
                    "the last question would send up to {last} bytes again, and no server takes more than {LONGEST_PROMPT}"
                ),
            )?;
        }
        if let Some(spread_ms) = &self.spread_ms {
            source.in_range(spread_ms, pause, "milliseconds")?;
        }
        if let Some(every) = &self.cancel_every {
            source.check(
                every,
                |every| *every >= 2,
                "2 or more: one answer in so many",
            )?;
            source.check(
                every,
                |_| self.stream,
                "an answer that comes at once cannot be stopped half way",
            )?;
        }
        Ok(Tokens {
            conversations: self.conversations.into_inner(),
            turns: self.turns.into_inner(),
            tokens: self.tokens.into_inner(),
            first_ms: self.first_ms.into_inner(),
            gaps: self.gaps.into_inner(),
            opening: self.opening.into_inner(),
            question: self.question.into_inner(),
            context: self.context,
            stream: self.stream,
            spread_ms: self.spread_ms.map_or(0.0, Spanned::into_inner),
            cancel_every: self.cancel_every.map_or(0, Spanned::into_inner),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::Profile;
    use crate::scenario::{Scenario, Workload};

    const GOOD: &str = r#"
name = "tokens-1"
models = "a chat"
expected = "a tie"
profiles = ["quick"]

[tokens]
conversations = 1
turns = { quick = 2, standard = 4, thorough = 20 }
tokens = { quick = 40, standard = 100, thorough = 300 }
first-ms = 100.0
gaps = { log-normal = { mean-ms = 20.0, sigma = 0.6 } }
opening = 200
question = 80
context = "resent"
cancel-every = 4
"#;

    fn parse(text: &str) -> Result<Tokens, ScenarioError> {
        match Scenario::parse(text, Path::new("t.toml"))?.workload {
            Workload::Tokens(tokens) => Ok(tokens),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_good_file_parses() {
        let tokens = parse(GOOD).unwrap();
        assert!(tokens.stream);
        let (turns, length) = (
            tokens.turns.at(Profile::Quick),
            tokens.tokens.at(Profile::Quick),
        );
        assert!((tokens.seconds(turns, length) - 1.76).abs() < 1e-9);
        let stopped: Vec<u64> = (0..12).filter(|&n| tokens.is_cancelled(n)).collect();
        assert_eq!(stopped, [3, 7, 11]);
        let recorded = GOOD.replace(
            "{ log-normal = { mean-ms = 20.0, sigma = 0.6 } }",
            "{ recorded-ms = [12.0, 30.5] }",
        );
        let tokens = parse(&recorded).unwrap();
        assert_eq!(tokens.gaps, Gaps::RecordedMs(vec![12.0, 30.5]));
    }

    #[test]
    fn mistakes_are_located_and_explained() {
        for (from, to, line, wanted) in [
            (
                "conversations = 1",
                "conversations = 0",
                8,
                "1 to 100000 conversations",
            ),
            ("quick = 40", "quick = 1", 10, "2 to 10000 tokens"),
            ("sigma = 0.6", "sigma = 4.0", 12, "a sigma of 0 to 3"),
            ("log-normal", "normal", 12, "log-normal"),
            ("\"resent\"", "\"lost\"", 15, "expected `resent` or `kept`"),
            ("cancel-every = 4", "cancel-every = 1", 16, "2 or more"),
            (
                "thorough = 20 }",
                "thorough = 900 }",
                9,
                "no server takes more than",
            ),
            (
                "cancel-every = 4",
                "cancel-every = 4\nstream = false",
                16,
                "comes at once",
            ),
            (
                "[tokens]",
                "[payload]\nbytes = 3\n[tokens]",
                8,
                "leave [payload] out",
            ),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = parse(&GOOD.replace(from, to)).expect_err(to);
            assert_eq!(error.line, line, "{to}: {error}");
            assert!(error.message.contains(wanted), "{to}: {error}");
        }
    }
}
