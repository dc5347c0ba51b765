//! Calls that anybody may make and that keep a vault in order: recorded, simulated, stored and sent as a rebalance is.

use alloy::primitives::{Bytes, U256};
use vagus_allocator::Inputs;
use vagus_chain::{
    ChainError, ChainReader as _, Header,
    guard::{
        PendingPolicy, decode_pending_policy, encode_activate_policy, encode_checkpoint,
        encode_follow_price, encode_pending_policy, encode_trim,
    },
    lifecycle::{TxEvent, TxState},
};
use vagus_journal::{
    Body, DecisionRecord, Outcome, OutcomeState, TransactionIntent, Upkeep, draft,
};
use vagus_policy::{
    Limits, Policy, Snapshot, StrategyPolicy, StrategyState, StrategyStatus,
    price::{Band, follow},
};

use super::{ChainLoop, KEEPER_VERSION, RunError, vault::Moment};
use crate::{
    config::UpkeepConfig,
    crash,
    mode::Mode,
    report::{Event, UpkeepEvent},
    world::VaultWorld,
};

/// Of a band, on either side.
const HALF_BPS: u16 = 5_000;

/// The call that is due, if one is. A refresh first: what is trimmed is measured by it. What stands above a cap by less than
/// the smallest move is left there: interest alone lifts a strategy at its cap above it in every block.
fn due(
    config: UpkeepConfig,
    smallest_move: u128,
    policy: Option<&Policy>,
    snapshot: &Snapshot,
) -> Option<Upkeep> {
    let state = &snapshot.vault;
    let hours = config.checkpoint_hours;
    let age_seconds = snapshot.block.timestamp.saturating_sub(state.nav.refreshed_at);
    // With an unreadable strategy it would move nothing stored, and nobody's shares need one that are not there.
    let is_useful = state.nav.is_readable && !state.nav.supply.is_zero();
    if hours > 0 && is_useful && age_seconds >= u64::from(hours) * 3_600 {
        return Some(Upkeep::Checkpoint {});
    }
    let policy = policy?;
    if config.trim
        && let Some(index) = over_its_cap(smallest_move, policy, snapshot)
    {
        return Some(Upkeep::Trim { index });
    }
    if !config.follow_prices {
        return None;
    }
    let mut strategies = policy.strategies.iter().zip(&state.strategies);
    let index = strategies
        .position(|(entry, seen)| is_left_behind(&policy.limits, entry, seen, snapshot))?;
    u8::try_from(index).ok().map(|index| Upkeep::FollowPrice { index })
}

/// The first strategy that holds more than it may by as much as is worth a call.
fn over_its_cap(smallest_move: u128, policy: &Policy, snapshot: &Snapshot) -> Option<u8> {
    let is_over = |(entry, seen): (&StrategyPolicy, &StrategyState)| {
        let most = match entry.status {
            StrategyStatus::Active => U256::from(entry.cap),
            StrategyStatus::ExitOnly => U256::ZERO,
            _ => return false,
        };
        let excess = seen.redeem_assets.saturating_sub(most).min(seen.max_withdraw_assets);
        seen.is_readable && excess >= U256::from(smallest_move.max(1))
    };
    let mut strategies = policy.strategies.iter().zip(&snapshot.vault.strategies);
    u8::try_from(strategies.position(is_over)?).ok()
}

/// Whether a strategy's price stands more than half of its band away from the guard's reference, and the reference would move
/// if it were told to follow now.
fn is_left_behind(
    limits: &Limits,
    entry: &StrategyPolicy,
    seen: &StrategyState,
    snapshot: &Snapshot,
) -> bool {
    let Some(read) = seen.read_price.filter(|_| entry.status != StrategyStatus::WrittenOff) else {
        return false;
    };
    let (reference, band_bps) = (seen.reference_price, entry.price_band_bps);
    let half = Band::around(reference, band_bps, HALF_BPS);
    let is_far = read.assets.saturating_add(U256::ONE) < half.lowest_value_up(read.shares)
        || read.assets > half.highest_value(read.shares);
    let (at, growth) = (snapshot.block.timestamp, limits.max_growth_wad);
    let next = follow(reference, seen.reference_at, at, growth, band_bps, read.assets, read.shares);
    is_far && next.is_some_and(|next| next != reference)
}

