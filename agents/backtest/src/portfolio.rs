//! The backtest's own portfolio, and a recorded block as it would be with it in the place of the recorded one.

use alloy_primitives::{B256, I256, U256};
use serde::{Deserialize, Serialize};
use vagus_allocator::curves::{AaveV3Market, Change, Spread};
use vagus_policy::{
    AaveV3Curve, Bucket, Checked, Curve, Policy, ReadPrice, Snapshot, StrategyState, VaultState,
    decimal,
    math::{WAD, mul_div_down},
};

use crate::{
    BacktestError, Result,
    drift::{Drift, shifted},
    history::{Block, Head},
    quote::Quote,
};

/// A price reference of the guard that the backtest's own rebalances have set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Set {
    #[serde(with = "decimal")]
    price: U256,
    at: u64,
}

/// One strategy in the portfolio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    #[serde(with = "decimal")]
    pub(crate) shares: U256,
    pub(crate) drift: Drift,
    pub(crate) reference: Option<Set>,
}

/// What the vault holds in the backtest, and what its guard has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Portfolio {
    #[serde(with = "decimal")]
    pub(crate) idle: U256,
    /// By place in the head's list.
    pub(crate) positions: Vec<Position>,
    count: u64,
    nonce: u64,
    last_rebalance_at: u64,
    turnover: Bucket,
    loss: Bucket,
    agent_turnover: Bucket,
    agent_loss: Bucket,
}

/// A recorded block, looked at by the head's list, at its own time or a little later.
#[derive(Debug)]
pub(crate) struct Sight<'a> {
    pub(crate) block: &'a Block,
    pub(crate) at: u64,
    /// By place in the head's list; none that the block says nothing of.
    pub(crate) seen: Vec<Option<(&'a StrategyState, Quote)>>,
}

impl<'a> Sight<'a> {
    pub(crate) fn of(head: &Head, block: &'a Block, at: u64) -> Self {
        let states = &block.snapshot.vault.strategies;
        let seen_at = block.snapshot.block.timestamp;
        let seen = head.strategies.iter().map(|one| {
            let state = states.iter().find(|state| state.strategy == one.strategy)?;
            Some((state, Quote::of(state, seen_at, at)))
        });
        Self { block, at, seen: seen.collect() }
    }

    fn number(&self) -> u64 {
        self.block.snapshot.block.number
    }

    /// Recorded shares at a place.
    pub(crate) fn shares(&self, place: usize) -> U256 {
        self.seen.get(place).copied().flatten().map_or(U256::ZERO, |(state, _)| state.shares)
    }

    /// Value of the recorded portfolio.
    fn recorded_assets(&self) -> U256 {
        let values = self.seen.iter().flatten();
        let values = values.map(|(state, quote)| quote.redeem.assets_down(state.shares));
        values.fold(self.block.snapshot.vault.idle, U256::saturating_add)
    }
}

/// A strategy with the backtest's position in it.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    pub(crate) state: StrategyState,
    pub(crate) quote: Quote,
}

impl Portfolio {
    /// The recorded one at a block.
    pub(crate) fn recorded(head: &Head, block: &Block) -> Self {
        let state = &block.snapshot.vault;
        let shares = |strategy| {
            let mut all = state.strategies.iter();
            all.find(|one| one.strategy == strategy).map_or(U256::ZERO, |one| one.shares)
        };
        let position =
            |strategy| Position { shares: shares(strategy), drift: Drift::NONE, reference: None };
        Self {
            idle: state.idle,
            positions: head.strategies.iter().map(|one| position(one.strategy)).collect(),
            count: state.guard_state.rebalance_count,
            nonce: state.agent.nonce,
            last_rebalance_at: state.agent.last_rebalance_at,
            turnover: state.guard_state.turnover,
            loss: state.guard_state.loss,
            agent_turnover: state.agent.turnover,
            agent_loss: state.agent.loss,
        }
    }

    /// Shares by place.
    pub(crate) fn shares(&self) -> Vec<U256> {
        self.positions.iter().map(|position| position.shares).collect()
    }

    /// Venues go on from one moment to another, as the curves that were read at the block say.
    pub(crate) fn grow(&mut self, block: &Block, head: &Head, from: u64, to: u64) {
        for (position, one) in self.positions.iter_mut().zip(&head.strategies) {
            let mut states = block.snapshot.vault.strategies.iter();
            if let Some(state) = states.find(|state| state.strategy == one.strategy) {
                // A curve that was read at its block is touched there at the earliest.
                let from = from.max(block.snapshot.block.timestamp);
                position.drift = position.drift.grown(&state.curve, from, to);
            }
        }
    }

