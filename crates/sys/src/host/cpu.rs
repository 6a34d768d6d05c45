//! `/proc/stat`.

use std::collections::BTreeMap;
use std::io;

use crate::procfs;

/// How a core, or all of them, spent its time: nanoseconds since boot in whole clock ticks (10 ms).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In programs.
    pub user: u64,
    /// In programs of lowered priority.
    pub nice: u64,
    /// In the kernel.
    pub system: u64,
    /// Nothing to do.
    pub idle: u64,
    /// Nothing to do but wait for a disk.
    pub iowait: u64,
    /// Hardware interrupts.
    pub irq: u64,
    /// Soft interrupts: on loopback, most of the network stack.
    pub softirq: u64,
    /// Wanted to run, but the hypervisor ran another machine.
    pub steal: u64,
}

impl CpuTimes {
    /// The time spent since an `earlier` reading. Idle times can run backwards by a tick or so; such a
    /// difference is 0.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            nice: self.nice.saturating_sub(earlier.nice),
            system: self.system.saturating_sub(earlier.system),
            idle: self.idle.saturating_sub(earlier.idle),
            iowait: self.iowait.saturating_sub(earlier.iowait),
            irq: self.irq.saturating_sub(earlier.irq),
            softirq: self.softirq.saturating_sub(earlier.softirq),
            steal: self.steal.saturating_sub(earlier.steal),
        }
    }

    /// Time in which the core did something for this machine.
    #[must_use]
    pub fn busy(&self) -> u64 {
        self.user + self.nice + self.system + self.irq + self.softirq
    }

    /// All time: busy, idle and stolen.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.busy() + self.idle + self.iowait + self.steal
    }
}

/// The times of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCpu {
    /// Sum over all cores.
    pub total: CpuTimes,
    /// By core number; cores that are offline are missing.
    pub cores: BTreeMap<usize, CpuTimes>,
}

/// Reads the CPU times of the machine.
///
/// # Errors
///
/// Where `/proc` is not mounted.
pub fn cpu_times() -> io::Result<HostCpu> {
    const PATH: &str = "/proc/stat";
    parse(&procfs::read(PATH)?).ok_or_else(|| procfs::malformed(PATH))
}

fn parse(stat: &str) -> Option<HostCpu> {
    let mut total = None;
    let mut cores = BTreeMap::new();
    // The lines of the cores come first.
    for line in stat.lines().map_while(|line| line.strip_prefix("cpu")) {
        let (core, times) = line.split_once(' ')?;
        let times = parse_times(times)?;
        if core.is_empty() {
            total = Some(times);
        } else {
            cores.insert(core.parse().ok()?, times);
        }
    }
    Some(HostCpu {
        total: total?,
        cores,
    })
}

fn parse_times(text: &str) -> Option<CpuTimes> {
    let mut ticks = text.split_ascii_whitespace().map(str::parse);
    let mut next_ns = || ticks.next()?.ok().map(procfs::ticks_to_ns);
    // The order of proc(5). Guest times follow, but they are already in user and nice.
    Some(CpuTimes {
        user: next_ns()?,
        nice: next_ns()?,
        system: next_ns()?,
        idle: next_ns()?,
        iowait: next_ns()?,
        irq: next_ns()?,
        softirq: next_ns()?,
        steal: next_ns()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_the_documented_order() {
        let stat =
            "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu12 0 1 2 3 4 5 6 7\nintr 5\n";
        let tick = procfs::ticks_to_ns(1);
        let host = parse(stat).unwrap();
        assert_eq!(host.total.user, tick);
        assert_eq!(host.total.steal, 8 * tick);
        assert_eq!(host.total.busy(), (1 + 2 + 3 + 6 + 7) * tick);
        assert_eq!(host.total.total(), 36 * tick);
        assert_eq!(host.cores.keys().copied().collect::<Vec<_>>(), [0, 12]);
        assert_eq!(host.cores[&12].since(&host.cores[&0]).steal, 6 * tick);
        assert_eq!(host.cores[&12].since(&host.cores[&0]).user, 0);
    }

    #[test]
    fn other_text_is_refused() {
        for stat in ["", "cpu 1 2 3\n", "cpu0 1 1 1 1 1 1 1 1\n", "intr 1\n"] {
            assert_eq!(parse(stat), None, "{stat}");
        }
    }

    #[test]
    fn this_machine_has_the_cores_this_thread_may_use() {
        let host = cpu_times().unwrap();
        assert!(host.total.total() > 0);
        for core in crate::affinity::online_cores() {
            assert!(host.cores.contains_key(&core), "core {core}");
        }
    }
}
