//! Exit codes.

use std::process::ExitCode;

/// The codes, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    it could not be done; the last line on standard error says why
  2    wrong arguments
  3    done, but some figure is missing or unusable: trials that failed or lost messages; or a server that was
       verified breaks a rule
  4    compared, and a threshold of --fail-if is exceeded: a regression
  5    compared, and it cannot be told whether a threshold is exceeded
  6    a self-test failed, or a rule of a specification is not kept
  130  interrupted; what was measured is kept and reported
Of several that apply to a comparison, 4 goes before 3 and 3 before 5.";

/// How a command ended, when it ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    WrongArguments,
    Unusable,
    Regression,
    Undecided,
    SelfTestFailed,
    Interrupted,
}

/// The code of [`Exit::Interrupted`].
pub(crate) const INTERRUPTED: u8 = 130;

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::WrongArguments => 2,
            Exit::Unusable => 3,
            Exit::Regression => 4,
            Exit::Undecided => 5,
            Exit::SelfTestFailed => 6,
            Exit::Interrupted => INTERRUPTED,
        })
    }
}

/// Arguments that are well-formed and name what there is not, or contradict each other.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// Returns from a function with [`Wrong`], as `anyhow::bail!` does with a failure.
macro_rules! wrong {
    ($($words:tt)*) => {
        return Err($crate::exit::Wrong(format!($($words)*)).into())
    };
}
pub(crate) use wrong;
