//! What one side of a trial used, read from outside at the barriers, while nothing is in flight.
//!
//! A side is a process group: a server that works in child processes must not look cheaper than one that works in
//! threads. For a server of one process, the group is that process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use pushbench_model::record::{Cost, CounterValues, MemoryUse, PUBLISHER_THREAD, Usage};
use pushbench_sys::counters::{Counters, Counts};
use pushbench_sys::process::{self, CpuSplit, Memory};

/// Follows one side from the time it is ready.
pub(crate) struct Probe {
    leader: u32,
    counters: Vec<Counters>,
    before: Memory,
    connected: Option<Memory>,
    after: Option<Memory>,
    begin: Option<Reading>,
    cost: Option<Cost>,
    cpu_ns: u64,
}

/// Longer than a tick of any kernel (100 Hz at the least).
const REST: Duration = Duration::from_millis(12);
const REST_ATTEMPTS: u32 = 8;
/// Readings in a row that find no work.
const RESTS: u32 = 3;
/// A side that used less than this in [`REST`] is at rest; timers of a runtime may still go off.
const RESTED_NS: u64 = 50_000;

impl Probe {
    /// Takes the memory before the first connection, and starts to count instructions if `count` says so.
    pub(crate) fn attach(leader: u32, count: bool) -> io::Result<Self> {
        let members = members(leader);
        let counters = if count {
            // Children of these are counted with them. All or none: a part would be a wrong figure.
            let all: Result<Vec<_>, _> = members
                .iter()
                .map(|&id| Counters::attach_without(id, Some(PUBLISHER_THREAD)))
                .collect();
            all.unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Self {
            leader,
            counters,
            before: memory(&members)?,
            connected: None,
            after: None,
            begin: None,
            cost: None,
            cpu_ns: 0,
        })
    }

    /// All connections are open and idle.
    pub(crate) fn connected(&mut self) -> io::Result<()> {
        self.connected = Some(memory(&members(self.leader))?);
        Ok(())
    }

    /// The measured phase begins.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        self.begin = Some(self.settled_reading()?);
        Ok(())
    }

    /// The measured phase has ended.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        let end = self.settled_reading()?;
        self.cpu_ns = end.cpu_ns();
        self.cost = self.begin.as_ref().map(|begin| end.since(begin));
        self.after = Some(memory(&members(self.leader))?);
        Ok(())
    }

    /// Processor time from the start of the side to the end of the measured phase, nanoseconds.
    pub(crate) fn cpu_ns(&self) -> u64 {
        self.cpu_ns
    }

    /// A reading of a side that has come to rest. Messages are no longer in flight at a barrier, but their last
    /// consequences may be: a poll that is asked again, an answer, a closed connection. And the clock of a process
    /// that is running lags by up to a tick. A side that never rests is read as it is.
    fn settled_reading(&mut self) -> io::Result<Reading> {
        let mut reading = self.reading()?;
        for _ in 0..REST_ATTEMPTS {
            thread::sleep(REST);
            let next = self.reading()?;
            let rested = next.cpu_ns().abs_diff(reading.cpu_ns()) <= RESTED_NS;
            reading = next;
            if rested {
                break;
            }
        }
        Ok(reading)
    }

    /// Waits until the side has come to rest, at most for `limit`: a receiver that has fallen behind is still at work when
    /// the last message has been sent. Several readings must agree, because one may fall between two of its turns.
    pub(crate) fn rest(&mut self, limit: Duration) -> io::Result<()> {
        let (mut earlier, mut agreeing) = (self.reading()?.cpu_ns(), 0);
        let begin = Instant::now();
        while agreeing < RESTS && begin.elapsed() < limit {
            thread::sleep(REST);
            let now = self.reading()?.cpu_ns();
            agreeing = if now.abs_diff(earlier) <= RESTED_NS {
                agreeing + 1
            } else {
                0
            };
            earlier = now;
        }
        Ok(())
    }

    /// What was used, if the measured phase has ended.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let memory = self.connected.map(|connected| MemoryUse {
            rss_before: self.before.rss_bytes,
            rss_connected: connected.rss_bytes,
            anonymous_before: self.before.anonymous_bytes,
            anonymous_connected: connected.anonymous_bytes,
            pss_before: self.before.pss_bytes,
            pss_connected: connected.pss_bytes,
            anonymous_after: self.after.as_ref().and_then(|after| after.anonymous_bytes),
            rss_after: self.after.as_ref().map(|after| after.rss_bytes),
            rss_peak: self.after.as_ref().and_then(|after| after.peak_bytes),
        });
        Some(Usage {
            cost: self.cost?,
            memory,
        })
    }

    fn reading(&mut self) -> io::Result<Reading> {
        let counts: Result<Vec<_>, _> = self.counters.iter_mut().map(Counters::read).collect();
        let mut processes = BTreeMap::new();
        for id in members(self.leader) {
            match Times::of(id) {
                Ok(times) => drop(processes.insert(id, times)),
                Err(error) if id == self.leader => return Err(error),
                // A worker that ended since the listing.
                Err(_) => {}
            }
        }
        Ok(Reading {
            processes,
            counts: counts.ok().filter(|counts| !counts.is_empty()),
        })
    }
}

/// Everything of which only differences mean something.
struct Reading {
    processes: BTreeMap<u32, Times>,
    counts: Option<Vec<Counts>>,
}

impl Reading {
    fn cpu_ns(&self) -> u64 {
        self.processes.values().map(|times| times.cpu_ns).sum()
    }

