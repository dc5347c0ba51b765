//! From lines to blocks.

use alloy_primitives::{Address, B256, Keccak256};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Block, End, HISTORY_VERSION, Head, line};
use crate::HistoryError;

/// What a history is, read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The first line.
    pub head: Head,
    /// Blocks that have a line.
    pub lines: u64,
    /// Height and time of the first and of the last block.
    pub range: [(u64, u64); 2],
    /// Strategies that every line knows.
    pub followed: Vec<Address>,
    /// Hash of the text, which is what makes one history another.
    pub hash: B256,
}

/// Reads a history line by line, each without its line feed.
#[derive(Debug)]
pub struct Reader {
    head: Head,
    object: Map<String, Value>,
    /// Lines read, the head included.
    line: u64,
    hash: Keccak256,
    first: (u64, u64),
    last: Option<(u64, u64)>,
    followed: Vec<Address>,
    end: Option<B256>,
}

impl Reader {
    /// Reads the first line.
    ///
    /// # Errors
    /// [`HistoryError::NoHead`] and [`HistoryError::Version`].
    pub fn new(text: &str) -> Result<Self, HistoryError> {
        /// What stands in heads of every version.
        #[derive(Deserialize)]
        struct Versioned {
            vagus_history: u32,
        }
        let no_head = |error: serde_json::Error| HistoryError::NoHead(error.to_string());
        let Versioned { vagus_history: found } = serde_json::from_str(text).map_err(no_head)?;
        if found != HISTORY_VERSION {
            return Err(HistoryError::Version { found, expected: HISTORY_VERSION });
        }
        let head: Head = serde_json::from_str(text).map_err(no_head)?;
        let mut reader = Self {
            followed: head.strategies.iter().map(|one| one.strategy).collect(),
            head,
            object: Map::new(),
            line: 0,
            hash: Keccak256::new(),
            first: (0, 0),
            last: None,
            end: None,
        };
        reader.count(text);
        Ok(reader)
    }

    /// The first line.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    fn count(&mut self, text: &str) {
        self.hash.update(text.as_bytes());
        self.hash.update(b"\n");
        self.line = self.line.saturating_add(1);
    }

    fn change(&self, text: &str) -> Result<Map<String, Value>, HistoryError> {
        let line = self.line.saturating_add(1);
        serde_json::from_str(text)
            .map_err(|error| HistoryError::NotJson { line, cause: error.to_string() })
    }

    /// Takes in a line of a history that was read to its end before, without making a block of it.
    ///
    /// # Errors
    /// [`HistoryError::NotJson`].
    pub fn pass(&mut self, text: &str) -> Result<(), HistoryError> {
        let change = self.change(text)?;
        self.line = self.line.saturating_add(1);
        line::merge(&mut self.object, change);
        Ok(())
    }

    /// The block of the last line that was taken in.
    ///
    /// # Errors
    /// [`HistoryError::NoBlock`].
    pub fn block(&self) -> Result<Block, HistoryError> {
        let line = self.line;
        line::block(&self.object).map_err(|cause| HistoryError::NoBlock { line, cause })
    }

    /// Takes in a line and gives back its block; none at the end.
    ///
    /// # Errors
    /// [`HistoryError`], for each kind its own.
    pub fn read(&mut self, text: &str) -> Result<Option<Block>, HistoryError> {
        let line = self.line.saturating_add(1);
        if self.end.is_some() {
            return Err(HistoryError::BehindTheEnd { line: line.saturating_add(1) });
        }
        let change = self.change(text)?;
        if change.contains_key("end") {
            let end: End = serde_json::from_str(text)
                .map_err(|error| HistoryError::NoBlock { line, cause: error.to_string() })?;
            self.ended(end)?;
            return Ok(None);
        }
        self.count(text);
        line::merge(&mut self.object, change);
        let block = self.block()?;
        self.check(line, &block)?;
        Ok(Some(block))
    }

    fn check(&mut self, line: u64, block: &Block) -> Result<(), HistoryError> {
        let (state, at) = (&block.snapshot.vault, block.snapshot.block);
        if state.vault != self.head.vault {
            let (found, expected) = (state.vault, self.head.vault);
            return Err(HistoryError::OtherVault { line, found, expected });
        }
        for state in &state.strategies {
            if !self.head.strategies.iter().any(|one| one.strategy == state.strategy) {
                return Err(HistoryError::UnknownStrategy { line, strategy: state.strategy });
            }
        }
        let (block, timestamp) = (at.number, at.timestamp);
        match self.last {
            Some((last_block, last_timestamp))
                if block <= last_block || timestamp <= last_timestamp =>
            {
                return Err(HistoryError::OutOfOrder {
                    line,
                    block,
                    timestamp,
                    last_block,
                    last_timestamp,
                });
            }
            None => self.first = (block, timestamp),
            Some(_) => {}
        }
        self.last = Some((block, timestamp));
        let is_there =
            |address: &Address| state.strategies.iter().any(|one| one.strategy == *address);
        self.followed.retain(is_there);
        Ok(())
    }

    fn ended(&mut self, end: End) -> Result<(), HistoryError> {
        let found = self.line.saturating_sub(1);
        if end.end != found {
            return Err(HistoryError::Count { found, expected: end.end });
        }
        let hash = self.hash.clone().finalize();
        if end.hash != hash {
            return Err(HistoryError::Changed { found: hash, expected: end.hash });
        }
        self.end = Some(hash);
        Ok(())
    }

    /// What was read, after its last line.
    ///
    /// # Errors
    /// [`HistoryError::CutOff`] without an end, [`HistoryError::TooShort`].
    pub fn finish(self) -> Result<Summary, HistoryError> {
        let lines = self.line.saturating_sub(1);
        let Some(hash) = self.end else { return Err(HistoryError::CutOff { lines: self.line }) };
        match self.last {
            Some(last) if lines >= 2 => Ok(Summary {
                head: self.head,
                lines,
                range: [self.first, last],
                followed: self.followed,
                hash,
            }),
            _ => Err(HistoryError::TooShort { found: lines }),
        }
    }
}
