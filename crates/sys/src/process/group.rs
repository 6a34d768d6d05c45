//! Processes that were started together.

use std::fs;

/// Ids of the living processes in the process group `id`.
#[must_use]
pub fn group(id: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        // One that ends meanwhile is none.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, of) = parse(&stat)?;
        (of == id && state != "Z").then_some(pid)
    });
    pids.collect()
}

/// State and process group.
fn parse(stat: &str) -> Option<(&str, u32)> {
    // The command, in parentheses, may itself hold spaces and parentheses. State, parent and group follow it: proc(5).
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    Some((state, fields.nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn children_of_children_are_in_the_group() {
        let mut child = Command::new("sh")
            .args(["-c", "sleep 1000 & echo; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        let found = group(child.id());
        assert!(found.contains(&child.id()), "{found:?}");
        assert_eq!(found.len(), 2);
        let group_id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process_group(group_id, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        assert!(!group(child.id()).contains(&child.id()));
    }

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        assert_eq!(parse("7 (a) b (c)) S 1 42 3"), Some(("S", 42)));
        assert_eq!(parse("7 (a) S"), None);
    }
}
