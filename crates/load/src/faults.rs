//! What went wrong on a worker.

/// What went wrong on a worker: how often, and the first few in words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    count: u64,
    kept: Vec<String>,
}

impl Faults {
    /// How many faults are kept in words.
    const KEPT: usize = 5;

    pub(crate) fn add(&mut self, fault: String) {
        self.count += 1;
        self.mention(fault);
    }

    /// Keeps words about something that is counted elsewhere.
    pub(crate) fn mention(&mut self, fault: String) {
        if self.kept.len() < Self::KEPT && !self.kept.contains(&fault) {
            self.kept.push(fault);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether there are so many that more would say nothing new.
    pub(crate) fn are_enough(&self) -> bool {
        self.count >= Self::KEPT as u64
    }

    pub(crate) fn words(&self) -> Vec<String> {
        self.kept.clone()
    }
}
