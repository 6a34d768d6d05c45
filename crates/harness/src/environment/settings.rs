//! Kernel settings and limits that bear on the figures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, getrlimit};

use super::Root;

/// Settings by the name under which `sysctl` knows them.
const SYSCTLS: [&str; 11] = [
    "fs.file-max",
    "kernel.perf_event_paranoid",
    "net.core.rmem_max",
    "net.core.somaxconn",
    "net.core.wmem_max",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_autocorking",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_wmem",
];

/// Other files that hold a value each.
const FILES: [(&str, &str); 4] = [
    (
        "cpu frequency governor",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    ),
    (
        "cpu turbo disabled",
        "sys/devices/system/cpu/intel_pstate/no_turbo",
    ),
    (
        "simultaneous multithreading",
        "sys/devices/system/cpu/smt/control",
    ),
    ("lo mtu", "sys/class/net/lo/mtu"),
];

pub(super) fn capture(root: &Root) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    };
    for name in SYSCTLS {
        let path = Path::new("proc/sys").join(name.replace('.', "/"));
        // Lists are separated by tabs.
        set(name, root.line(path).map(|value| value.replace('\t', " ")));
    }
    for (name, path) in FILES {
        set(name, root.line(path));
    }
    let huge = root.line("sys/kernel/mm/transparent_hugepage/enabled");
    set(
        "transparent huge pages",
        huge.map(|choices| chosen(&choices).to_owned()),
    );
    set(
        "pressure stall information",
        Some(yes(root.exists("proc/pressure/cpu")).to_owned()),
    );
    set("CONFIG_HZ", config_hz(root));
    set("cgroup cpu limit", cpu_limit(root));
    set("cgroup memory limit", memory_limit(root));
    set("open files", Some(open_files()));
    settings
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// The choice in brackets: `always [madvise] never`.
fn chosen(choices: &str) -> &str {
    let inside = choices
        .split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(choices, |(chosen, _)| chosen)
}

/// Timer interrupts in a second, where the distribution installs the kernel's configuration.
fn config_hz(root: &Root) -> Option<String> {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let config = root.text(format!("boot/config-{release}"))?;
    let value = config
        .lines()
        .find_map(|line| line.strip_prefix("CONFIG_HZ="))?;
    Some(value.trim().to_owned())
}

fn cpu_limit(root: &Root) -> Option<String> {
    let limits = unified(root, "cpu.max").filter(|limit| !limit.starts_with("max"));
    // The strictest of quota per period, over all levels.
    let cores = limits.filter_map(|limit| {
        let (quota, period) = limit.split_once(' ')?;
        Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
    });
    let cores = cores.reduce(f64::min).or_else(|| {
        let directory = legacy(root, "cpu")?;
        let read = |name| root.line(directory.join(name))?.parse::<f64>().ok();
        let quota = read("cpu.cfs_quota_us").filter(|&quota| quota > 0.0)?;
        Some(quota / read("cpu.cfs_period_us")?)
    })?;
    Some(format!("{cores} cores"))
}

fn memory_limit(root: &Root) -> Option<String> {
    let limits = unified(root, "memory.max").filter_map(|limit| limit.parse::<u64>().ok());
    let bytes = limits.min().or_else(|| {
        let directory = legacy(root, "memory")?;
        let bytes: u64 = root
            .line(directory.join("memory.limit_in_bytes"))?
            .parse()
            .ok()?;
        // Without a limit it is the largest number of whole pages.
        (bytes < 1 << 60).then_some(bytes)
    })?;
    Some(format!("{bytes} bytes"))
}

/// The values of a file of the unified hierarchy, from this process's group up to the root.
fn unified(root: &Root, file: &str) -> impl Iterator<Item = String> {
    let base = Path::new("sys/fs/cgroup");
    let group = group_path(root, str::is_empty);
    let levels: Vec<PathBuf> = group
        .iter()
        .flat_map(|group| group.ancestors())
        .map(|p| base.join(p))
        .collect();
    levels
        .into_iter()
        .filter_map(move |level| root.line(level.join(file)))
}

/// Where this process's group is in the hierarchy of one controller of the old kind.
fn legacy(root: &Root, controller: &str) -> Option<PathBuf> {
    let group = group_path(root, |controllers| {
        controllers.split(',').any(|c| c == controller)
    })?;
    let base = Path::new("sys/fs/cgroup").join(controller);
    // In a container the group's own path often is not mounted, but its content is.
    [base.join(group), base]
        .into_iter()
        .find(|path| root.exists(path))
}

/// The path of this process's group, relative to its hierarchy.
fn group_path(root: &Root, wanted: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let groups = root.text("proc/self/cgroup")?;
    groups.lines().find_map(|line| {
        let (_, rest) = line.split_once(':')?;
        let (controllers, path) = rest.split_once(':')?;
        wanted(controllers).then(|| PathBuf::from(path.trim_start_matches('/')))
    })
}

fn open_files() -> String {
    let limit = getrlimit(Resource::Nofile);
    let text = |value: Option<u64>| value.map_or("unlimited".to_owned(), |n| n.to_string());
    format!("{} of {}", text(limit.current), text(limit.maximum))
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::*;

    #[test]
    fn settings_are_named_as_people_know_them() {
        let (_directory, root) = machine(&[
            ("proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n"),
            ("proc/sys/net/core/somaxconn", "4096\n"),
            (
                "sys/kernel/mm/transparent_hugepage/enabled",
                "always [madvise] never\n",
            ),
            ("sys/class/net/lo/mtu", "65536\n"),
        ]);
        let settings = capture(&root);
        assert_eq!(settings["net.ipv4.tcp_rmem"], "4096 131072 6291456");
        assert_eq!(settings["net.core.somaxconn"], "4096");
        assert_eq!(settings["transparent huge pages"], "madvise");
        assert_eq!(settings["lo mtu"], "65536");
        assert_eq!(settings["pressure stall information"], "no");
        assert!(!settings.contains_key("cgroup cpu limit"));
    }

    /// A limit of any level above holds, too.
    #[test]
    fn the_strictest_unified_limit_is_reported() {
        let (_directory, root) = machine(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/b/memory.max", "2048\n"),
            ("sys/fs/cgroup/a/memory.max", "1024\n"),
        ]);
        assert_eq!(cpu_limit(&root).as_deref(), Some("1.5 cores"));
        assert_eq!(memory_limit(&root).as_deref(), Some("1024 bytes"));
    }

    #[test]
    fn limits_of_the_old_kind_are_found() {
        let (_directory, root) = machine(&[
            ("proc/self/cgroup", "4:memory:/x\n2:cpu,cpuacct:/x\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n"),
            ("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(cpu_limit(&root).as_deref(), Some("0.5 cores"));
        assert_eq!(memory_limit(&root).as_deref(), Some("4096 bytes"));
    }

    #[test]
    fn no_limit_is_not_a_limit() {
        let (_directory, root) = machine(&[
            ("proc/self/cgroup", "4:memory:/\n2:cpu:/\n"),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
        ]);
        assert_eq!((cpu_limit(&root), memory_limit(&root)), (None, None));
    }
}
