//! The end of a process group.

use std::fs;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::sample::members;

/// A process that was killed ends once the kernel lets it; only one that waits for a disk or a device takes longer than this.
const END: Duration = Duration::from_secs(5);

/// Kills the group that `leader` leads, and returns when no process of it runs any more: a signal is only on its way when
/// `kill` returns, and who it is meant for holds its ports and its core until it arrives. The leader must not have been
/// reaped, so that the group is nobody else's.
pub(super) fn end(leader: Pid) {
    let deadline = Instant::now() + END;
    loop {
        // The group may be gone; whatever else fails shows as a member that runs on.
        let _ = kill_process_group(leader, Signal::KILL);
        let alive = alive(leader);
        if alive.is_empty() || Instant::now() >= deadline {
            return;
        }
        for id in alive {
            await_end(id, deadline);
        }
    }
}

/// Members of the group that have not ended.
fn alive(leader: Pid) -> Vec<Pid> {
    let members = members(leader.as_raw_nonzero().get().unsigned_abs()).into_iter();
    members
        .filter(|&id| runs(id))
        .filter_map(|id| Pid::from_raw(id.cast_signed()))
        .collect()
}

/// Whether it is there, and not only its exit status (Z) or less (X).
pub(super) fn runs(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // proc(5): the state follows the name, which may itself hold parentheses.
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

fn await_end(id: Pid, deadline: Instant) {
    // Without a descriptor it has just gone.
    let Ok(process) = pidfd_open(id, PidfdFlags::empty()) else {
        return;
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let left = Timespec::try_from(left).ok();
    // However this returns, what runs is counted anew.
    let _ = poll(&mut [PollFd::new(&process, PollFlags::IN)], left.as_ref());
}