    fn since(&self, earlier: &Self) -> Cost {
        let mut cost = Cost {
            counters: self.counts_since(earlier),
            ..Cost::default()
        };
        for (id, now) in &self.processes {
            // One that was not there before has started since, at zero.
            let then = earlier.processes.get(id).copied().unwrap_or_default();
            cost.cpu_ns += now.cpu_ns.saturating_sub(then.cpu_ns);
            cost.publisher_cpu_ns += now.publisher_ns.saturating_sub(then.publisher_ns);
            cost.user_ns += now.user_ns.saturating_sub(then.user_ns);
            cost.system_ns += now.system_ns.saturating_sub(then.system_ns);
            // Ended threads take their counts along, so this can run backwards.
            cost.context_switches += now.switches.saturating_sub(then.switches);
        }
        cost
    }

    /// Absent when the processor had too few counters: an estimate must not pass for a count.
    fn counts_since(&self, earlier: &Self) -> Option<CounterValues> {
        let (now, then) = (self.counts.as_ref()?, earlier.counts.as_ref()?);
        if now.iter().any(|counts| counts.scaled) {
            return None;
        }
        let sum = |value: fn(&Counts) -> Option<u64>| -> Option<u64> {
            let (mut after, mut before) = (0, 0);
            for counts in now {
                after += value(counts)?;
            }
            for counts in then {
                before += value(counts)?;
            }
            Some(after.saturating_sub(before))
        };
        Some(CounterValues {
            user_instructions: sum(|counts| Some(counts.user_instructions))?,
            kernel_instructions: sum(|counts| counts.kernel_instructions),
            user_cycles: sum(|counts| Some(counts.user_cycles))?,
            kernel_cycles: sum(|counts| counts.kernel_cycles),
        })
    }
}

#[derive(Clone, Copy, Default)]
struct Times {
    cpu_ns: u64,
    publisher_ns: u64,
    user_ns: u64,
    system_ns: u64,
    switches: u64,
}

impl Times {
    fn of(id: u32) -> io::Result<Self> {
        let CpuSplit { user_ns, system_ns } = process::cpu_split(id)?;
        let switches = process::context_switches(id)?;
        Ok(Self {
            cpu_ns: process::cpu_time_ns(id)?,
            // Without the kernel's statistics the thread's share is not known, and stays in.
            publisher_ns: process::named_threads_cpu_ns(id, PUBLISHER_THREAD).unwrap_or(0),
            user_ns,
            system_ns,
            switches: switches.voluntary + switches.involuntary,
        })
    }
}

/// The processes of the group that `leader` leads, itself included.
pub(crate) fn members(leader: u32) -> Vec<u32> {
    let listing = fs::read_dir("/proc").into_iter().flatten();
    let ids = listing.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let others = ids.filter(|&id| id != leader && group_of(id) == Some(leader));
    std::iter::once(leader).chain(others).collect()
}

fn group_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // proc(5): state, parent and group follow the name, which may itself hold parentheses.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// The memory of several processes. Resident pages that they share count for each of them; proportional ones once.
fn memory(members: &[u32]) -> io::Result<Memory> {
    let (leader, workers) = members.split_first().ok_or(io::ErrorKind::NotFound)?;
    let mut sum = process::memory(*leader)?;
    for worker in workers.iter().filter_map(|&id| process::memory(id).ok()) {
        let add = |a: Option<u64>, b: Option<u64>| Some(a? + b?);
        sum.rss_bytes += worker.rss_bytes;
        sum.pss_bytes = add(sum.pss_bytes, worker.pss_bytes);
        sum.anonymous_bytes = add(sum.anonymous_bytes, worker.anonymous_bytes);
        sum.private_bytes = add(sum.private_bytes, worker.private_bytes);
        sum.peak_bytes = add(sum.peak_bytes, worker.peak_bytes);
        sum.threads += worker.threads;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(instructions: u64, kernel: Option<u64>, scaled: bool) -> Counts {
        Counts {
            user_instructions: instructions,
            kernel_instructions: kernel,
            user_cycles: instructions,
            kernel_cycles: kernel,
            scaled,
        }
    }

    fn reading(processes: &[(u32, u64)], counts: Option<Vec<Counts>>) -> Reading {
        let times = |&(id, cpu_ns)| {
            let times = Times {
                cpu_ns,
                ..Times::default()
            };
            (id, times)
        };
        Reading {
            processes: processes.iter().map(times).collect(),
            counts,
        }
    }

    #[test]
    fn workers_count_with_their_server() {
        let begin = reading(&[(1, 100), (2, 50), (3, 7)], None);
        // 3 has ended, 4 has started.
        let end = reading(&[(1, 130), (2, 60), (4, 5)], None);
        assert_eq!(end.since(&begin).cpu_ns, 30 + 10 + 5);
        assert_eq!(end.since(&begin).counters, None);
    }

    #[test]
    fn counts_are_differences_and_never_estimates() {
        let at = |n, kernel, scaled| reading(&[], Some(vec![counts(n, kernel, scaled); 2]));
        let begin = at(100, Some(10), false);
        let values = at(150, Some(15), false).since(&begin).counters.unwrap();
        assert_eq!(
            (values.user_instructions, values.kernel_cycles),
            (100, Some(10))
        );
        assert_eq!(at(150, Some(15), true).since(&begin).counters, None);
        let values = at(150, None, false).since(&begin).counters.unwrap();
        assert_eq!(values.kernel_instructions, None);
    }

    #[test]
    fn a_group_is_found_by_its_leader() {
        use std::io::{BufRead as _, BufReader};
        use std::os::unix::process::CommandExt as _;
        use std::process::{Command, Stdio};
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 & echo $!; read x; kill $!"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let worker: u32 = line.trim().parse().unwrap();
        let mut members = members(child.id());
        members.sort_unstable();
        let mut expected = [child.id(), worker];
        expected.sort_unstable();
        assert_eq!(members, expected);
        assert!(memory(&members).unwrap().rss_bytes > 0);
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
