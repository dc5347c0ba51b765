//! Follows a chain's head: newest header, parents walked by hash to the last known one, bounded.
//!
//! The core is pure: it is offered what an endpoint answered, and says what to ask next or what became of the chain.
//! Same-height reorganisations are seen, which a follower by height misses. A head that is a known block below the
//! newest one is no reorganisation: an endpoint that lags says the same. A chain that really went back is seen with
//! the first block that it builds instead.

mod cursor;
mod watch;

use std::collections::VecDeque;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};

use crate::{BlockAt, ChainError, ChainReader, ChainResult, Header, Tag};

pub use cursor::{Account, Cursor};
pub use watch::{Freshness, HeadWatch};

/// A block by height and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockId {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
}

impl From<&Header> for BlockId {
    fn from(header: &Header) -> Self {
        Self { number: header.block.number, hash: header.block.hash }
    }
}

/// What became of the chain, or what has to be asked to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The head is the one known already.
    Unchanged,
    /// The endpoint is behind what was known already; nothing is concluded from that.
    Behind {
        /// The head it names.
        head: Header,
    },
    /// A header is needed to go on; offer it to [`Follower::offer`].
    Ask(BlockAt),
    /// There is a new head to decide on.
    New(NewHead),
    /// The new head stands on none of the known blocks, or on one below more of them than the window: everything has to
    /// be read again from the finalized block.
    TooDeep(NewHead),
}

/// A head that was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewHead {
    /// The newest header.
    pub head: Header,
    /// Known blocks that it replaced; all of them if it stands on none.
    pub reorg_depth: u64,
    /// Height of the highest known block that stayed; below the lowest known one if none did.
    pub fork_number: u64,
    /// Blocks that are new with it, itself included.
    pub followed: u64,
}

/// The known end of one chain.
#[derive(Clone, Debug)]
pub struct Follower {
    // Oldest first; each the parent of the next.
    known: VecDeque<BlockId>,
    // Newest first; not linked to a known block yet.
    walked: Vec<Header>,
    window: usize,
    search: Option<Search>,
}

/// Looks for the highest known block that is still part of the chain, by height.
#[derive(Clone, Copy, Debug)]
struct Search {
    // Known blocks below this place are part of the chain.
    low: usize,
    // Known blocks from this place on are not.
    high: usize,
    asked: usize,
}

impl Follower {
    /// Knows nothing yet; `window` is the deepest ordinary reorganisation, in blocks, at least one.
    #[must_use]
    pub fn new(window: u32) -> Self {
        let window = usize::try_from(window).unwrap_or(usize::MAX).max(1);
        Self { known: VecDeque::new(), walked: Vec::new(), window, search: None }
    }

    /// The newest block that was handed out.
    #[must_use]
    pub fn tip(&self) -> Option<BlockId> {
        self.known.back().copied()
    }

    /// Whether a block is among the known ones of the present chain.
    #[must_use]
    pub fn contains(&self, hash: B256) -> bool {
        self.known.iter().any(|block| block.hash == hash)
    }

    /// The known block of a height.
    #[must_use]
    pub fn at(&self, number: u64) -> Option<BlockId> {
        self.known.iter().find(|block| block.number == number).copied()
    }

    /// Begins a round with the newest header.
    pub fn head(&mut self, head: Header) -> Step {
        self.walked.clear();
        self.search = None;
        if self.tip().is_some_and(|tip| tip.hash == head.block.hash) {
            return Step::Unchanged;
        }
        if self.contains(head.block.hash) {
            return Step::Behind { head };
        }
        self.walk(head)
    }

    /// Goes on with the header that was asked for; none if the endpoint does not have it.
    pub fn offer(&mut self, answer: Option<Header>) -> Step {
        if self.walked.is_empty() {
            return Step::Unchanged;
        }
        match (answer, self.search) {
            (Some(header), Some(search)) => self.narrow(search, header),
            (Some(header), None) => self.walk(header),
            // The endpoint forgot a block between two answers: the next round starts anew.
            (None, _) => {
                self.walked.clear();
                Step::Unchanged
            }
        }
    }

