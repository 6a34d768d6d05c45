//! What callgrind writes: instructions of a whole life, and who called whom how often.
//!
//! The format is that of valgrind's manual, "Callgrind Format Specification": names are compressed, so that the first
//! mention of a function is `(number) name` and every later one `(number)`; a `cfn=` line names the function that the
//! next `calls=COUNT ...` line counts calls of.

use std::collections::HashMap;

use super::Counts;

/// The C library's functions that give memory. Rust's allocator is a thin layer above them.
const ALLOCATORS: [&str; 6] = [
    "malloc",
    "calloc",
    "realloc",
    "posix_memalign",
    "aligned_alloc",
    "memalign",
];

/// `instructions` and `allocations` of the process. `None` if the text has no total.
pub(super) fn read(text: &str) -> Option<Counts> {
    let (mut total, mut allocations) = (None, 0_u64);
    let mut names = HashMap::new();
    let mut called = None;
    for line in text.lines() {
        if let Some(figure) = line.strip_prefix("totals: ") {
            total = figure.trim().parse().ok();
        } else if let Some(function) = line.strip_prefix("cfn=") {
            called = name(&mut names, function);
        } else if let Some(function) = line.strip_prefix("fn=") {
            name(&mut names, function);
        } else if let Some(calls) = line.strip_prefix("calls=")
            && called.is_some_and(|name| ALLOCATORS.contains(&name))
        {
            let count = calls.split_whitespace().next()?;
            allocations += count.parse::<u64>().ok()?;
        }
    }
    Some(Counts::from([
        ("instructions".to_owned(), total?),
        ("allocations".to_owned(), allocations as f64),
    ]))
}

/// The function's name, learnt where it is mentioned first.
fn name<'a>(names: &mut HashMap<&'a str, &'a str>, function: &'a str) -> Option<&'a str> {
    let Some((number, name)) = function.split_once(' ') else {
        // Uncompressed names have no number.
        return names
            .get(function)
            .copied()
            .or((!function.starts_with('(')).then_some(function));
    };
    // A cycle's second round has a name of its own.
    let name = name.split('\'').next().unwrap_or(name);
    names.insert(number, name);
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_allocators_are_added_up_under_compressed_names() {
        let text = "fn=(1) main\n7 3\ncfn=(2) malloc\ncalls=5 0\n7 100\ncfn=(3) free\ncalls=5 0\n7 50\n\
                    fn=(4) realloc\n9 3\nfn=(5) other\ncfi=(8) x.c\ncfn=(2)\ncalls=2 0\n8 9\ncfn=(4)\ncalls=1 0\n\
                    8 9\ncfn=(6) malloc'2\ncalls=4 0\n8 9\ncfn=(7) _int_malloc\ncalls=40 0\n8 9\ntotals: 1234\n";
        let counts = read(text).unwrap();
        assert_eq!(counts["instructions"], 1234.0);
        assert_eq!(counts["allocations"], 12.0);
    }

    #[test]
    fn a_text_without_a_total_is_no_count() {
        assert_eq!(read("fn=(1) main\n7 3\n"), None);
    }
}
