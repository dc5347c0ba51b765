//! Follows a chain's head: newest header, parents walked by hash to the last known one, bounded.
//!
//! The core is pure: it is offered what an endpoint answered, and says what to ask next or what became of the chain.
//! Same-height reorganisations and rollbacks are seen, which a follower by height misses.

use std::collections::VecDeque;

use vagus_policy::BlockRef;

use crate::{BlockAt, ChainError, ChainReader, ChainResult, Header, Tag};

/// What became of the chain, or what has to be asked to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The head is the one known already.
    Unchanged,
    /// A header is needed to go on; offer it to [`Follower::offer`].
    Ask(BlockAt),
    /// There is a new head to decide on.
    New {
        /// The newest header.
        head: Header,
        /// Known blocks that it replaced.
        reorg_depth: u64,
    },
    /// The new head stands on none of the known blocks, or on one below more of them than the window: everything has to
    /// be read again from the finalized block.
    TooDeep {
        /// The newest header.
        head: Header,
    },
}

/// The known end of one chain.
#[derive(Clone, Debug)]
pub struct Follower {
    // Oldest first; each the parent of the next.
    known: VecDeque<BlockRef>,
    // Newest first; not linked to a known block yet.
    walked: Vec<Header>,
    window: usize,
    // The known tip's height was asked for, to tell a gap in time from a reorganisation.
    is_gap_asked: bool,
}

impl Follower {
    /// Knows nothing yet; `window` is the deepest ordinary reorganisation, in blocks, at least one.
    #[must_use]
    pub fn new(window: u32) -> Self {
        let window = usize::try_from(window).unwrap_or(usize::MAX).max(1);
        Self { known: VecDeque::new(), walked: Vec::new(), window, is_gap_asked: false }
    }

    /// The newest block that was handed out.
    #[must_use]
    pub fn tip(&self) -> Option<BlockRef> {
        self.known.back().copied()
    }

    /// Whether a block is among the known ones of the present chain.
    #[must_use]
    pub fn contains(&self, hash: alloy::primitives::B256) -> bool {
        self.known.iter().any(|block| block.hash == hash)
    }

    /// Begins a round with the newest header.
    pub fn head(&mut self, head: Header) -> Step {
        self.walked.clear();
        self.is_gap_asked = false;
        if self.tip().is_some_and(|tip| tip.hash == head.block.hash) {
            return Step::Unchanged;
        }
        self.walk(head)
    }

    /// Goes on with the header that was asked for; none if the endpoint does not have it.
    pub fn offer(&mut self, answer: Option<Header>) -> Step {
        let Some(newest) = self.walked.first().copied() else { return Step::Unchanged };
        if self.is_gap_asked {
            let is_same = match (answer, self.tip()) {
                (Some(header), Some(tip)) => header.block.hash == tip.hash,
                _ => false,
            };
            return if is_same { self.link(self.known.len()) } else { self.too_deep(newest) };
        }
        match answer {
            Some(header) => self.walk(header),
            // The endpoint forgot the parent between two answers: the next round starts anew.
            None => {
                self.walked.clear();
                Step::Unchanged
            }
        }
    }

    fn walk(&mut self, header: Header) -> Step {
        self.walked.push(header);
        let newest = self.walked[0];
        if self.known.is_empty() {
            return self.link(0);
        }
        // The head itself may be a known block: a rollback.
        for hash in [header.block.hash, header.block.parent_hash] {
            if let Some(place) = self.known.iter().position(|block| block.hash == hash) {
                let kept = place.saturating_add(1);
                if self.known.len().saturating_sub(kept) > self.window {
                    return self.too_deep(newest);
                }
                return self.link(kept);
            }
        }
        let tip_number = self.tip().map_or(0, |tip| tip.number);
        let lowest = tip_number.saturating_sub(self.window as u64);
        if header.block.number <= lowest || header.block.number == 0 {
            return self.too_deep(newest);
        }
        // Far above the tip: after a pause the blocks between need not be walked if the tip is still in the chain.
        if self.walked.len() > self.window && header.block.number > tip_number {
            self.is_gap_asked = true;
            return Step::Ask(BlockAt::Number(tip_number));
        }
        Step::Ask(BlockAt::Hash(header.block.parent_hash))
    }

    /// The first `kept` known blocks stay; the walked ones follow them.
    fn link(&mut self, kept: usize) -> Step {
        let head = self.walked[0];
        let reorg_depth = self.known.len().saturating_sub(kept) as u64;
        self.known.truncate(kept);
        if self.is_gap_asked {
            // The blocks between are not known, so the old ones link to nothing.
            self.known.clear();
        }
        let tip = self.tip();
        for header in self.walked.drain(..).rev() {
            if tip.is_none_or(|tip| tip.hash != header.block.hash) {
                self.known.push_back(header.block);
            }
        }
        // Room for a reorganisation of the whole window below the tip.
        while self.known.len() > self.window.saturating_add(1) {
            self.known.pop_front();
        }
        Step::New { head, reorg_depth }
    }

    fn too_deep(&mut self, head: Header) -> Step {
        self.known.clear();
        self.walked.clear();
        self.known.push_back(head.block);
        Step::TooDeep { head }
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
                    endpoint: "The endpoint".to_owned(),
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
