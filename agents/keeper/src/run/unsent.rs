//! Plans that are written down and not sent: a shadow's, and proposals. What becomes of them is looked at in every block.

use std::collections::HashSet;

use alloy::primitives::{Address, B256, U256};
use vagus_chain::{
    Call, ChainReader as _, ChainWriter as _, Header,
    guard::{Rebalanced, decode_receipt},
    lifecycle::{Head, Inclusion},
};
use vagus_journal::{
    Body, DecisionRecord, Observation, Outcome, OutcomeState, RecordQuery, ShadowEnd, ShadowLeg,
    Simulation as SimulationNote, StoredRecord,
};
use vagus_policy::Receipt;

use super::{ChainLoop, KEEPER_VERSION, RunError, prediction::Comparison};
use crate::{
    crash,
    exit::{Exit, Failure},
    mode::Mode,
    proposal,
    report::{Event, RebalanceEvent, SettledEvent, UpkeepEvent},
    world::VaultWorld,
};

/// Newest rebalances of a vault that are looked at; each is open for at most its deadline and finality.
const LATEST: u32 = 8;

impl ChainLoop {
    /// Writes a plan down that this keeper does not send.
    pub(super) async fn write_down(
        &self,
        vault: &VaultWorld,
        record: &DecisionRecord,
        note: SimulationNote,
        seen: Option<&Observation>,
    ) -> Result<(), RunError> {
        crash::before("stored");
        let hash = self.journal.0.append_decision(record).await?;
        let mut outcome = Outcome::new(hash, KEEPER_VERSION, self.mode.written());
        outcome.simulation = Some(note);
        self.journal.0.append_outcome(&outcome).await?;
        crash::after("stored");
        self.reporter.say(&match seen {
            Some(seen) => Event::Rebalance(RebalanceEvent::new(vault, seen, hash)),
            None => Event::Upkeep(UpkeepEvent {
                vault: vault.config.name.clone(),
                block: record.first().block().number,
                reason: record.reason(),
                decision: hash,
            }),
        });
        self.propose(vault, hash, record).await
    }

    /// Puts the file of a proposal down, unless it is there.
    async fn propose(
        &self,
        vault: &VaultWorld,
        decision: B256,
        record: &DecisionRecord,
    ) -> Result<(), RunError> {
        let (Mode::Propose(folder), Body::Rebalance { .. }) = (&self.mode, &record.body) else {
            return Ok(());
        };
        let batch = proposal::batch(vault, decision, record);
        let file = proposal::write(folder, &vault.config.name, decision, &batch)?;
        tracing::info!("vault {}: to be signed: {}", vault.config.name, file.display());
        Ok(())
    }

    /// Looks at what was written down and not sent. Gives back the vaults that wait for it.
    pub(super) async fn follow_unsent(
        &mut self,
        head: &Header,
        at: Head,
    ) -> Result<HashSet<Address>, RunError> {
        let mut waiting = HashSet::new();
        if self.mode.acts() {
            return Ok(waiting);
        }
        for vault in self.decided_vaults() {
            let query = RecordQuery {
                rebalances_only: true,
                newest_first: true,
                limit: Some(LATEST),
                ..RecordQuery::default()
            };
            let (chain_id, address) = (self.world.config.chain_id, vault.entry.vault);
            for stored in self.journal.0.records(chain_id, address, query).await? {
                let Some(outcome) = self.journal.0.outcome(stored.hash).await? else { continue };
                let is_open = match outcome.state {
                    OutcomeState::InShadow => {
                        self.follow_shadow(vault, &stored, outcome, head).await?
                    }
                    OutcomeState::Proposed | OutcomeState::Included => {
                        self.follow_proposal(vault, &stored, outcome, head, at).await?
                    }
                    _ => false,
                };
                if is_open {
                    waiting.insert(address);
                }
            }
        }
        self.has_followed = true;
        Ok(waiting)
    }

