//! Which cores the server gets and which the load process.

use std::fs;

use pushbench_sys::affinity;

/// A division of the cores. Disjoint, unless there is only one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreSplit {
    /// Cores of the server.
    pub server: Vec<usize>,
    /// Cores of the load process.
    pub load: Vec<usize>,
}

impl CoreSplit {
    /// Divides the cores this process may use.
    #[must_use]
    pub fn of_this_machine() -> Self {
        let online = affinity::online_cores();
        if online.is_empty() {
            // More cores than a plain affinity mask can name: the first of them are among those.
            let count = std::thread::available_parallelism().map_or(1, usize::from);
            return Self::of(&(0..count).collect::<Vec<_>>(), place);
        }
        Self::of(&online, place)
    }

    /// Divides `cores` into a first and a second half. `place` is the package and physical core of a logical one:
    /// hardware threads of one physical core stay on one side, because they slow each other down. The load process
    /// gets the larger half: it must never be what limits a figure.
    #[must_use]
    pub fn of(cores: &[usize], place: impl Fn(usize) -> (u32, u32)) -> Self {
        let mut cores = cores.to_vec();
        cores.sort_by_key(|&core| (place(core), core));
        if cores.len() < 2 {
            return Self {
                server: cores.clone(),
                load: cores,
            };
        }
        let middle = cores.len() / 2;
        let whole = (1..=middle).rev().find(|&at| {
            let (before, after) = (place(cores[at - 1]), place(cores[at]));
            before != after
        });
        let mut load = cores.split_off(whole.unwrap_or(middle));
        cores.sort_unstable();
        load.sort_unstable();
        Self {
            server: cores,
            load,
        }
    }

    /// Whether server and load process have no core in common.
    #[must_use]
    pub fn is_disjoint(&self) -> bool {
        self.server.iter().all(|core| !self.load.contains(core))
    }
}

/// The form of a core list on a command line: `0,1`.
pub(crate) fn list(cores: &[usize]) -> String {
    let cores: Vec<String> = cores.iter().map(ToString::to_string).collect();
    cores.join(",")
}

/// Package and physical core by the kernel; the logical number itself where it does not say.
fn place(core: usize) -> (u32, u32) {
    let read = |name: &str| -> Option<u32> {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/{name}");
        fs::read_to_string(path).ok()?.trim().parse().ok()
    };
    match (read("physical_package_id"), read("core_id")) {
        (Some(package), Some(physical)) => (package, physical),
        _ => (0, u32::try_from(core).unwrap_or(u32::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(cores: &[usize], place: impl Fn(usize) -> (u32, u32)) -> (Vec<usize>, Vec<usize>) {
        let split = CoreSplit::of(cores, place);
        (split.server, split.load)
    }

    #[test]
    fn halves_are_disjoint_and_the_load_gets_the_odd_one() {
        let each = |core| (0, core as u32);
        assert_eq!(split(&[0, 1], each), (vec![0], vec![1]));
        assert_eq!(split(&[4, 6, 7], each), (vec![4], vec![6, 7]));
        assert_eq!(split(&[0, 1, 2, 3], each), (vec![0, 1], vec![2, 3]));
        assert!(CoreSplit::of(&[0, 1, 2], each).is_disjoint());
    }

    #[test]
    fn one_core_is_shared() {
        assert_eq!(split(&[3], |_| (0, 0)), (vec![3], vec![3]));
        assert!(!CoreSplit::of(&[3], |_| (0, 0)).is_disjoint());
    }

    /// Linux often numbers the second hardware threads after all the first ones.
    #[test]
    fn hardware_threads_of_a_core_stay_together() {
        let four_by_two = |core| (0, core as u32 % 4);
        assert_eq!(
            split(&[0, 1, 2, 3, 4, 5, 6, 7], four_by_two),
            (vec![0, 1, 4, 5], vec![2, 3, 6, 7])
        );
        let three_by_two = |core| (0, core as u32 / 2);
        assert_eq!(
            split(&[0, 1, 2, 3, 4, 5], three_by_two),
            (vec![0, 1], vec![2, 3, 4, 5])
        );
        // Two threads of the only core: there is nothing better than one each.
        assert_eq!(split(&[0, 1], |_| (0, 0)), (vec![0], vec![1]));
    }

    #[test]
    fn this_machine_has_cores_for_both() {
        let split = CoreSplit::of_this_machine();
        assert!(!split.server.is_empty() && !split.load.is_empty());
    }

    #[test]
    fn lists_are_separated_by_commas() {
        assert_eq!(list(&[0, 12]), "0,12");
    }
}
