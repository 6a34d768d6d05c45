//! Processor, memory, kernel, and what to call them.

use pushbench_model::environment::Environment;

use super::Root;

/// Vendors by what they put into the firmware's table, for machines that do not say `hypervisor` on the processor.
const VIRTUAL: [&str; 9] = [
    "QEMU",
    "KVM",
    "Amazon EC2",
    "Google",
    "VMware",
    "innotek",
    "Xen",
    "Microsoft Corporation",
    "Parallels",
];

pub(super) fn cpu_model(root: &Root) -> String {
    let info = root.text("proc/cpuinfo").unwrap_or_default();
    field(&info, "model name")
        .or_else(|| field(&info, "Model"))
        .or_else(|| field(&info, "cpu model"))
        // ARM names its processors by number only.
        .map_or_else(
            || format!("unknown {} processor", std::env::consts::ARCH),
            str::to_owned,
        )
}

/// The vendor of the hypervisor, or `unknown` when there is one that hides.
pub(super) fn hypervisor(root: &Root) -> Option<String> {
    let info = root.text("proc/cpuinfo").unwrap_or_default();
    let flagged = field(&info, "flags").is_some_and(|flags| {
        flags
            .split_ascii_whitespace()
            .any(|flag| flag == "hypervisor")
    });
    let said = root
        .line("sys/hypervisor/type")
        .filter(|kind| kind != "none")
        .or_else(|| root.line("sys/class/dmi/id/sys_vendor"));
    if flagged {
        return Some(said.unwrap_or_else(|| "unknown".to_owned()));
    }
    // x86 always has the flag; elsewhere the firmware is all there is.
    let has_flags = field(&info, "flags").is_some();
    said.filter(|vendor| !has_flags && VIRTUAL.iter().any(|name| vendor.contains(name)))
}

pub(super) fn memory_bytes(root: &Root) -> u64 {
    let info = root.text("proc/meminfo").unwrap_or_default();
    let kib = field(&info, "MemTotal").and_then(|value| value.split(' ').next()?.parse().ok());
    kib.map_or(0, |kib: u64| kib * 1024)
}

pub(super) fn kernel() -> String {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    format!(
        "{} {} {}",
        text(uname.sysname()),
        text(uname.release()),
        text(uname.machine())
    )
}

pub(super) fn describe(cpu_model: &str, cores: usize, hypervisor: Option<&str>) -> String {
    let plural = if cores == 1 { "core" } else { "cores" };
    let kind = match hypervisor {
        Some("unknown") => ", virtual".to_owned(),
        Some(vendor) => format!(", virtual ({vendor})"),
        None => String::new(),
    };
    format!("{cpu_model}, {cores} {plural}{kind}")
}

/// A name for directories: `epyc-2c`, `xeon-platinum-8275cl-96c`.
#[must_use]
pub fn short_name(environment: &Environment) -> String {
    // What every processor is, and who sells it.
    const NOISE: [&str; 10] = [
        "amd",
        "intel",
        "cpu",
        "processor",
        "r",
        "tm",
        "core",
        "with",
        "gen",
        "unknown",
    ];
    let model = environment.cpu_model.to_ascii_lowercase();
    let model = model.split('@').next().unwrap_or_default();
    let words = model
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !NOISE.contains(word));
    let mut parts: Vec<String> = words.take(3).map(str::to_owned).collect();
    parts.push(format!("{}c", environment.cores.len()));
    parts.join("-")
}

/// The value after `key` and a colon, on the first line that has it.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim_end() == key).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::machine;
    use super::*;

    fn named(cpu_model: &str, cores: usize) -> String {
        short_name(&Environment {
            cpu_model: cpu_model.into(),
            cores: (0..cores).collect(),
            ..Environment::default()
        })
    }

    #[test]
    fn short_names_fit_into_file_names() {
        assert_eq!(named("AMD EPYC", 2), "epyc-2c");
        assert_eq!(
            named("Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz", 96),
            "xeon-platinum-8275cl-96c"
        );
        assert_eq!(
            named("AMD Ryzen 9 5950X 16-Core Processor", 32),
            "ryzen-9-5950x-32c"
        );
        assert_eq!(
            named("11th Gen Intel(R) Core(TM) i7-1185G7", 8),
            "11th-i7-1185g7-8c"
        );
        assert_eq!(named("unknown aarch64 processor", 4), "aarch64-4c");
        assert_eq!(named("", 1), "1c");
    }

    #[test]
    fn machines_are_described() {
        assert_eq!(
            describe("AMD EPYC", 2, Some("QEMU")),
            "AMD EPYC, 2 cores, virtual (QEMU)"
        );
        assert_eq!(
            describe("AMD EPYC", 1, Some("unknown")),
            "AMD EPYC, 1 core, virtual"
        );
        assert_eq!(describe("Apple M1", 8, None), "Apple M1, 8 cores");
    }

    #[test]
    fn processor_and_memory_are_read() {
        let (_directory, root) = machine(&[
            (
                "proc/cpuinfo",
                "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu hypervisor\n",
            ),
            ("proc/meminfo", "MemTotal:       1024 kB\nMemFree: 1 kB\n"),
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
        ]);
        assert_eq!(cpu_model(&root), "AMD EPYC");
        assert_eq!(memory_bytes(&root), 1 << 20);
        assert_eq!(hypervisor(&root).as_deref(), Some("Amazon EC2"));
    }

    #[test]
    fn a_physical_machine_has_no_hypervisor() {
        let vendor = ("sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n");
        let (_directory, root) = machine(&[
            ("proc/cpuinfo", "model name : x\nflags : fpu sse\n"),
            vendor,
        ]);
        assert_eq!(hypervisor(&root), None, "a laptop of that vendor");
        let (_directory, root) = machine(&[("proc/cpuinfo", "CPU part : 0xd0c\n"), vendor]);
        assert_eq!(hypervisor(&root).as_deref(), Some("Microsoft Corporation"));
        assert!(cpu_model(&root).starts_with("unknown"));
    }
}
