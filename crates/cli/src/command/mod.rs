//! The subcommands, each with its options and its `run`.

pub(crate) mod anatomy;
pub(crate) mod browser;
pub(crate) mod clients;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod conform;
pub(crate) mod decode;
pub(crate) mod doctor;
pub(crate) mod inspect;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod museum;
pub(crate) mod peers;
pub(crate) mod plan;
pub(crate) mod proxies;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod saturate;
pub(crate) mod schema;
pub(crate) mod selftest;
pub(crate) mod serve;
pub(crate) mod trial;
pub(crate) mod verify;

/// A list of cores: `0,1`. Empty means that nothing is pinned.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cores(Vec<usize>);

impl std::str::FromStr for Cores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let number = |part: &str| {
            part.trim()
                .parse()
                .map_err(|_| format!("{part:?} is not the number of a core"))
        };
        text.split(',')
            .map(number)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Cores;

    #[test]
    fn core_lists() {
        assert_eq!("0,2, 3".parse(), Ok(Cores(vec![0, 2, 3])));
        assert_eq!("".parse(), Ok(Cores(vec![])));
        assert!("0,x".parse::<Cores>().unwrap_err().contains("\"x\""));
    }
}
