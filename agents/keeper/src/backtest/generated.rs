//! A history that is drawn from a seed, as a file, with the policy that it is gone through under.

use std::{
    fs::{self, OpenOptions},
    io::{BufWriter, Write as _},
    path::Path,
};

use vagus_backtest::{
    HistoryError,
    generate::Generator,
    history::{Head, Writer},
};
use vagus_policy::toml::render;

use super::candidate::{Candidate, context};
use crate::exit::{Exit, Failure};

/// Blocks between two lines: an hour, at twelve seconds each.
const BLOCKS_BETWEEN: u64 = 300;

fn unwritten(file: &Path, error: &std::io::Error) -> Failure {
    let place = file.display();
    let expected = match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            "expected a file that is not there yet; without --generate it is gone through as it is"
        }
        _ => "expected a file in a folder that exists",
    };
    Failure::new(
        Exit::Usage,
        format_args!("{place}: the history cannot be written: {error}; {expected}."),
    )
}

/// Writes a history, which must not be there yet, and its policy beside it. Gives back the policy as a candidate.
///
/// # Errors
/// If one of the files is there already or cannot be written.
pub(super) fn write(
    file: &Path,
    seed: u64,
    strategies: usize,
    lines: usize,
) -> Result<Candidate, Failure> {
    let generator = Generator::new(seed, strategies, BLOCKS_BETWEEN);
    let (head, policy) = (generator.head(), generator.policy());
    let beside = file.with_extension("toml");
    let new = |file: &Path| {
        let opened = OpenOptions::new().write(true).create_new(true).open(file);
        opened.map_err(|error| unwritten(file, &error))
    };
    let mut document = new(&beside)?;
    let out = new(file).inspect_err(|_| drop(fs::remove_file(&beside)))?;
    document
        .write_all(render(&policy, &context(&head, &[])).as_bytes())
        .map_err(|error| unwritten(&beside, &error))?;
    fill(&mut BufWriter::new(out), head, generator.take(lines))
        .map_err(|error| Failure::new(Exit::Internal, error))?
        .map_err(|error| unwritten(file, &error))?;
    Ok(Candidate::of("generated", policy))
}

/// Writes all lines: what may be wrong with the history, and what with the file.
fn fill(
    out: &mut impl std::io::Write,
    head: Head,
    blocks: impl Iterator<Item = vagus_backtest::history::Block>,
) -> Result<std::io::Result<()>, HistoryError> {
    let mut writer = Writer::new(head);
    let mut text = vec![writer.head()?];
    for block in blocks {
        text.push(writer.block(&block)?);
    }
    text.push(writer.end());
    let mut lines = text.iter();
    Ok(lines.try_for_each(|line| writeln!(out, "{line}")).and_then(|()| out.flush()))
}