    /// A strategy at a moment.
    ///
    /// None that the block says nothing of.
    ///
    /// # Errors
    /// [`BacktestError::OutOfRange`].
    pub(crate) fn own(&self, sight: &Sight<'_>, place: usize) -> Result<Option<Own>> {
        let Some(position) = self.positions.get(place) else { return Ok(None) };
        let Some((seen, recorded)) = sight.seen.get(place).copied().flatten() else {
            return Ok(None);
        };
        let mut state = seen.clone();
        if let Some(own) = position.reference.filter(|own| own.at > seen.reference_at) {
            (state.reference_price, state.reference_at) = (own.price, own.at);
        }
        let is_now = sight.at == sight.block.snapshot.block.timestamp;
        if position.drift.is_none() && position.shares == seen.shares && is_now {
            return Ok(Some(Own { state, quote: recorded }));
        }
        let quote = recorded.times(position.drift.price);
        state.shares = position.shares;
        state.convert_assets = quote.convert.assets_down(position.shares);
        let mut drift = position.drift;
        if matches!(seen.curve, Curve::MorphoBlueMarkets(_)) {
            // Its markets hold what its shares are worth, interest on our own included.
            let recorded = recorded.convert.assets_down(seen.shares);
            drift.cash = difference(state.convert_assets, recorded)
                .ok_or(BacktestError::OutOfRange { block: sight.number(), what: "a position" })?;
        }
        state.curve = drift.replaced(&seen.curve, sight.at);
        state.redeem_assets = quote.redeem.assets_down(position.shares);
        state.read_price = seen.read_price.map(|read| ReadPrice {
            shares: read.shares,
            assets: quote.redeem.assets_down(read.shares),
        });
        state.max_withdraw_assets = most_out(seen, &state);
        state.max_deposit_assets = most_in(seen, &state, sight.at)
            .ok_or(BacktestError::OutOfRange { block: sight.number(), what: "a venue's room" })?;
        Ok(Some(Own { state, quote }))
    }

    /// Value of the portfolio, after exit fees.
    pub(crate) fn assets(&self, sight: &Sight<'_>) -> U256 {
        let places = self.positions.iter().zip(&sight.seen);
        places.fold(self.idle, |sum, (position, seen)| {
            let value = seen.map_or(U256::ZERO, |(_, quote)| {
                quote.times(position.drift.price).redeem.assets_down(position.shares)
            });
            sum.saturating_add(value)
        })
    }

    /// What would have been seen with this portfolio. `order` has the places of the policy's strategies; without a policy of
    /// its own (`policy` is none) what the guard says of the policy stays.
    ///
    /// # Errors
    /// [`BacktestError::Lost`], [`BacktestError::OutOfRange`].
    pub(crate) fn snapshot(
        &self,
        sight: &Sight<'_>,
        order: &[usize],
        policy: Option<(&Policy, B256)>,
    ) -> Result<(Snapshot, Vec<Quote>)> {
        let number = sight.number();
        let seen = &sight.block.snapshot;
        let mut snapshot = Snapshot {
            lens_version: seen.lens_version,
            chain_id: seen.chain_id,
            block: seen.block,
            base_fee_wei: seen.base_fee_wei,
            vault: bare(&seen.vault),
        };
        let mut quotes = Vec::with_capacity(order.len());
        for place in order {
            if let Some(own) = self.own(sight, *place)? {
                snapshot.vault.strategies.push(own.state);
                quotes.push(own.quote);
            }
        }
        let vault = &mut snapshot.vault;
        vault.idle = self.idle;
        let signed = |amount: U256| {
            I256::try_from(amount)
                .map_err(|_| BacktestError::OutOfRange { block: number, what: "the live value" })
        };
        // Both are below 2^255, so that their difference is in range.
        let more = signed(self.assets(sight))? - signed(sight.recorded_assets())?;
        let moved = |amount| {
            shifted(amount, more)
                .map_err(|_| BacktestError::OutOfRange { block: number, what: "NAV" })
        };
        let nav = &mut vault.nav;
        let seasoned_wad = nav.seasoned_wad;
        let base = |base: U256, before: U256, after: U256| match before.is_zero() {
            true => mul_div_down(after, seasoned_wad, WAD),
            false => mul_div_down(base, after, before),
        };
        let after = moved(nav.nav_assets)?;
        nav.base_assets = base(nav.base_assets, nav.nav_assets, after);
        nav.nav_assets = after;
        nav.live_assets = moved(nav.live_assets)?;
        nav.entry_assets = moved(nav.entry_assets)?;
        let after = moved(vault.checkpoint.nav)?;
        vault.checkpoint.base = base(vault.checkpoint.base, vault.checkpoint.nav, after);
        vault.checkpoint.nav = after;
        let guard = &mut vault.guard_state;
        (guard.rebalance_count, guard.turnover, guard.loss) =
            (self.count, self.turnover, self.loss);
        let agent = &mut vault.agent;
        (agent.nonce, agent.last_rebalance_at) = (self.nonce, self.last_rebalance_at);
        (agent.turnover, agent.loss) = (self.agent_turnover, self.agent_loss);
        if let Some((policy, hash)) = policy.filter(|(_, hash)| *hash != guard.policy_hash) {
            guard.policy_hash = hash;
            guard.policy_version = guard.policy_version.max(1);
            guard.mode = policy.limits.mode;
            agent.exists = policy.agents.iter().any(|one| one.agent == agent.agent);
            agent.is_revoked = false;
        }
        Ok((snapshot, quotes))
    }

