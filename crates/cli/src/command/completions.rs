//! `pushbench completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::exit::Exit;
use crate::output;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(
        options.shell,
        &mut crate::Cli::command(),
        "pushbench",
        &mut script,
    );
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