    /// Tries a shadow's plan once more where it could have been mined, and looks where the vault came to without it. Whether
    /// the plan is still open.
    async fn follow_shadow(
        &self,
        vault: &VaultWorld,
        stored: &StoredRecord,
        mut outcome: Outcome,
        head: &Header,
    ) -> Result<bool, RunError> {
        let act = self.act_of(stored.hash, None).await?;
        let mut notes = outcome.shadow.take().unwrap_or_default();
        let decided = stored.record.first().block();
        if head.block.number <= decided.number {
            return Ok(true);
        }
        let before = notes.clone();
        let is_on_chain = !outcome.is_orphaned;
        if is_on_chain && notes.tried.is_none() {
            let gas = vault.config.gas.limit;
            let (from, to, returns) = (self.world.agent, act.to, act.returns);
            let call = Call { from, to, input: act.input, gas, returns };
            let note = self.try_out(&call, head, self.next_block_at(head)).await?;
            if let (true, Some(receipt)) = (note.is_success, decode_receipt(&note.output)) {
                let tolerance_bps = vault.config.headroom_bps;
                notes.is_as_predicted = is_as_predicted(&stored.record, &receipt, tolerance_bps);
            }
            notes.tried = Some(note);
        }
        if is_on_chain && head.block.timestamp > act.deadline {
            notes.end = self.shadow_end(vault, &stored.record, head).await?;
        }
        let is_open = is_on_chain && notes.end.is_none();
        if notes != before || !is_open {
            if !is_open {
                outcome.state = OutcomeState::Shadowed;
            }
            outcome.shadow = Some(notes);
            self.journal.0.append_outcome(&outcome).await?;
        }
        Ok(is_open)
    }

    /// The vault as it is; none if it cannot be read now.
    async fn shadow_end(
        &self,
        vault: &VaultWorld,
        record: &DecisionRecord,
        head: &Header,
    ) -> Result<Option<ShadowEnd>, RunError> {
        let queries = [self.world.query(vault)];
        let mut page = self.world.endpoints.snapshots(vault.entry.lens, &queries, head).await?;
        let Some(Ok(now)) = page.pop() else { return Ok(None) };
        let (before, now) = (&record.first().snapshot.vault, now.vault);
        let mut legs = Vec::new();
        let mut idle_predicted = before.idle;
        if let Body::Rebalance { rebalance, predicted, .. } = &record.body {
            idle_predicted = predicted.idle_after;
            for (leg, expected) in rebalance.moves.iter().zip(&predicted.legs) {
                let listed = before.strategies.get(usize::from(leg.index));
                let Some(strategy) = listed.map(|listed| listed.strategy) else { continue };
                let found = now.strategies.iter().find(|known| known.strategy == strategy);
                legs.push(ShadowLeg {
                    strategy,
                    before: expected.value_before,
                    predicted: expected.value_after,
                    actual: found.map_or(U256::ZERO, |found| found.redeem_assets),
                });
            }
        }
        let count = |state: &vagus_policy::VaultState| state.guard_state.rebalance_count;
        Ok(Some(ShadowEnd {
            block_number: head.block.number,
            block_hash: head.block.hash,
            rebalances: count(&now).saturating_sub(count(before)),
            idle_predicted,
            idle: now.idle,
            legs,
        }))
    }

