//! What each rung adds to the one below it, for a bar that ends at what the stack on top costs.

use pushbench_model::anatomy::{Row, Rung, Stage};

/// What a bar is long in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Processor time, nanoseconds.
    Cpu,
    /// Instructions of program and kernel, counted by the processor.
    Instructions,
    /// The same, counted by an emulated machine.
    Emulated,
    /// Instructions of the program.
    UserInstructions,
}

impl Figure {
    /// The figure of `row`, if it was measured.
    pub(crate) fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Cpu => Some(row.cpu_ns.median),
            Self::Instructions => Some(row.user_instructions? + row.kernel_instructions?),
            Self::Emulated => row.instructions,
            Self::UserInstructions => row.user_instructions,
        }
    }
}

/// The rungs below and up to one stack.
#[derive(Clone, Debug)]
pub(crate) struct Ladder<'a> {
    /// From below; the last is the stack that the bar is named after.
    pub(crate) steps: Vec<Step<'a>>,
}

/// One rung of a ladder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step<'a> {
    pub(crate) row: &'a Row,
    /// What the stack of this rung costs.
    pub(crate) total: f64,
    /// The part of the bar that this rung adds, from here
    pub(crate) from: f64,
    /// to there; the same where it adds nothing.
    pub(crate) to: f64,
}

impl<'a> Ladder<'a> {
    fn of(rows: &[&'a Row], figure: Figure) -> Option<Self> {
        let totals: Vec<(&Row, f64)> = rows
            .iter()
            .filter_map(|&row| Some((row, figure.of(row)?)))
            .collect();
        // A ladder whose own top was not measured ends nowhere.
        figure.of(rows.last()?)?;
        let mut steps: Vec<Step<'a>> = Vec::new();
        // From above: a bar never reaches beyond what a rung above costs in all.
        let mut limit = f64::INFINITY;
        for &(row, total) in totals.iter().rev() {
            limit = limit.min(total);
            steps.push(Step {
                row,
                total,
                from: 0.0,
                to: limit,
            });
        }
        steps.reverse();
        let mut from = 0.0;
        for step in &mut steps {
            step.from = from;
            from = step.to;
        }
        Some(Self { steps })
    }

    /// The stack that the bar is named after.
    pub(crate) fn top(&self) -> Step<'a> {
        self.steps[self.steps.len() - 1]
    }

    /// Rungs that cost no more than the one below them, each with that one.
    pub(crate) fn not_dearer(&self) -> impl Iterator<Item = (Step<'a>, Step<'a>)> + '_ {
        let pairs = self.steps.windows(2).map(|pair| (pair[0], pair[1]));
        pairs.filter(|(below, step)| step.total <= below.total)
    }
}

/// The ladders of a stage: for each transport one per stack on its highest rung, the cheaper first. Variants stand on no
/// ladder.
pub(crate) fn ladders(stage: &Stage, figure: Figure) -> Vec<Ladder<'_>> {
    let rows: Vec<&Row> = super::sorted(stage)
        .into_iter()
        .filter(|row| row.rung != Rung::Variant && figure.of(row).is_some())
        .collect();
    let floor = rows.iter().copied().find(|row| row.rung == Rung::Floor);
    let mut transports: Vec<&str> = Vec::new();
    for row in rows.iter().filter(|row| row.rung != Rung::Floor) {
        if !transports.contains(&row.transport.as_str()) {
            transports.push(&row.transport);
        }
    }
    let mut ladders = Vec::new();
    for transport in transports {
        let on = |rung: Rung| -> Vec<&Row> {
            let here = rows
                .iter()
                .copied()
                .filter(|row| row.rung == rung && row.transport == transport);
            let mut here: Vec<&Row> = here.collect();
            here.sort_by(|a, b| {
                figure
                    .of(a)
                    .partial_cmp(&figure.of(b))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
            here
        };
        let mut below: Vec<&Row> = floor.into_iter().collect();
        let rungs = [Rung::Framing, Rung::Library, Rung::Defaults].map(on);
        let Some(highest) = rungs.iter().rposition(|rung| !rung.is_empty()) else {
            continue;
        };
        below.extend(rungs[..highest].iter().filter_map(|rung| rung.first()));
        for &top in &rungs[highest] {
            let mut rows = below.clone();
            rows.push(top);
            ladders.extend(Ladder::of(&rows, figure));
        }
    }
    if ladders.is_empty() {
        ladders.extend(floor.and_then(|floor| Ladder::of(&[floor], figure)));
    }
    ladders
}
