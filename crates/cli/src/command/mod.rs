//! The subcommands, each with its options and its `run`.

pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod serve;

/// Parses a list of cores: `0,1`.
fn cores(text: &str) -> Result<Vec<usize>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let number = |part: &str| part.trim().parse().map_err(|_| format!("{part:?} is not the number of a core"));
    text.split(',').map(number).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn core_lists() {
        assert_eq!(super::cores("0,2, 3"), Ok(vec![0, 2, 3]));
        assert_eq!(super::cores(""), Ok(vec![]));
        assert!(super::cores("0,x").unwrap_err().contains("\"x\""));
    }
}
