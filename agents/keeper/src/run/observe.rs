//! What a chain's loop sees: new heads, how old they are, what they replaced, what is final. Stored after each block, so
//! that a restart goes on from there.

mod sight;

use std::time::Duration;

use vagus_allocator::Reason;
use vagus_chain::{
    BlockAt, BlockId, ChainError, ChainReader as _, Cursor, Freshness, Header, Step, Tag,
};

use super::{ChainLoop, RunError};
use crate::{
    exit::{Exit, Failure},
    report::{ChainEvent, Event},
};

pub(super) use sight::Sight;

impl ChainLoop {
    /// Takes up the stored cursor, once.
    pub(super) async fn resume(&mut self) -> Result<(), RunError> {
        if self.sight.is_resumed {
            return Ok(());
        }
        let name = &self.world.config.name;
        let stored = self.journal.0.cursor(self.world.config.chain_id, self.world.agent).await?;
        self.refuse_the_wrong_journal(stored.as_ref()).await?;
        let cursor = stored.map(|stored| stored.get("cursor").cloned().unwrap_or(stored));
        let cursor = cursor.and_then(|cursor| serde_json::from_value::<Cursor>(cursor).ok());
        let window = self.world.config.profile.reorg_window;
        if let Some((cursor, follower)) =
            cursor.and_then(|cursor| cursor.follower(window).map(|follower| (cursor, follower)))
        {
            // Whoever carries out a person's move looks at the newest block, whether it was decided or not.
            if self.wanted.is_none() {
                self.sight.follower = follower;
                self.sight.account = cursor.account;
            }
            self.sight.finalized = cursor.finalized.filter(|_| !self.accepts_rewrite);
            tracing::debug!("chain {name}: goes on from {:?}", self.sight.follower.tip());
        }
        self.sight.is_resumed = true;
        Ok(())
    }

    /// Stores where this keeper stands.
    pub(super) async fn remember(&self) -> Result<(), RunError> {
        if self.wanted.is_some() {
            // Blocks that it passes are the next run's to decide.
            return Ok(());
        }
        let sight = &self.sight;
        let cursor = Cursor::new(&sight.follower, sight.finalized, sight.account);
        let cursor = self.marked(serde_json::to_value(&cursor)?);
        let (chain_id, agent) = (self.world.config.chain_id, self.world.agent);
        self.journal.0.put_cursor(chain_id, agent, &cursor).await?;
        Ok(())
    }

    /// Looks for a new head. Whether there is one.
    pub(super) async fn observe(&mut self) -> Result<bool, RunError> {
        let step = self.sight.follower.follow(&self.world.endpoints).await;
        let now = self.sight.began.elapsed();
        let name = &self.world.config.name;
        let is_new = match step {
            Ok(Step::New(new)) => {
                if new.reorg_depth > 0 {
                    tracing::warn!(
                        "chain {name}: a reorganisation replaced {} blocks",
                        new.reorg_depth
                    );
                }
                self.sight.take(new, false);
                true
            }
            Ok(Step::TooDeep(new)) => {
                let block = new.head.block.number;
                self.say(Reason::DeepReorg, Some(block), "reading all again from the final block");
                self.sight.take(new, true);
                true
            }
            Ok(Step::Behind { head }) => {
                tracing::debug!("chain {name}: block {} is known already", head.block.number);
                false
            }
            Ok(Step::Unchanged | Step::Ask(_)) => false,
            Err(error) => {
                self.watch_head(now);
                return Err(error.into());
            }
        };
        if is_new && self.sight.watch.new_head(now) == Freshness::IsFreshAgain {
            tracing::info!("chain {}: has a new head again", self.world.config.name);
        }
        self.watch_head(now);
        Ok(is_new)
    }

    fn watch_head(&mut self, now: Duration) {
        if self.sight.watch.look(now) == Freshness::BecameStale {
            let seconds = self.sight.watch.age(now).as_secs();
            let block = self.sight.follower.tip().map(|tip| tip.number);
            self.say(Reason::StaleHead, block, &format!("no new head for {seconds} seconds"));
        }
    }