    fn walk(&mut self, header: Header) -> Step {
        self.walked.push(header);
        if self.known.is_empty() {
            return self.link(0);
        }
        let parent = header.block.parent_hash;
        if let Some(place) = self.known.iter().position(|block| block.hash == parent) {
            return self.link(place.saturating_add(1));
        }
        let tip_number = self.tip().map_or(0, |tip| tip.number);
        let lowest = tip_number.saturating_sub(self.window as u64);
        if header.block.number <= lowest || header.block.number == 0 {
            return self.link(0);
        }
        // Far above the tip: after a pause the blocks between need not be walked to find out which known ones stayed.
        if self.walked.len() > self.window && header.block.number > tip_number {
            let high = self.known.len();
            return self.ask(Search { low: 0, high, asked: high.saturating_sub(1) });
        }
        Step::Ask(BlockAt::Hash(parent))
    }

    fn ask(&mut self, search: Search) -> Step {
        self.search = Some(search);
        match self.known.get(search.asked) {
            Some(block) => Step::Ask(BlockAt::Number(block.number)),
            None => self.link(0),
        }
    }

    fn narrow(&mut self, search: Search, answer: Header) -> Step {
        let Search { mut low, mut high, asked } = search;
        if self.known.get(asked).is_some_and(|block| block.hash == answer.block.hash) {
            low = asked.saturating_add(1);
        } else {
            high = asked;
        }
        if low >= high {
            return self.link(low);
        }
        self.ask(Search { low, high, asked: low.midpoint(high) })
    }

    /// The first `kept` known blocks stay; the walked ones are the new end of the chain.
    fn link(&mut self, kept: usize) -> Step {
        let head = self.walked[0];
        let reorg_depth = self.known.len().saturating_sub(kept);
        let is_first = self.known.is_empty();
        let oldest = self.known.front().map(|block| block.number);
        let fork_number = match kept.checked_sub(1).and_then(|place| self.known.get(place)) {
            Some(fork) => fork.number,
            None if is_first => head.block.number.saturating_sub(1),
            None => oldest.unwrap_or_default().min(head.block.number).saturating_sub(1),
        };
        let followed = head.block.number.saturating_sub(fork_number).max(1);
        let new = NewHead { head, reorg_depth: reorg_depth as u64, fork_number, followed };
        let is_too_deep = !is_first && (kept == 0 || reorg_depth > self.window);
        self.known.truncate(kept);
        // After a search, and on an unknown chain, the walked blocks follow none of the known ones directly.
        if self.search.is_some() || is_too_deep {
            self.known.clear();
        }
        if is_too_deep {
            // What was walked may end anywhere: only the head is certain.
            self.walked.truncate(1);
        }
        self.known.extend(self.walked.drain(..).rev().map(|header| BlockId::from(&header)));
        // Room for a reorganisation of the whole window below the tip.
        while self.known.len() > self.window.saturating_add(1) {
            self.known.pop_front();
        }
        if is_too_deep { Step::TooDeep(new) } else { Step::New(new) }
    }

    /// Asks an endpoint until it is clear what became of the chain.
    ///
    /// # Errors
    /// Those of the endpoint; what was known stays known, the next round starts anew.
    ///
    /// # Cancel safety
    /// Safe: a round that was dropped half-way is begun anew by the next one.
    pub async fn follow(&mut self, chain: &(impl ChainReader + ?Sized)) -> ChainResult<Step> {
        let head = chain.head(Tag::Latest).await?;
        let mut step = self.head(head);
        while let Step::Ask(at) = step {
            let answer = chain.header(at).await?;
            let is_linked = match (at, answer) {
                (BlockAt::Hash(_), Some(parent)) => self
                    .walked
                    .last()
                    .is_some_and(|child| child.block.number == parent.block.number.wrapping_add(1)),
                _ => true,
            };
            if !is_linked {
                return Err(ChainError::Malformed {
                    endpoint: chain.endpoint(),
                    method: "eth_getBlockByHash",
                    cause: "a parent's height is not one below its child's".to_owned(),
                });
            }
            step = self.offer(answer);
        }
        Ok(step)
    }
}

#[cfg(test)]
mod tests;
