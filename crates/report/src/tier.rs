//! How far the machine of a run can be trusted.

use pushbench_model::record::Run;

/// What kind of machine a verdict rests on. It is printed with every verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A virtual machine, or one with at most two processors, or one on which server and load share a processor. Times
    /// are indicative; counts stand.
    Shared,
    /// One host whose server and load process have processors of their own.
    Pinned,
}

impl Tier {
    /// The tier of the machine that `run` was made on.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        if reasons(run).is_empty() {
            Self::Pinned
        } else {
            Self::Shared
        }
    }

    /// `T0`, `T1`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Shared => "T0",
            Self::Pinned => "T1",
        }
    }

    /// What it means.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Shared => "shared small machine",
            Self::Pinned => "one host, pinned",
        }
    }

    /// Whether a verdict on a figure is an indication only; `is_time` says that the figure is a time.
    #[must_use]
    pub fn is_indicative(self, is_time: bool) -> bool {
        self == Self::Shared && is_time
    }
}

/// Why times on the machine of `run` are indicative only, if they are.
#[must_use]
pub fn indicative_because(run: &Run) -> Option<String> {
    let reasons = reasons(run);
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

fn reasons(run: &Run) -> Vec<String> {
    let environment = &run.environment;
    let cores = environment.cores.len();
    let few = (cores <= 2).then(|| match cores {
        0 => "the number of processors is not known".to_owned(),
        1 => "server and load share the one processor of this machine".to_owned(),
        n => format!("the machine has only {n} processors for server, load and kernel"),
    });
    let guest = environment.hypervisor.as_deref().map(|name| {
        let name = match name {
            "" | "unknown" => String::new(),
            name => format!(" ({name})"),
        };
        format!("it is a virtual machine{name}, whose host may take time away")
    });
    let shared = (cores > 2 && run.server_cores.iter().any(|c| run.load_cores.contains(c)))
        .then(|| "server and load process have no processors of their own".to_owned());
    let unpinned = (cores > 2 && (run.server_cores.is_empty() || run.load_cores.is_empty()))
        .then(|| "nothing was pinned to a processor".to_owned());
    let limit = environment.settings.get("cgroup cpu limit").map(|limit| {
        format!("its processors are rationed to {limit}, and run out of it at any moment")
    });
    [few, guest, shared, unpinned, limit]
        .into_iter()
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn only_a_host_with_room_for_both_is_pinned() {
        let mut run = sample::record().run;
        assert_eq!(Tier::of(&run), Tier::Shared);
        run.environment.hypervisor = None;
        assert_eq!(Tier::of(&run), Tier::Shared, "two processors");
        run.environment.cores = (0..8).collect();
        assert_eq!(Tier::of(&run), Tier::Pinned);
        assert_eq!(indicative_because(&run), None);
        run.load_cores = run.server_cores.clone();
        assert_eq!(Tier::of(&run), Tier::Shared);
        assert!(indicative_because(&run).is_some_and(|why| why.contains("of their own")));
    }

    #[test]
    fn counts_stand_everywhere() {
        assert!(Tier::Shared.is_indicative(true) && !Tier::Shared.is_indicative(false));
        assert!(!Tier::Pinned.is_indicative(true));
    }
}