    /// Tells a person, once per occurrence, of something that holds all vaults of the chain.
    fn say(&self, reason: Reason, block: Option<u64>, detail: &str) {
        let chain = &self.world.config.name;
        tracing::error!("chain {chain}: {reason:?}: {detail}");
        let event = ChainEvent::new(chain.clone(), reason, block, detail.to_owned());
        self.reporter.say(&Event::Chain(event));
    }

    /// What a head replaced is dealt with, as long as what was called final still stands. Gives back why no vault may be
    /// decided about at it, if so.
    pub(super) async fn after_reorganisation(
        &mut self,
        head: &Header,
    ) -> Result<Option<Reason>, RunError> {
        let reorganised = self.sight.reorganised;
        let is_touched = reorganised.is_some_and(|of| {
            of.is_deep || self.sight.finalized.is_some_and(|block| block.number >= of.lowest)
        });
        if (is_touched || !self.sight.is_finality_checked)
            && let Some(finalized) = self.sight.finalized
        {
            match self.world.endpoints.stands(finalized).await {
                Ok(true) => {}
                Ok(false) => return Err(self.rewritten(finalized).into()),
                Err(error @ ChainError::Disagrees { .. }) => {
                    return Ok(Some(self.disagreement(head, &error)));
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.sight.is_finality_checked = true;
        let Some(reorganised) = reorganised else { return Ok(None) };
        self.is_reconciled &= !reorganised.is_deep;
        self.mark_orphans(head, reorganised.lowest).await?;
        self.sight.reorganised = None;
        Ok(reorganised.is_deep.then_some(Reason::DeepReorg))
    }

    /// Says once, until a block passes without it, that endpoints disagree.
    fn disagreement(&mut self, head: &Header, error: &ChainError) -> Reason {
        let reason = Reason::EndpointsDisagree;
        if self.sight.told.replace(reason) != Some(reason) {
            self.say(reason, Some(head.block.number), &error.to_string());
        }
        reason
    }

    fn rewritten(&self, finalized: BlockId) -> Failure {
        let name = &self.world.config.name;
        Failure::new(
            Exit::ChainRewritten,
            format_args!(
                "Chain {name} rewrote block {}, which it had called final; nothing is decided until a person has \
                 looked and starts the keeper with --accept-rewritten {name}.",
                finalized.number
            ),
        )
    }

    /// Takes in what is final under a head, and gives back its height, and why no vault may be decided about, if so. It
    /// never goes back: an endpoint that names an older block is behind.
    ///
    /// # Errors
    /// Those of the chain, and if the chain rewrote what was final.
    pub(super) async fn settle_finality(
        &mut self,
        head: &Header,
    ) -> Result<(u64, Option<Reason>), RunError> {
        let mut blanket = None;
        let candidate = match self.world.finality_depth() {
            None => BlockId::from(&self.world.endpoints.head(Tag::Finalized).await?),
            Some(depth) => self.at_depth(head, depth).await?,
        };
        let is_followed = self
            .sight
            .follower
            .at(candidate.number)
            .is_none_or(|known| known.hash == candidate.hash);
        let known = self.sight.finalized;
        match known {
            Some(known) if known.number > candidate.number => {}
            Some(known) if known.number == candidate.number && known.hash != candidate.hash => {
                match self.world.endpoints.stands(known).await {
                    Ok(true) => {}
                    Ok(false) => return Err(self.rewritten(known).into()),
                    Err(error @ ChainError::Disagrees { .. }) => {
                        blanket = Some(self.disagreement(head, &error));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            // Of a branch that is not the followed one: the next head shows which is right.
            _ if !is_followed => {
                tracing::debug!("a final block {} of another branch", candidate.number)
            }
            _ => self.sight.finalized = Some(candidate),
        }
        Ok((self.sight.finalized.map_or(0, |block| block.number), blanket))
    }

    async fn at_depth(&self, head: &Header, depth: u64) -> Result<BlockId, RunError> {
        let number = head.block.number.saturating_sub(depth);
        if let Some(known) = self.sight.known(number) {
            return Ok(known);
        }
        let header = self.world.endpoints.header(BlockAt::Number(number)).await?;
        let late = || ChainError::Late {
            endpoint: self.world.endpoints.endpoint(),
            block: head.block.hash,
        };
        Ok(BlockId::from(&header.ok_or_else(late)?))
    }
}
