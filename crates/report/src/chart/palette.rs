//! Colours as roles, not values: the page decides what a role looks like in light, in dark and on paper.
//!
//! plotters knows only RGB, so a role and a dash travel through it as a colour that no palette has, and
//! [`super::svg`] turns them into CSS.

use plotters::style::{Color as _, RGBAColor, RGBColor};
use pushbench_model::record::{Run, ServerLabel};

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Text.
    Text,
    /// Less important text.
    Muted,
    /// Lines behind the data.
    Grid,
    /// The line an axis stands on, or a reference.
    Axis,
    /// The page itself.
    Paper,
    /// A part that belongs to no server.
    Neutral,
    /// Something is wrong.
    Bad,
    /// A transport, by its number.
    Transport(u8),
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dash {
    /// Not at all.
    #[default]
    Solid,
    /// In dashes.
    Dashed,
}

/// Colours there are for transports; further ones start again.
const TRANSPORTS: u8 = 8;
/// Marks an encoded colour.
const MARK: u8 = 0x5a;

impl Role {
    const FIXED: [Self; 7] = [
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Axis,
        Self::Paper,
        Self::Neutral,
        Self::Bad,
    ];

    fn css(self) -> String {
        match self {
            Self::Text => "currentColor".into(),
            Self::Muted => "var(--muted)".into(),
            Self::Grid => "var(--grid)".into(),
            Self::Axis => "var(--axis)".into(),
            Self::Paper => "var(--paper)".into(),
            Self::Neutral => "var(--neutral)".into(),
            Self::Bad => "var(--bad)".into(),
            Self::Transport(n) => format!("var(--c{n})"),
        }
    }

    /// The colour that stands for this role and `dash` on the way through plotters.
    pub(super) fn encode(self, dash: Dash, opacity: f64) -> RGBAColor {
        let role = match self {
            Self::Transport(n) => 100 + n,
            fixed => Self::FIXED.iter().position(|&r| r == fixed).unwrap_or(0) as u8,
        };
        RGBColor(role, dash as u8, MARK).mix(opacity)
    }

    /// CSS colour and dash array of an encoded colour, `#RRGGBB`.
    pub(super) fn decode(colour: &str) -> Option<(String, Option<&'static str>)> {
        let byte = |at: usize| u8::from_str_radix(colour.get(at..at + 2)?, 16).ok();
        let (role, dash, mark) = (byte(1)?, byte(3)?, byte(5)?);
        if mark != MARK {
            return None;
        }
        let role = match role.checked_sub(100) {
            Some(n) => Self::Transport(n),
            None => *Self::FIXED.get(usize::from(role))?,
        };
        let dash = match dash {
            1 => Some("60 40"),
            _ => None,
        };
        Some((role.css(), dash))
    }
}

/// The form of a marker; it tells stacks apart where colour tells transports apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    Wedge,
    /// ✕
    Cross,
}

impl Shape {
    pub(crate) const ALL: [Self; 6] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::Wedge,
        Self::Cross,
    ];
}

/// Which colour and which marker each server of a run has.
#[derive(Clone, Debug)]
pub(crate) struct Palette {
    transports: Vec<String>,
    stacks: Vec<String>,
}

impl Palette {
    /// Of the known transports alone.
    pub(crate) fn known() -> Self {
        Self {
            transports: [
                "tcp",
                "sse",
                "websocket",
                "long-poll",
                "ndjson",
                "short-poll",
            ]
            .map(String::from)
            .into(),
            stacks: vec!["reference".into()],
        }
    }

    /// The known transports keep their colours in every report; others follow in the order of the run.
    pub(crate) fn new(run: &Run) -> Self {
        let Self {
            mut transports,
            mut stacks,
        } = Self::known();
        for ServerLabel {
            transport, stack, ..
        } in &run.servers
        {
            if !transports.contains(transport) {
                transports.push(transport.clone());
            }
            if !stacks.contains(stack) {
                stacks.push(stack.clone());
            }
        }
        Self { transports, stacks }
    }

    /// Colour of a transport.
    pub(crate) fn role(&self, server: &ServerLabel) -> Role {
        self.transport(&server.transport)
    }

    /// The same, by its name.
    pub(crate) fn transport(&self, transport: &str) -> Role {
        let at = self.transports.iter().position(|t| t == transport);
        Role::Transport((at.unwrap_or(0) % usize::from(TRANSPORTS)) as u8)
    }

    /// Marker of a stack.
    pub(crate) fn shape(&self, server: &ServerLabel) -> Shape {
        let at = self.stacks.iter().position(|s| *s == server.stack);
        Shape::ALL[at.unwrap_or(0) % Shape::ALL.len()]
    }
}

#[cfg(test)]
mod tests {
    use pushbench_model::tuning::Tuning;

    use super::*;

    #[test]
    fn roles_survive_the_way_through_rgb() {
        for role in Role::FIXED.into_iter().chain([Role::Transport(3)]) {
            for (dash, array) in [(Dash::Solid, None), (Dash::Dashed, Some("60 40"))] {
                let (r, g, b) = role.encode(dash, 1.0).rgb();
                let text = format!("#{r:02X}{g:02X}{b:02X}");
                assert_eq!(Role::decode(&text), Some((role.css(), array)));
            }
        }
        assert_eq!(Role::decode("#000000"), None);
    }

    #[test]
    fn known_transports_keep_their_colours() {
        let run = crate::sample::record().run;
        let palette = Palette::new(&run);
        let of = |transport: &str, stack: &str| ServerLabel {
            transport: transport.into(),
            stack: stack.into(),
            tuning: Tuning::Fixed,
        };
        assert_eq!(palette.role(&of("sse", "reference")), Role::Transport(1));
        assert_eq!(palette.role(&of("sse", "express")), Role::Transport(1));
        assert_ne!(
            palette.shape(&of("sse", "reference")),
            palette.shape(&of("sse", "express"))
        );
    }
}
