//! How far a backtest is, in a file, so that one that was killed goes on.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};
use vagus_allocator::ALGORITHM_VERSION;
use vagus_backtest::{Backtest, history::Summary};

use super::Candidate;
use crate::{
    exit::{Exit, Failure},
    run::KEEPER_VERSION,
};

/// How often it is written down.
const EVERY: Duration = Duration::from_secs(1);

/// Times as long between two of them as one takes, at least.
const RARELY: u32 = 20;

/// What the work belongs to: anything else begins anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Of {
    keeper: String,
    algorithm_version: u32,
    history: B256,
    policy: Option<B256>,
}

#[derive(Serialize, Deserialize)]
struct File {
    of: Of,
    state: String,
}

/// The file of one candidate.
#[derive(Debug)]
pub(super) struct Keep {
    path: PathBuf,
    of: Of,
    written: Instant,
    /// How long to wait until the next time.
    wait: Duration,
}

/// A folder that cannot be written to.
pub(super) fn failure(place: &Path, error: &std::io::Error) -> Failure {
    let place = place.display();
    Failure::new(
        Exit::Usage,
        format_args!("{place}: it cannot be written to: {error}; expected a folder that can."),
    )
}

impl Keep {
    pub(super) fn new(folder: &Path, summary: &Summary, candidate: &Candidate) -> Self {
        let of = Of {
            keeper: KEEPER_VERSION.to_owned(),
            algorithm_version: ALGORITHM_VERSION,
            history: summary.hash,
            policy: candidate.hash(),
        };
        let digits = |hash: B256| format!("{hash:x}").chars().take(12).collect::<String>();
        let policy = of.policy.map_or_else(|| "recorded".to_owned(), digits);
        let name = format!("{}-{policy}.backtest", digits(of.history));
        Self { path: folder.join(name), of, written: Instant::now(), wait: EVERY }
    }

    /// What was kept of the same work; none if there is nothing, or it is of another.
    pub(super) fn kept(&self) -> Option<String> {
        let text = fs::read_to_string(&self.path).ok()?;
        let file: File = serde_json::from_str(&text).ok()?;
        (file.of == self.of).then_some(file.state)
    }

    /// Writes down how far it is, now and then, whole or not at all.
    pub(super) fn perhaps(&mut self, backtest: &Backtest) -> Result<(), Failure> {
        if self.written.elapsed() < self.wait {
            return Ok(());
        }
        let begin = Instant::now();
        let unwritable = |error: serde_json::Error| Failure::new(Exit::Internal, error);
        let state = backtest.kept().map_err(unwritable)?;
        let file = File { of: self.of.clone(), state };
        let text = serde_json::to_string(&file).map_err(unwritable)?;
        let unfinished = self.path.with_extension("unfinished");
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(&unfinished, &self.path))
            .map_err(|error| failure(&self.path, &error))?;
        self.written = Instant::now();
        // What it has come to grows with a long history: the keeping stays a small part of the time.
        self.wait = EVERY.max(begin.elapsed().saturating_mul(RARELY));
        Ok(())
    }

    /// There is nothing to go on with any more.
    pub(super) fn done(self) {
        // One that stays is found to be complete, and only costs its place.
        let _ = fs::remove_file(&self.path);
    }
}
