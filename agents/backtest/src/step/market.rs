//! What happens between two blocks: the record goes on, or the venues do under the own portfolio.

use alloy_primitives::U256;
use vagus_attribution::{Action, Actor, Decision, Delta, Event, FlowKind, Kind};

use super::{Backtest, Expected, Pending};
use crate::{
    Result, Source, execute,
    history::Block,
    outcome::Decided,
    portfolio::{Portfolio, Sight},
    recorded,
};

impl Backtest {
    pub(super) fn go_on(&mut self, last: &Block, block: &Block) -> Result<()> {
        if !self.state.agrees {
            return self.live(last, block);
        }
        self.follow(last, block)?;
        if !self.rules.is_recorded(block) {
            self.part_from_the_record(block)?;
        }
        Ok(())
    }

    /// From here on the portfolio is the backtest's own.
    pub(super) fn part_from_the_record(&mut self, block: &Block) -> Result<()> {
        self.close_run()?;
        self.state.agrees = false;
        self.state.expected = None;
        self.state.made.compared.own_from.get_or_insert(block.snapshot.block.number);
        Ok(())
    }

    /// What the record says happened.
    fn follow(&mut self, last: &Block, block: &Block) -> Result<()> {
        let head = self.head.clone();
        let (then, now) = (last.snapshot.block.timestamp, block.snapshot.block.timestamp);
        let (before, after) = (Sight::of(&head, last, then), Sight::of(&head, block, now));
        let mut rest = recorded::change(&before, &after)?;
        self.state.portfolio = Some(Portfolio::recorded(&head, block));
        let is_executed = block.snapshot.vault.agent.nonce > last.snapshot.vault.agent.nonce;
        if let Some(done) = self.state.expected.take_if(|_| is_executed) {
            let order = self.order(last);
            let (part, gap) = recorded::of_moves((&before, &after), &order, &done.moves, &rest)?;
            let compared = &mut self.state.made.compared;
            if block.snapshot.block.number == last.snapshot.block.number.saturating_add(1) {
                compared.executions = compared.executions.saturating_add(1);
                compared.largest_gap = compared.largest_gap.max(gap);
            }
            rest.idle -= part.idle;
            for (left, moved) in rest.shares.iter_mut().zip(&part.shares) {
                *left -= *moved;
            }
            let version = last.snapshot.vault.guard_state.policy_version;
            let decided = self.decided(&done, version, true);
            self.event(&after, decided, part)?;
        }
        if rest.is_none() {
            return Ok(());
        }
        let kind = match rest.shares.iter().all(|shares| shares.is_zero()) {
            true => recorded::kind(rest.idle),
            false if rest.idle.is_negative() => FlowKind::Other,
            false => recorded::kind(recorded::flow(&after, &rest)?),
        };
        self.event(&after, Origin::Flow(kind), rest)
    }

    fn decided(&self, done: &Expected, policy_version: u64, is_executed: bool) -> Origin {
        let gas = done.inputs.leg_gas.saturating_mul(done.moves.len() as u64);
        let gas = U256::from(done.inputs.base_gas.saturating_add(gas));
        let expected = gas.saturating_mul(U256::from(done.inputs.gas_price_wei));
        Origin::Decided(Decided {
            decision: done.decision,
            agent: done.inputs.agent,
            reason: done.reason,
            policy_version,
            native_price: done.inputs.native_price,
            fee_wei: done.fee_wei.unwrap_or(expected),
            is_executed,
        })
    }

