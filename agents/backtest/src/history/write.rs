//! From blocks to lines.

use alloy_primitives::Keccak256;
use serde_json::{Map, Value};

use super::{
    Block, End, Head,
    line::{self, Unplaced},
};
use crate::HistoryError;

/// Writes a history line by line; each line without its line feed.
#[derive(Debug)]
pub struct Writer {
    head: Head,
    last: Map<String, Value>,
    count: u64,
    hash: Keccak256,
}

impl Writer {
    /// Begins with a head. Its line comes first.
    #[must_use]
    pub fn new(head: Head) -> Self {
        Self { head, last: Map::new(), count: 0, hash: Keccak256::new() }
    }

    /// The first line.
    ///
    /// # Errors
    /// [`HistoryError::NoHead`] if it cannot be written.
    pub fn head(&mut self) -> Result<String, HistoryError> {
        let text = serde_json::to_string(&self.head);
        let text = text.map_err(|error| HistoryError::NoHead(error.to_string()))?;
        Ok(self.counted(text))
    }

    /// The line of the next block.
    ///
    /// # Errors
    /// [`HistoryError::UnknownStrategy`] or [`HistoryError::NoBlock`].
    pub fn block(&mut self, block: &Block) -> Result<String, HistoryError> {
        let line = self.count.saturating_add(2);
        let next = line::object(&self.head.strategies, block).map_err(|why| match why {
            Unplaced::Strategy(strategy) => HistoryError::UnknownStrategy { line, strategy },
            Unplaced::Json(error) => HistoryError::NoBlock { line, cause: error.to_string() },
        })?;
        let text = Value::Object(line::patch(&self.last, &next)).to_string();
        (self.last, self.count) = (next, line - 1);
        Ok(self.counted(text))
    }

    /// The last line.
    #[must_use]
    pub fn end(self) -> String {
        let end = End { end: self.count, hash: self.hash.finalize() };
        // A number and a hash can always be written.
        serde_json::to_string(&end).unwrap_or_default()
    }

    fn counted(&mut self, text: String) -> String {
        self.hash.update(text.as_bytes());
        self.hash.update(b"\n");
        text
    }
}