    /// Takes over what the guard has counted.
    pub(crate) fn settle(&mut self, checked: &Checked, order: &[usize], places: &[usize], at: u64) {
        (self.turnover, self.loss) = (checked.vault_turnover, checked.vault_loss);
        (self.agent_turnover, self.agent_loss) = (checked.agent_turnover, checked.agent_loss);
        (self.count, self.nonce) = (checked.rebalance_count, checked.nonce);
        self.last_rebalance_at = at;
        for (index, reference) in places.iter().zip(&checked.references) {
            let place = order.get(*index).copied();
            if let Some(position) = place.and_then(|place| self.positions.get_mut(place)) {
                position.reference = Some(Set { price: reference.price, at: reference.at });
            }
        }
    }
}

/// All but the strategies, which are many.
fn bare(vault: &VaultState) -> VaultState {
    VaultState {
        vault: vault.vault,
        guard: vault.guard,
        asset: vault.asset.clone(),
        idle: vault.idle,
        nav: vault.nav.clone(),
        checkpoint: vault.checkpoint,
        guard_state: vault.guard_state.clone(),
        agent: vault.agent,
        strategies: Vec::new(),
    }
}

/// What an amount is more than another; negative if it is less.
fn difference(amount: U256, other: U256) -> Option<I256> {
    I256::try_from(amount).ok()?.checked_sub(I256::try_from(other).ok()?)
}

/// What a venue can pay out by its curve; none if that does not say.
fn liquidity(curve: &Curve) -> Option<U256> {
    match curve {
        Curve::Unknown => None,
        Curve::AaveV3(curve) => {
            let market = AaveV3Market::at(curve, curve.last_update_at).ok()?;
            Some(market.withdraw_room())
        }
        // Interest adds as much to what is lent as to what is supplied.
        Curve::MorphoBlue(curve) => {
            Some(curve.total_supply_assets.saturating_sub(curve.total_borrow_assets))
        }
        Curve::MorphoBlueMarkets(curve) => {
            let at = curve.markets.iter().map(|market| market.curve.last_update_at).max()?;
            Some(U256::from(Spread::at(curve, at).ok()?.withdraw_room()))
        }
    }
}

/// What can be withdrawn of the own position: what it is worth, and what the venue can pay. Where less could be withdrawn of
/// the recorded position than its curve says, something else was in the way, and is here too.
fn most_out(seen: &StrategyState, own: &StrategyState) -> U256 {
    let recorded = liquidity(&seen.curve);
    let by_curve = recorded.map_or(seen.redeem_assets, |room| room.min(seen.redeem_assets));
    let is_hindered = seen.max_withdraw_assets.saturating_add(U256::from(2)) < by_curve;
    let most = own.redeem_assets.min(liquidity(&own.curve).unwrap_or(U256::MAX));
    if is_hindered { most.min(seen.max_withdraw_assets) } else { most }
}

/// What can be deposited beside the own position.
fn most_in(seen: &StrategyState, own: &StrategyState, at: u64) -> Option<U256> {
    let room = seen.max_deposit_assets;
    match (&seen.curve, &own.curve) {
        (Curve::AaveV3(before), Curve::AaveV3(after)) => {
            let (before, after) = (aave_room(before)?, aave_room_at(after, at)?);
            if before == U256::MAX || room.is_zero() && !before.is_zero() {
                // No cap, or a cap that is not what kept deposits out.
                return Some(room);
            }
            // What keeps more out than the curve says stays.
            Some(after.saturating_sub(before.saturating_sub(room)))
        }
        (Curve::MorphoBlueMarkets(before), Curve::MorphoBlueMarkets(after)) => {
            let of = |curve| Some(U256::from(Spread::at(curve, at).ok()?.deposit_room()));
            Some(of(after)?.saturating_sub(of(before)?.saturating_sub(room)))
        }
        _ => Some(room),
    }
}

fn aave_room(curve: &AaveV3Curve) -> Option<U256> {
    aave_room_at(curve, curve.last_update_at)
}

/// What the reserve takes in by its cap. The aToken's supply was read at the block, so the index of the last update makes the
/// same difference on both sides.
fn aave_room_at(curve: &AaveV3Curve, at: u64) -> Option<U256> {
    let stored = AaveV3Market::at(curve, curve.last_update_at).ok()?;
    let rate_ray = stored.rates_after(Change::Deposit(U256::ZERO)).ok()?.supply_ray;
    AaveV3Market::at(curve, at.max(curve.last_update_at)).ok()?.deposit_room(rate_ray).ok()
}
