//! The same scenario over one network path or several.

use toml::Spanned;

use super::{Scenario, ScenarioError, Source};
use crate::link::Link;

/// Stands between the name of a scenario and the link that one of its copies runs over; no name that is given has one.
const OVER: char = '@';

impl Scenario {
    /// What is to be run where `links` are asked for: the scenario over each of them, under a name with the link in it where
    /// there are several. One that has a link of its own keeps it and is run once.
    #[must_use]
    pub fn over(self, links: &[Link]) -> Vec<Self> {
        match links {
            _ if self.link.is_some() => vec![self],
            [] => vec![self],
            [only] => vec![Self {
                link: Some(*only),
                ..self
            }],
            several => several
                .iter()
                .map(|link| Self {
                    name: format!("{}{OVER}{}", self.name, link.name()),
                    link: Some(*link),
                    ..self.clone()
                })
                .collect(),
        }
    }

    /// The name without the link, which copies over several have in common.
    #[must_use]
    pub fn family(&self) -> &str {
        self.name
            .split_once(OVER)
            .map_or(self.name.as_str(), |(family, _)| family)
    }
}

/// The link of a scenario file, as `--link` takes it.
pub(super) fn validate(
    link: Option<Spanned<String>>,
    source: &Source<'_>,
) -> Result<Option<Link>, ScenarioError> {
    let Some(link) = link else {
        return Ok(None);
    };
    let parsed = link.get_ref().parse();
    let parsed = parsed.map_err(|error: String| source.error(link.span(), &error));
    parsed.map(Some)
}
