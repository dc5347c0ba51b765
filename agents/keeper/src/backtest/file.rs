//! A history as a file. It is read to its end before anything is made of it.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Lines},
    path::{Path, PathBuf},
};

use vagus_backtest::{
    HistoryError,
    history::{Block, Reader, Summary},
};

use crate::exit::{Exit, Failure};

/// A history that was read to its end.
#[derive(Debug)]
pub struct HistoryFile {
    path: PathBuf,
    summary: Summary,
    first: Block,
}

fn unread(path: &Path, error: &std::io::Error) -> Failure {
    let place = path.display();
    Failure::new(Exit::History, format_args!("{place}: the history cannot be read: {error}."))
}

fn broken(path: &Path, error: &HistoryError) -> Failure {
    Failure::new(Exit::History, format_args!("{}: {error}.", path.display()))
}

fn lines(path: &Path) -> Result<Lines<BufReader<File>>, Failure> {
    let file = File::open(path).map_err(|error| unread(path, &error))?;
    Ok(BufReader::new(file).lines())
}

impl HistoryFile {
    /// Reads a history to its end.
    ///
    /// # Errors
    /// If it cannot be read, and what is wrong with it: one sentence.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let unread = |error| unread(path, &error);
        let broken = |error| broken(path, &error);
        let mut lines = lines(path)?;
        let head = lines.next().transpose().map_err(unread)?.unwrap_or_default();
        let mut reader = Reader::new(&head).map_err(broken)?;
        let mut first = None;
        for line in lines {
            let block = reader.read(&line.map_err(unread)?).map_err(broken)?;
            first = first.or(block);
        }
        let summary = reader.finish().map_err(broken)?;
        let first = first.ok_or(HistoryError::TooShort { found: 0 }).map_err(broken)?;
        Ok(Self { path: path.to_path_buf(), summary, first })
    }

    /// What it is.
    #[must_use]
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    pub(super) const fn first(&self) -> &Block {
        &self.first
    }

    /// Its blocks once more.
    pub(super) fn read(&self) -> Result<Blocks<'_>, Failure> {
        let unread = |error| unread(&self.path, &error);
        let mut lines = lines(&self.path)?;
        let head = lines.next().transpose().map_err(unread)?.unwrap_or_default();
        let reader = Reader::new(&head).map_err(|error| broken(&self.path, &error))?;
        Ok(Blocks { file: self, lines, reader, left: self.summary.lines })
    }
}

/// Blocks of a history, one after the other.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    file: &'a HistoryFile,
    lines: Lines<BufReader<File>>,
    reader: Reader,
    left: u64,
}

impl Blocks<'_> {
    /// Takes a line in; whether there was one.
    fn pass(&mut self) -> Result<bool, Failure> {
        let path = &self.file.path;
        if self.left == 0 {
            return Ok(false);
        }
        let Some(line) = self.lines.next() else { return Ok(false) };
        let line = line.map_err(|error| unread(path, &error))?;
        self.reader.pass(&line).map_err(|error| broken(path, &error))?;
        self.left -= 1;
        Ok(true)
    }

    fn block(&self) -> Result<Block, Failure> {
        self.reader.block().map_err(|error| broken(&self.file.path, &error))
    }

    /// The next block; none after the last.
    pub(super) fn next(&mut self) -> Result<Option<Block>, Failure> {
        if self.pass()? { self.block().map(Some) } else { Ok(None) }
    }

    /// Passes over so many lines; the block of the last of them.
    pub(super) fn skip_to(&mut self, lines: u64) -> Result<Option<Block>, Failure> {
        for _ in 0..lines {
            if !self.pass()? {
                return Ok(None);
            }
        }
        self.block().map(Some)
    }
}