    /// What happens to the own portfolio: venues go on, others do what they did, and what was decided is carried out in the
    /// next block.
    fn live(&mut self, last: &Block, block: &Block) -> Result<()> {
        let head = self.head.clone();
        let (from, to) = (last.snapshot.block, block.snapshot.block);
        let Some(mut own) = self.state.portfolio.take() else { return Ok(()) };
        let mut begin = from.timestamp;
        if let Some(pending) = self.state.pending.take() {
            let at = from.timestamp.saturating_add(pending.inputs.block_seconds.into());
            if at < to.timestamp && from.number.saturating_add(1) < to.number {
                own.grow(last, &head, begin, at);
                begin = at;
                let sight = Sight::of(&head, last, at);
                let place = (from.number.saturating_add(1), at);
                self.carry_out(&mut own, &sight, place, pending)?;
            } else {
                self.state.pending = Some(pending);
            }
        }
        own.grow(last, &head, begin, to.timestamp);
        let before = Sight::of(&head, last, from.timestamp);
        let sight = Sight::of(&head, block, to.timestamp);
        for (place, position) in own.positions.iter().enumerate() {
            if !position.shares.is_zero() && sight.seen.get(place).is_none_or(Option::is_none) {
                return Err(self.lost(&sight, place));
            }
        }
        let change = recorded::change(&before, &sight)?;
        for (place, shares) in change.shares.iter().enumerate() {
            let assets = recorded::assets(&sight, place, *shares)?;
            // What the record moved there is not moved here.
            own.positions[place].drift.cash -= assets;
        }
        let flow = recorded::flow(&sight, &change)?;
        if !flow.is_zero() {
            let delta = recorded::apply(&mut own, &sight, flow)?;
            self.state.portfolio = Some(own.clone());
            self.event(&sight, Origin::Flow(recorded::kind(flow)), delta)?;
        }
        if let Some(pending) = self.state.pending.take() {
            self.carry_out(&mut own, &sight, (to.number, to.timestamp), pending)?;
        }
        self.state.portfolio = Some(own);
        Ok(())
    }

    fn carry_out(
        &mut self,
        own: &mut Portfolio,
        sight: &Sight<'_>,
        place: (u64, u64),
        pending: Pending,
    ) -> Result<()> {
        let Some(policy) = self.rules.at(sight.block)? else { return Ok(()) };
        let hash = self.rules.hash(sight.block);
        let order = self.order_of(&policy);
        let rebalance = &pending.rebalance;
        let done = execute::carry_out(own, sight, &order, (&policy, hash), rebalance)?;
        let followed = &mut self.state.made.followed;
        let is_executed = done.is_some();
        let count = if is_executed { &mut followed.executed } else { &mut followed.reverted };
        *count = count.saturating_add(1);
        let delta = done.unwrap_or_else(|| Delta::none(own.positions.len()));
        let version = rebalance.policy_version;
        let expected = Expected {
            decision: rebalance.decision,
            reason: pending.reason,
            moves: pending.rebalance.moves,
            inputs: pending.inputs,
            fee_wei: None,
        };
        let origin = self.decided(&expected, version, is_executed);
        self.state.portfolio = Some(own.clone());
        self.event_at(sight, place, origin, delta)
    }

    fn event(&mut self, sight: &Sight<'_>, origin: Origin, delta: Delta) -> Result<()> {
        let at = sight.block.snapshot.block;
        self.event_at(sight, (at.number, at.timestamp), origin, delta)
    }

    fn event_at(
        &mut self,
        sight: &Sight<'_>,
        (number, timestamp): (u64, u64),
        origin: Origin,
        delta: Delta,
    ) -> Result<()> {
        let point = self.point(sight, number, timestamp)?;
        let (kind, source) = match origin {
            Origin::Flow(kind) => (Kind::Flow(kind), Source::default()),
            Origin::Decided(of) => {
                let action = if of.is_executed { Action::Rebalance } else { Action::Failed };
                let decision = Decision {
                    actor: Actor::Agent(of.agent),
                    action,
                    policy_version: of.policy_version,
                    gas_assets: of.native_price.assets_up(of.fee_wei),
                };
                (Kind::Decision(decision), Source { decided: Some(of) })
            }
        };
        let made = &mut self.state.made;
        made.events.push(Event { point, delta, kind });
        made.sources.push(source);
        Ok(())
    }
}

/// Where a change comes from.
enum Origin {
    Flow(FlowKind),
    Decided(Decided),
}
