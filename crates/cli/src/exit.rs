//! Exit codes.

use std::process::ExitCode;

/// The codes, for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    it could not be done; the last line on standard error says why
  2    wrong arguments
  3    done, but some figure is missing or unusable: trials that failed or lost messages
  6    a self-test failed
  130  interrupted; what was measured is kept and reported";

/// How a command ended, when it ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done,
    Failed,
    Unusable,
    SelfTestFailed,
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Unusable => 3,
            Exit::SelfTestFailed => 6,
            Exit::Interrupted => 130,
        })
    }
}