/// Whether a policy that waits may be put in force in a block of a time.
const fn is_activatable(pending: &PendingPolicy, at: u64) -> bool {
    pending.activatable_at <= at && at <= pending.expires_at
}

impl ChainLoop {
    /// The document that waits and may be put in force in the next block, asked of the guard when it is the vault's turn.
    async fn activatable(
        &self,
        vault: &VaultWorld,
        head: &Header,
    ) -> Result<Option<Upkeep>, RunError> {
        let guard = vault.entry.guard;
        if !vault.config.upkeep.activate || self.turn() != Some(vault.entry.vault) {
            return Ok(None);
        }
        let call = self.call(guard, encode_pending_policy(), true, vault.config.gas.limit);
        let at = self.next_block_at(head);
        let note = self.try_out(&call, head, at).await?;
        let pending = note.is_success.then(|| decode_pending_policy(&note.output)).flatten();
        let Some(pending) = pending.flatten().filter(|pending| is_activatable(pending, at)) else {
            return Ok(None);
        };
        let (block, hash) = (pending.submitted_block, pending.hash);
        match self.world.endpoints.policy(guard, block, hash).await {
            Ok(policy) => {
                let policy = Bytes::from(vagus_policy::encode(&policy));
                Ok(Some(Upkeep::Activate { policy }))
            }
            Err(
                error @ (ChainError::PolicyNotFound { .. } | ChainError::PolicyUnreadable { .. }),
            ) => {
                tracing::error!(
                    "vault {}: what waits is not put in force: {error}",
                    vault.config.name
                );
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the call that is due, if there is one, there is room for it, and it would go through. Whether it was made.
    pub(super) async fn tend(
        &self,
        vault: &VaultWorld,
        moment: Moment<'_>,
        policy: Option<&Policy>,
        snapshot: &Snapshot,
        inputs: &Inputs,
    ) -> Result<bool, RunError> {
        let Moment { head, at, .. } = moment;
        if matches!(self.mode, Mode::Propose(_)) {
            // Anybody may make these calls: nobody has to sign for them.
            return Ok(false);
        }
        let upkeep = match due(vault.config.upkeep, inputs.smallest_move, policy, snapshot) {
            Some(upkeep) => upkeep,
            None => match self.activatable(vault, head).await? {
                Some(upkeep) => upkeep,
                None => return Ok(false),
            },
        };
        let gas = vault.config.gas.limit;
        if self.no_room(head, gas, None).await?.is_some() {
            return Ok(false);
        }
        let call = match &upkeep {
            Upkeep::Checkpoint {} => self.call(vault.entry.vault, encode_checkpoint(), false, gas),
            Upkeep::Trim { index } => self.call(vault.entry.guard, encode_trim(*index), true, gas),
            Upkeep::FollowPrice { index } => {
                self.call(vault.entry.guard, encode_follow_price(*index), true, gas)
            }
            Upkeep::Activate { policy } => {
                self.call(vault.entry.guard, encode_activate_policy(policy), false, gas)
            }
        };
        let query = self.world.query(vault);
        let confirmed = self.world.endpoints.confirm(vault.entry.lens, query, head, snapshot).await;
        if self.unconfirmed(&vault.config.name, confirmed)?.is_some() {
            return Ok(false);
        }
        crash::before("simulated");
        let seconds = inputs.deadline_seconds.max(inputs.block_seconds);
        let deadline = snapshot.block.timestamp.saturating_add(seconds.into());
        let (note, newest) = self.rehearse(&call, head, deadline).await?;
        crash::after("simulated");
        if !note.is_success {
            tracing::warn!(
                "vault {}: {:?} would fail and is not sent: {}",
                vault.config.name,
                upkeep.reason(),
                note.message.as_deref().unwrap_or("without a reason")
            );
            return Ok(false);
        }
        let reason = upkeep.reason();
        let draft = draft::hold(snapshot, inputs, reason);
        let header = draft.header(vault.entry.lens, vault.entry.code_hashes.lens);
        let previous = self.journal.0.head_hash(snapshot.chain_id, snapshot.vault.vault).await?;
        let body = Body::Upkeep { observation: draft.observation, upkeep, deadline };
        let record = DecisionRecord::new(header, previous, body);
        if !self.mode.acts() {
            return self.write_down(vault, &record, note, None).await.map(|()| true);
        }
        let hash = record.hash()?;
        let state = TxState::intended(deadline, at);
        let from = self.key.address();
        let intent =
            TransactionIntent { decision: hash, from, state: serde_json::to_value(&state)? };
        let mut outcome = Outcome::new(hash, KEEPER_VERSION, OutcomeState::Submitted);
        outcome.simulation = Some(note);
        crash::before("stored");
        self.journal.0.append_rebalance(&record, &intent, &outcome).await?;
        crash::after("stored");
        self.records.keep(hash, record.into());
        self.reporter.say(&Event::Upkeep(UpkeepEvent {
            vault: vault.config.name.clone(),
            block: head.block.number,
            reason,
            decision: hash,
        }));
        if self.sends_for(from) {
            let state = self.drive(hash, from, state, TxEvent::Head(at), newest).await?;
            self.settle(hash, from, &state).await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use vagus_policy::ReadPrice;

    use super::*;
    use crate::testing;

    #[test]
    fn a_checkpoint_is_due_after_its_hours_and_not_a_second_before() {
        let mut snapshot = testing::snapshot(Default::default());
        let config = UpkeepConfig::default();
        let age = |snapshot: &mut Snapshot, seconds: u64| {
            snapshot.vault.nav.refreshed_at = snapshot.block.timestamp - seconds;
        };
        age(&mut snapshot, 23 * 3_600 - 1);
        assert_eq!(due(config, 0, None, &snapshot), None);
        age(&mut snapshot, 23 * 3_600);
        assert_eq!(due(config, 0, None, &snapshot), Some(Upkeep::Checkpoint {}));
        assert_eq!(due(UpkeepConfig { checkpoint_hours: 0, ..config }, 0, None, &snapshot), None);
        snapshot.vault.nav.is_readable = false;
        assert_eq!(due(config, 0, None, &snapshot), None, "it would move nothing");
    }

    #[test]
    fn a_policy_may_be_put_in_force_from_its_first_second_to_its_last() {
        let hash = alloy::primitives::B256::repeat_byte(1);
        let waits =
            PendingPolicy { hash, submitted_block: 1, activatable_at: 100, expires_at: 200 };
        for (at, is) in [(99, false), (100, true), (200, true), (201, false)] {
            assert_eq!(is_activatable(&waits, at), is, "{at}");
        }
    }

    #[test]
    fn a_trim_is_due_above_the_cap_and_in_exit_only_if_it_is_wanted() {
        let mut snapshot = testing::snapshot(Default::default());
        let mut policy = testing::policy(Default::default());
        snapshot.vault.nav.refreshed_at = snapshot.block.timestamp;
        policy.strategies[1].cap = 1_000;
        let seen = &mut snapshot.vault.strategies[1];
        (seen.redeem_assets, seen.max_withdraw_assets) = (U256::from(1_000), U256::from(1));
        let wanted = UpkeepConfig { trim: true, ..UpkeepConfig::default() };
        assert_eq!(due(wanted, 0, Some(&policy), &snapshot), None, "at the cap");
        snapshot.vault.strategies[1].redeem_assets = U256::from(1_001);
        assert_eq!(due(wanted, 0, Some(&policy), &snapshot), Some(Upkeep::Trim { index: 1 }));
        assert_eq!(due(UpkeepConfig::default(), 0, Some(&policy), &snapshot), None, "not wanted");
        assert_eq!(due(wanted, 0, None, &snapshot), None, "no policy");
        snapshot.vault.strategies[1].max_withdraw_assets = U256::ZERO;
        assert_eq!(due(wanted, 0, Some(&policy), &snapshot), None, "nothing can be had");
        let seen = &mut snapshot.vault.strategies[1];
        (seen.redeem_assets, seen.max_withdraw_assets) = (U256::from(1_099), U256::from(500));
        assert_eq!(due(wanted, 100, Some(&policy), &snapshot), None, "not worth a call");
        snapshot.vault.strategies[1].redeem_assets = U256::from(1_100);
        assert!(due(wanted, 100, Some(&policy), &snapshot).is_some());
        snapshot.vault.strategies[1].max_withdraw_assets = U256::from(99);
        assert_eq!(due(wanted, 100, Some(&policy), &snapshot), None, "so little can be had");
        policy.strategies[0].status = StrategyStatus::ExitOnly;
        let seen = &mut snapshot.vault.strategies[0];
        (seen.redeem_assets, seen.max_withdraw_assets) = (U256::from(1), U256::from(1));
        assert_eq!(due(wanted, 0, Some(&policy), &snapshot), Some(Upkeep::Trim { index: 0 }));
    }

    #[test]
    fn a_reference_follows_a_price_past_half_of_its_band_a_day_after_it_did_last() {
        let mut policy = testing::policy(Default::default());
        let (band, day) = (U256::from(policy.strategies[1].price_band_bps), 86_400);
        let config = UpkeepConfig::default();
        let unit = U256::ONE << 60;
        // At a reference of one; the band is a part of 10,000.
        let moved = |half_bands: U256| unit + unit * band * half_bands / U256::from(20_000);
        let at = |assets: U256, age: u64| {
            let mut snapshot = testing::snapshot(Default::default());
            snapshot.vault.nav.refreshed_at = snapshot.block.timestamp;
            let seen = &mut snapshot.vault.strategies[1];
            seen.shares = U256::ZERO;
            seen.reference_price = U256::ONE << 128;
            seen.reference_at = snapshot.block.timestamp - age;
            seen.read_price = Some(ReadPrice { shares: unit, assets });
            snapshot
        };
        let asked = |policy: &Policy, snapshot: &Snapshot| due(config, 0, Some(policy), snapshot);
        let (half, whole) = (moved(U256::ONE), moved(U256::from(2)));
        let wanted = Some(Upkeep::FollowPrice { index: 1 });
        // A unit of grace, and half of a band that rounds.
        assert_eq!(asked(&policy, &at(half, day)), None, "at the half");
        assert_eq!(asked(&policy, &at(half + U256::from(3), day)), wanted, "past it");
        assert_eq!(asked(&policy, &at(whole, day - 1)), None, "a second too early");
        assert_eq!(asked(&policy, &at(whole, day)), wanted);
        assert_eq!(asked(&policy, &at(unit - (whole - unit), day)), wanted, "below it likewise");
        assert_eq!(asked(&policy, &at(unit - (half - unit), day)), None);
        assert_eq!(due(config, 0, None, &at(whole, day)), None, "no policy");
        let off = UpkeepConfig { follow_prices: false, ..config };
        assert_eq!(due(off, 0, Some(&policy), &at(whole, day)), None, "not wanted");
        let mut unread = at(whole, day);
        unread.vault.strategies[1].read_price = None;
        assert_eq!(asked(&policy, &unread), None, "not read");
        policy.strategies[1].status = StrategyStatus::ExitOnly;
        assert_eq!(asked(&policy, &at(whole, day)), wanted, "so that it can be left");
        policy.strategies[1].status = StrategyStatus::WrittenOff;
        assert_eq!(asked(&policy, &at(whole, day)), None, "written off");
        policy.strategies[1].status = StrategyStatus::Active;
        policy.limits.max_growth_wad = 0;
        assert_eq!(asked(&policy, &at(whole, day)), None, "it would not move");
    }
}
