//! Calls that anybody may make and that keep a vault in order: recorded, simulated, stored and sent as a rebalance is.

use alloy::primitives::U256;
use vagus_allocator::Inputs;
use vagus_chain::{
    guard::{encode_checkpoint, encode_trim},
    lifecycle::{TxEvent, TxState},
};
use vagus_journal::{Body, DecisionRecord, Outcome, OutcomeState, TransactionIntent, Upkeep};
use vagus_policy::{Policy, Snapshot, StrategyStatus};

use super::{ChainLoop, KEEPER_VERSION, RunError, vault::Moment};
use crate::{
    config::UpkeepConfig,
    crash, decide,
    report::{Event, UpkeepEvent},
    world::VaultWorld,
};

/// The call that is due, if one is. A refresh first: what is trimmed is measured by it.
fn due(config: UpkeepConfig, policy: Option<&Policy>, snapshot: &Snapshot) -> Option<Upkeep> {
    let state = &snapshot.vault;
    let hours = config.checkpoint_hours;
    let age_seconds = snapshot.block.timestamp.saturating_sub(state.nav.refreshed_at);
    // With an unreadable strategy it would move nothing stored, and nobody's shares need one that are not there.
    let is_useful = state.nav.is_readable && !state.nav.supply.is_zero();
    if hours > 0 && is_useful && age_seconds >= u64::from(hours) * 3_600 {
        return Some(Upkeep::Checkpoint {});
    }
    let policy = policy.filter(|_| config.trim)?;
    let is_over = |(entry, seen): (&vagus_policy::StrategyPolicy, &vagus_policy::StrategyState)| {
        let most = match entry.status {
            StrategyStatus::Active => U256::from(entry.cap),
            StrategyStatus::ExitOnly => U256::ZERO,
            _ => return false,
        };
        seen.is_readable && seen.redeem_assets > most && !seen.max_withdraw_assets.is_zero()
    };
    let index = policy.strategies.iter().zip(&state.strategies).position(is_over)?;
    u8::try_from(index).ok().map(|index| Upkeep::Trim { index })
}

impl ChainLoop {
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
        let Some(upkeep) = due(vault.config.upkeep, policy, snapshot) else { return Ok(false) };
        let gas = vault.config.gas.limit;
        if self.no_room(head, gas, None).await?.is_some() {
            return Ok(false);
        }
        let call = match upkeep {
            Upkeep::Checkpoint {} => self.call(vault.entry.vault, encode_checkpoint(), false, gas),
            Upkeep::Trim { index } => self.call(vault.entry.guard, encode_trim(index), true, gas),
        };
        let query = self.world.query(vault);
        let confirmed = self.world.endpoints.confirm(vault.entry.lens, query, head, snapshot).await;
        if self.unconfirmed(vault, confirmed)?.is_some() {
            return Ok(false);
        }
        crash::before("simulated");
        let note = self.try_out(&call, head, self.next_block_at(head)).await?;
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
        let draft = decide::hold(snapshot, inputs, upkeep.reason());
        let header = draft.header(vault.entry.lens, vault.entry.code_hashes.lens);
        let previous = self.journal.0.head_hash(snapshot.chain_id, snapshot.vault.vault).await?;
        let seconds = inputs.deadline_seconds.max(inputs.block_seconds);
        let deadline = snapshot.block.timestamp.saturating_add(seconds.into());
        let body = Body::Upkeep { observation: draft.observation, upkeep, deadline };
        let record = DecisionRecord::new(header, previous, body);
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
        self.reporter.say(&Event::Upkeep(UpkeepEvent {
            vault: vault.config.name.clone(),
            block: head.block.number,
            reason: upkeep.reason(),
            decision: hash,
        }));
        if self.sends_for(from) {
            let state = self.drive(hash, state, TxEvent::Head(at)).await?;
            self.settle(hash, &state).await?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(due(config, None, &snapshot), None);
        age(&mut snapshot, 23 * 3_600);
        assert_eq!(due(config, None, &snapshot), Some(Upkeep::Checkpoint {}));
        assert_eq!(due(UpkeepConfig { checkpoint_hours: 0, ..config }, None, &snapshot), None);
        snapshot.vault.nav.is_readable = false;
        assert_eq!(due(config, None, &snapshot), None, "it would move nothing");
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
        assert_eq!(due(wanted, Some(&policy), &snapshot), None, "at the cap");
        snapshot.vault.strategies[1].redeem_assets = U256::from(1_001);
        assert_eq!(due(wanted, Some(&policy), &snapshot), Some(Upkeep::Trim { index: 1 }));
        assert_eq!(due(UpkeepConfig::default(), Some(&policy), &snapshot), None, "not wanted");
        assert_eq!(due(wanted, None, &snapshot), None, "no policy");
        snapshot.vault.strategies[1].max_withdraw_assets = U256::ZERO;
        assert_eq!(due(wanted, Some(&policy), &snapshot), None, "nothing can be had");
        policy.strategies[0].status = StrategyStatus::ExitOnly;
        let seen = &mut snapshot.vault.strategies[0];
        (seen.redeem_assets, seen.max_withdraw_assets) = (U256::from(1), U256::from(1));
        assert_eq!(due(wanted, Some(&policy), &snapshot), Some(Upkeep::Trim { index: 0 }));
    }
}
