//! The barriers of a load process and their order.

/// Where the load process is, by the barriers it has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Started,
    Ready,
    Connected,
    Measure,
    Done,
}

impl Phase {
    /// What comes next, for sentences. Workloads that hold no connections leave out `connected`.
    pub(super) fn next(self) -> &'static str {
        match self {
            Self::Started => "`PHASE ready`",
            Self::Ready => "`PHASE connected` or `PHASE measure`",
            Self::Connected => "`PHASE measure`",
            Self::Measure => "`PHASE done`",
            Self::Done => "`RESULT`",
        }
    }

    /// The phase that `line` announces, if it may follow this one.
    pub(super) fn follow(self, line: &str) -> Result<Self, String> {
        let next = match line.strip_prefix("PHASE ").map(str::trim) {
            Some("ready") => Some(Self::Ready),
            Some("connected") => Some(Self::Connected),
            Some("measure") => Some(Self::Measure),
            Some("done") => Some(Self::Done),
            _ => None,
        };
        let may_follow = |&next: &Self| match next {
            Self::Measure => matches!(self, Self::Ready | Self::Connected),
            Self::Done => self == Self::Measure,
            Self::Connected => self == Self::Ready,
            Self::Ready => self == Self::Started,
            Self::Started => false,
        };
        next.filter(may_follow).ok_or_else(|| {
            format!(
                "the load process printed `{line}` where {} was expected",
                self.next()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other() {
        use Phase::{Connected, Done, Measure, Ready, Started};
        for (from, line, to) in [
            (Started, "PHASE ready", Ready),
            (Ready, "PHASE connected", Connected),
            (Ready, "PHASE measure", Measure),
            (Connected, "PHASE measure", Measure),
            (Measure, "PHASE done", Done),
        ] {
            assert_eq!(from.follow(line), Ok(to));
        }
        for (from, line) in [
            (Started, "PHASE measure"),
            (Ready, "PHASE ready"),
            (Measure, "PHASE connected"),
            (Done, "PHASE done"),
            (Measure, "PHASE sleep"),
        ] {
            let error = from.follow(line).unwrap_err();
            assert!(
                error.contains(line) && error.contains(from.next()),
                "{error}"
            );
        }
    }
}
