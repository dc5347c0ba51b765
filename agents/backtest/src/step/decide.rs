//! The decision at one block, by the keeper's own code, and its record.

use alloy_primitives::{B256, U256};
use vagus_attribution::Standing;
use vagus_journal::{
    Body, Header, RecordError,
    draft::{self, Draft},
    run::{begun, continued, held},
};
use vagus_policy::{Policy, Snapshot};

use super::{Backtest, Expected, Pending};
use crate::{
    BacktestError, Result,
    history::{Block, Recorded},
    outcome::Difference,
    portfolio::Sight,
    recorded,
};

fn unhashed(block: u64) -> impl Fn(RecordError) -> BacktestError {
    move |error| BacktestError::Record { block, cause: error.to_string() }
}

impl Backtest {
    /// Places of the strategies that a block lists.
    pub(super) fn order(&self, block: &Block) -> Vec<usize> {
        let listed = block.snapshot.vault.strategies.iter().map(|one| one.strategy);
        self.places(listed)
    }

    /// Places of the strategies that a policy lists.
    pub(super) fn order_of(&self, policy: &Policy) -> Vec<usize> {
        self.places(policy.strategies.iter().map(|one| one.strategy))
    }

    fn places(&self, listed: impl Iterator<Item = alloy_primitives::Address>) -> Vec<usize> {
        let place = |strategy| self.head.strategies.iter().position(|one| one.strategy == strategy);
        listed.filter_map(place).collect()
    }

    /// What the backtest sees at a block.
    fn seen(&self, block: &Block, policy: Option<&Policy>) -> Result<Snapshot> {
        let Some(own) = self.state.portfolio.as_ref().filter(|_| !self.state.agrees) else {
            return Ok(block.snapshot.clone());
        };
        let sight = Sight::of(&self.head, block, block.snapshot.block.timestamp);
        let (order, document) = match policy {
            Some(policy) => (self.order_of(policy), Some((policy, self.rules.hash(block)))),
            None => (self.order(block), None),
        };
        own.snapshot(&sight, &order, document).map(|(snapshot, _)| snapshot)
    }

    /// Decides. Gives back limits and budgets at the block, which the plots show.
    pub(super) fn decide(&mut self, block: &Block) -> Result<Option<Standing>> {
        let policy = self.rules.at(block)?;
        let snapshot = self.seen(block, policy.as_deref())?;
        let number = block.snapshot.block.number;
        let standing = policy.as_ref().map(|policy| Standing::of(policy, &snapshot));
        let followed = &mut self.state.made.followed;
        followed.decided = followed.decided.saturating_add(1);
        let recorded = block.recorded.as_ref().filter(|_| self.state.agrees);
        if let Some(recorded) = recorded.filter(|of| recorded::is_imposed(of.reason)) {
            self.take_over(recorded, block)?;
            return Ok(standing);
        }
        let draft = draft::draft(policy.as_deref(), &snapshot, &block.inputs);
        let header = draft.header(self.head.lens, self.head.lens_code_hash);
        if draft.plan.is_none() {
            if let Some(recorded) = recorded.filter(|of| !of.moves.is_empty()) {
                self.differs(number, recorded, None);
                self.part_from_the_record(block)?;
            }
            self.hold(block, draft, header)?;
            return Ok(standing);
        }
        self.close_run()?;
        let previous = match recorded {
            Some(recorded) => recorded.previous,
            None => self.state.previous,
        };
        let reason = draft.observation.decision.reason;
        let made = draft.record(header, previous).map_err(unhashed(number))?;
        let Some((_, hash, rebalance)) = made else { return Ok(standing) };
        self.state.previous = hash;
        let followed = &mut self.state.made.followed;
        followed.plans = followed.plans.saturating_add(1);
        followed.records = followed.records.saturating_add(1);
        match recorded {
            Some(recorded) if recorded.decision == hash => {
                self.same();
                self.state.expected = Some(expected(recorded, block));
                return Ok(standing);
            }
            Some(recorded) => {
                self.differs(number, recorded, Some(hash));
                self.part_from_the_record(block)?;
            }
            None => {}
        }
        let inputs = block.inputs.clone();
        self.state.pending = Some(Pending { rebalance, inputs, reason });
        Ok(standing)
    }

    /// What no snapshot leads to is what it was.
    fn take_over(&mut self, recorded: &Recorded, block: &Block) -> Result<()> {
        self.close_run()?;
        if self.state.previous != recorded.decision {
            let compared = &mut self.state.made.compared;
            compared.taken_over = compared.taken_over.saturating_add(1);
        }
        self.state.previous = recorded.decision;
        if !recorded.moves.is_empty() {
            self.state.expected = Some(expected(recorded, block));
        }
        Ok(())
    }

    fn same(&mut self) {
        let compared = &mut self.state.made.compared;
        compared.decisions = compared.decisions.saturating_add(1);
        compared.same = compared.same.saturating_add(1);
    }

    fn differs(&mut self, block: u64, recorded: &Recorded, found: Option<B256>) {
        let compared = &mut self.state.made.compared;
        compared.decisions = compared.decisions.saturating_add(1);
        let difference = Difference { block, recorded: recorded.decision, found };
        compared.first_difference.get_or_insert(difference);
    }

    /// Adds a hold to the run of holds, or begins one.
    fn hold(&mut self, block: &Block, draft: Draft, header: Header) -> Result<()> {
        let hold = draft.into_hold_observation(header);
        let recorded = block.recorded.as_ref().filter(|_| self.state.agrees);
        // A recorded run ends where it did: a keeper that is started anew begins a new one.
        let before = self.state.run_of;
        let is_other = recorded.is_some_and(|of| before.is_some_and(|run| run != of.decision));
        if is_other {
            self.close_run()?;
        }
        if let Some(run) = self.state.run.as_ref().and_then(|run| continued(run, &hold)) {
            self.state.run = Some(run);
        } else {
            self.close_run()?;
            let previous = match recorded {
                Some(recorded) => recorded.previous,
                None => self.state.previous,
            };
            self.state.run = Some(begun(&hold, previous));
        }
        self.state.run_of = recorded.map(|of| of.decision);
        if let Some(Body::Hold { count, .. }) = self.state.run.as_mut().map(|run| &mut run.body) {
            *count = count.saturating_add(block.blocks - 1);
        }
        Ok(())
    }

    /// Ends the run of holds, if there is one.
    pub(super) fn close_run(&mut self) -> Result<()> {
        let Some(run) = self.state.run.take() else { return Ok(()) };
        let number = run.last().block().number;
        let hash = run.hash().map_err(unhashed(number))?;
        self.state.previous = hash;
        let made = &mut self.state.made;
        made.followed.records = made.followed.records.saturating_add(1);
        made.holds.extend(held(Some(hash), &run));
        if let Some(recorded) = self.state.run_of.take() {
            made.compared.decisions = made.compared.decisions.saturating_add(1);
            if recorded == hash {
                made.compared.same = made.compared.same.saturating_add(1);
            } else {
                let difference = Difference { block: number, recorded, found: Some(hash) };
                made.compared.first_difference.get_or_insert(difference);
            }
        }
        Ok(())
    }
}

fn expected(recorded: &Recorded, block: &Block) -> Expected {
    Expected {
        decision: recorded.decision,
        reason: recorded.reason,
        moves: recorded.moves.clone(),
        inputs: block.inputs.clone(),
        fee_wei: recorded.fee.map(|fee| U256::from(fee.0)),
    }
}
