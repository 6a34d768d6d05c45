//! Where the outcome goes, and in which format.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;
use pushbench_report::drive::{Driven, Judged, Paper, csv, hlog, html, text};

use crate::exit::wrong;
use crate::output;

/// `json`, or `html=page.html`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Output {
    format: Format,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Csv,
    Html,
    Hdr,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err("a file is missing behind the =".into()),
            Some((format, file)) => (format, Some(file.into())),
            None => (text, None),
        };
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "csv" => Format::Csv,
            "html" => Format::Html,
            other => {
                return Err(format!(
                    "no format {other:?}; there are text, json, csv and html, each with =FILE to write it there"
                ));
            }
        };
        Ok(Self { format, file })
    }
}

/// Places that were found good before the drive began.
pub(super) struct Outputs(Vec<(Format, Option<(PathBuf, File)>)>);

impl Outputs {
    /// Opens all files: a wrong path is told before minutes are spent. What they hold is kept until there is something
    /// to put in its place.
    pub(super) fn open(outputs: &[Output], hdr: Option<&Path>) -> anyhow::Result<Self> {
        let to_stdout = outputs.iter().filter(|output| output.file.is_none());
        if to_stdout.count() > 1 {
            wrong!(
                "two formats would be mixed on standard output: give one of them a file, such as --output json=FILE"
            );
        }
        let text = Output {
            format: Format::Text,
            file: None,
        };
        let default = [text];
        let outputs = if outputs.is_empty() {
            &default
        } else {
            outputs
        };
        let hdr = hdr.map(|path| (Format::Hdr, Some(path.to_owned())));
        let wanted = outputs
            .iter()
            .map(|output| (output.format, output.file.clone()));
        let open = |(format, path): (Format, Option<PathBuf>)| {
            let file = path.map(|path| -> anyhow::Result<_> {
                let options = File::options()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&path);
                let file = options.with_context(|| format!("cannot write {}", path.display()))?;
                Ok((path, file))
            });
            Ok((format, file.transpose()?))
        };
        Ok(Self(
            wanted.chain(hdr).map(open).collect::<anyhow::Result<_>>()?,
        ))
    }

    /// Writes everything.
    pub(super) fn write(self, driven: &Driven<'_>, judged: &[Judged]) -> anyhow::Result<()> {
        for (format, place) in self.0 {
            let written = match format {
                Format::Text => text(driven, judged, paper(place.is_none())),
                Format::Json => serde_json::to_string_pretty(driven.report)? + "\n",
                Format::Csv => csv(driven),
                Format::Html => html(driven, judged),
                Format::Hdr => hlog(driven),
            };
            match place {
                None => output::print(&written)?,
                Some((path, mut file)) => {
                    // A pipe has no length.
                    let _ = file.set_len(0);
                    file.write_all(written.as_bytes())
                        .with_context(|| format!("cannot write {}", path.display()))?;
                }
            }
        }
        Ok(())
    }
}

fn paper(on_stdout: bool) -> Paper {
    let terminal = on_stdout && std::io::stdout().is_terminal();
    Paper {
        width: output::width(),
        colour: terminal && crate::drive::colours(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_with_and_without_a_file() {
        let parse = |text: &str| text.parse::<Output>();
        assert_eq!(parse("json").unwrap().file, None);
        let page = parse("html=a=b.html").unwrap();
        assert_eq!(
            (page.format, page.file),
            (Format::Html, Some("a=b.html".into()))
        );
        assert!(
            parse("xml")
                .unwrap_err()
                .contains("text, json, csv and html")
        );
        assert!(parse("json=").unwrap_err().contains("missing"));
    }
}
