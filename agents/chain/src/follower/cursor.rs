//! What a follower remembers across restarts, in a form that can be stored.

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use super::{BlockId, Follower};

/// Version of the stored form.
const CURSOR_VERSION: u32 = 1;

/// What became of the blocks that were followed: `followed` = `decided` + `passed_over` + at most one under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Blocks that became part of the followed chain, those of branches that were left again included.
    pub followed: u64,
    /// Blocks at which every vault got a decision or a hold.
    pub decided: u64,
    /// Blocks that were not decided because a newer head was there, or because not every block is to be decided.
    pub passed_over: u64,
}

impl Account {
    /// Blocks are new with a head that is decided next; `is_waiting`: a head before it was not decided yet.
    pub fn follow(&mut self, followed: u64, is_waiting: bool) {
        self.followed = self.followed.saturating_add(followed);
        let passed_over = followed.saturating_sub(1).saturating_add(u64::from(is_waiting));
        self.passed_over = self.passed_over.saturating_add(passed_over);
    }

    /// The head under way is left out on purpose.
    pub fn pass_over(&mut self) {
        self.passed_over = self.passed_over.saturating_add(1);
    }

    /// The head under way was decided.
    pub fn decide(&mut self) {
        self.decided = self.decided.saturating_add(1);
    }
}

/// Where a follower stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    version: u32,
    // Height of the oldest known block, and the hashes from it on.
    first: u64,
    hashes: Vec<B256>,
    /// The newest block that was known to be final.
    pub finalized: Option<BlockId>,
    /// What became of the blocks so far.
    pub account: Account,
}

impl Cursor {
    /// Of a follower, with what is known beside it.
    #[must_use]
    pub fn new(follower: &Follower, finalized: Option<BlockId>, account: Account) -> Self {
        Self {
            version: CURSOR_VERSION,
            first: follower.known.front().map_or(0, |block| block.number),
            hashes: follower.known.iter().map(|block| block.hash).collect(),
            finalized,
            account,
        }
    }

    /// A follower that goes on from here. One of another version is not understood: none.
    #[must_use]
    pub fn follower(&self, window: u32) -> Option<Follower> {
        if self.version != CURSOR_VERSION {
            return None;
        }
        let mut follower = Follower::new(window);
        let numbers = self.first..=u64::MAX;
        let blocks = numbers.zip(&self.hashes);
        follower.known = blocks.map(|(number, &hash)| BlockId { number, hash }).collect();
        while follower.known.len() > follower.window.saturating_add(1) {
            follower.known.pop_front();
        }
        Some(follower)
    }
}