    /// Looks for the execution of a proposal by its decision, and for its end. Whether its vault waits for it.
    async fn follow_proposal(
        &self,
        vault: &VaultWorld,
        stored: &StoredRecord,
        mut outcome: Outcome,
        head: &Header,
        at: Head,
    ) -> Result<bool, RunError> {
        let act = self.act_of(stored.hash, None).await?;
        let before = outcome.clone();
        let is_over = head.block.timestamp > act.deadline;
        if !self.has_followed && !is_over && outcome.receipt.is_none() {
            self.propose(vault, stored.hash, &stored.record).await?;
        }
        let mined = match outcome.receipt {
            Some(known) => {
                let found = self.world.endpoints.receipt(known.transaction_hash).await?;
                found.filter(|found| found.block_hash == known.block_hash)
            }
            None => None,
        };
        let mined = match mined {
            Some(mined) => Some(mined),
            None => {
                let decided = stored.record.first().block().number;
                let window = u64::from(self.world.config.profile.reorg_window);
                let recent = head.block.number.saturating_sub(window);
                let first = if self.has_followed { recent.max(decided) } else { decided };
                let range = (first, head.block.number);
                let guard = vault.entry.guard;
                match self.world.endpoints.execution(guard, stored.hash, range).await? {
                    Some(hash) => self.world.endpoints.receipt(hash).await?,
                    None => None,
                }
            }
        };
        match mined {
            Some(mined) => {
                let inclusion = Inclusion {
                    hash: mined.hash,
                    block_number: mined.block_number,
                    block_hash: mined.block_hash,
                    is_success: mined.is_success,
                    gas_used: mined.gas_used,
                    effective_gas_price_wei: mined.gas_price_wei,
                };
                self.describe_inclusion(&mut outcome, None, &inclusion).await?;
                let is_final = mined.block_number <= at.finalized_number;
                outcome.state =
                    if is_final { OutcomeState::Executed } else { OutcomeState::Included };
                outcome.finalized_number = is_final.then_some(at.finalized_number);
            }
            None => {
                outcome.state = OutcomeState::Proposed;
                (outcome.receipt, outcome.settlement) = (None, None);
                outcome.is_as_predicted = None;
                if is_over && self.world.finalized(head).await?.block.timestamp > act.deadline {
                    outcome.state = OutcomeState::Expired;
                    outcome.finalized_number = Some(at.finalized_number);
                }
            }
        }
        if outcome != before {
            self.journal.0.append_outcome(&outcome).await?;
        }
        if outcome.state != before.state {
            let name = vault.config.name.clone();
            let event = SettledEvent::new(name, &outcome, &stored.record);
            self.reporter.say(&Event::Settled(event));
        }
        Ok(outcome.state == OutcomeState::Proposed && !is_over)
    }

    /// A journal is either of keepers that send or of their shadows: a shadow's decisions were never carried out, and
    /// nothing that was carried out may be missing among those of the others.
    pub(super) async fn refuse_the_wrong_journal(
        &self,
        stored: Option<&serde_json::Value>,
    ) -> Result<(), RunError> {
        let (chain_id, agent) = (self.world.config.chain_id, self.world.agent);
        let mut is_shadows = stored.map(|stored| stored["shadow"] == true);
        for vault in &self.world.vaults {
            let query = RecordQuery {
                rebalances_only: true,
                newest_first: true,
                limit: Some(1),
                ..RecordQuery::default()
            };
            for stored in self.journal.0.records(chain_id, vault.entry.vault, query).await? {
                let outcome = self.journal.0.outcome(stored.hash).await?;
                let state = outcome.map(|outcome| outcome.state);
                is_shadows = is_shadows.or(state
                    .map(|state| matches!(state, OutcomeState::InShadow | OutcomeState::Shadowed)));
            }
        }
        let is_shadow = self.mode == Mode::Shadow;
        match (is_shadows, is_shadow) {
            (Some(true), false) => Err(Failure::new(
                Exit::Journal,
                "The journal is a shadow's (keeper run --shadow), of which nothing was sent; expected a journal of \
                 keepers that send, or a new one.",
            )
            .into()),
            (Some(false), true) => Err(Failure::new(
                Exit::Journal,
                "The journal is of keepers that send; a shadow expects one of its own, beside it.",
            )
            .into()),
            (None, true) => {
                let mark = self.marked(serde_json::Value::Null);
                Ok(self.journal.0.put_cursor(chain_id, agent, &mark).await?)
            }
            _ => Ok(()),
        }
    }

    /// Where this keeper stands, and that it is a shadow if it is one.
    pub(super) fn marked(&self, cursor: serde_json::Value) -> serde_json::Value {
        match self.mode {
            Mode::Shadow => serde_json::json!({ "shadow": true, "cursor": cursor }),
            _ => cursor,
        }
    }
}

fn is_as_predicted(record: &DecisionRecord, actual: &Receipt, tolerance_bps: u16) -> Option<bool> {
    let Body::Rebalance { rebalance, predicted, .. } = &record.body else { return None };
    let event = Rebalanced {
        agent: record.header.agent,
        nonce: rebalance.nonce,
        decision: B256::ZERO,
        rebalance_count: 0,
        turnover_assets: actual.legs.iter().fold(U256::ZERO, |sum, leg| sum + leg.assets),
        // Not looked at beside a receipt.
        loss_assets: U256::ZERO,
    };
    let comparison = Comparison {
        moves: &rebalance.moves,
        predicted,
        actual: Some(actual),
        event: &event,
        tolerance_bps,
    };
    Some(comparison.is_as_predicted())
}
