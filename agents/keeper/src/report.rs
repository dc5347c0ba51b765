//! What `keeper run` says: one line per decision, runs of holds as one, or JSON lines.

mod event;

use std::{
    collections::HashMap,
    io::Write,
    sync::{Arc, Mutex, MutexGuard},
};

use serde::Serialize;

use crate::{JSON_SCHEMA_VERSION, board::Board};

pub use event::{ChainEvent, Event, HoldEvent, RebalanceEvent, SettledEvent, UpkeepEvent};

/// Says things, in order, on one stream.
pub struct Reporter {
    is_json: bool,
    out: Mutex<Box<dyn Write + Send>>,
    /// Run of holds under way, by vault: its blocks.
    held: Mutex<HashMap<String, u64>>,
    /// Where it is counted.
    board: Option<Arc<Board>>,
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reporter").field("is_json", &self.is_json).finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl Reporter {
    /// On a stream; JSON lines if `is_json`.
    #[must_use]
    pub fn new(is_json: bool, out: Box<dyn Write + Send>) -> Self {
        Self { is_json, out: Mutex::new(out), held: Mutex::default(), board: None }
    }

    /// The same, and everything is counted on a board.
    #[must_use]
    pub fn with_board(mut self, board: Arc<Board>) -> Self {
        self.board = Some(board);
        self
    }

    /// Where everything is counted.
    pub(crate) fn board(&self) -> Option<&Board> {
        self.board.as_deref()
    }

    fn out(&self) -> MutexGuard<'_, Box<dyn Write + Send>> {
        // A poisoned lock only means that another task died between two whole lines.
        self.out.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn print(&self, line: &str) {
        let mut out = self.out();
        // A stream that is closed must not stop the keeper.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// Says it.
    pub fn say(&self, event: &Event) {
        if let Some(board) = &self.board {
            board.count(event);
        }
        if self.is_json {
            let line = Line { schema: JSON_SCHEMA_VERSION, event };
            match serde_json::to_string(&line) {
                Ok(line) => self.print(&line),
                Err(error) => tracing::error!("an event cannot be written: {error}"),
            }
            return;
        }
        let Some(line) = event.line() else {
            self.count(event);
            return;
        };
        if matches!(event, Event::Settled(_) | Event::Chain(_)) {
            self.print(&line);
            return;
        }
        let blocks = self.held.lock().unwrap_or_else(|e| e.into_inner()).remove(event.vault());
        if let Some(blocks) = blocks.filter(|blocks| *blocks > 1) {
            self.print(&format!("{:14} {}  (held for {blocks} blocks)", "", event.vault()));
        }
        self.print(&line);
        self.count(event);
    }

    fn count(&self, event: &Event) {
        if let Event::Hold(hold) = event {
            let mut held = self.held.lock().unwrap_or_else(|e| e.into_inner());
            held.insert(hold.vault.clone(), hold.count);
        }
    }
}
