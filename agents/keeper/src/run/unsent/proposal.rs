//! What became of a proposal.

use alloy::primitives::B256;
use vagus_allocator::Reason;
use vagus_chain::{
    ChainError, ChainReader as _, ChainResult, ChainWriter as _, Header,
    lifecycle::{Head, Inclusion},
};
use vagus_journal::{Body, DecisionRecord, Outcome, OutcomeState, StoredRecord};

use super::super::{ChainLoop, RunError};
use crate::{
    mode::Mode,
    proposal,
    report::{Event, SettledEvent},
    world::VaultWorld,
};

impl ChainLoop {
    /// Puts the file of a proposal down, unless it is there.
    pub(super) async fn propose(
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

    /// Looks for the execution of a proposal by its decision, and for its end. Why its vault waits for it, if it does.
    pub(super) async fn follow_proposal(
        &self,
        vault: &VaultWorld,
        stored: &StoredRecord,
        mut outcome: Outcome,
        head: &Header,
        at: Head,
    ) -> Result<Option<Reason>, RunError> {
        let act = self.act_of(stored.hash, None).await?;
        let (endpoints, depth) = (&self.world.endpoints, self.world.finality_depth());
        let mut waits = None;
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
                let is_final = mined.block_number <= at.finalized_number
                    && self.is_agreed(&mut waits, endpoints.agreed_receipt(&mined, depth).await)?;
                outcome.state =
                    if is_final { OutcomeState::Executed } else { OutcomeState::Included };
                outcome.finalized_number = is_final.then_some(at.finalized_number);
            }
            None => {
                outcome.state = OutcomeState::Proposed;
                (outcome.receipt, outcome.settlement) = (None, None);
                outcome.is_as_predicted = None;
                let last = if is_over { Some(self.world.finalized(head).await?) } else { None };
                if let Some(last) = last.filter(|last| last.block.timestamp > act.deadline) {
                    let range = (stored.record.first().block().number, last.block.number);
                    let agreed = endpoints
                        .agreed_unexecuted(vault.entry.guard, stored.hash, range, &last, depth)
                        .await;
                    if self.is_agreed(&mut waits, agreed)? {
                        outcome.state = OutcomeState::Expired;
                        outcome.finalized_number = Some(at.finalized_number);
                    }
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
        let is_open = outcome.state == OutcomeState::Proposed && !is_over;
        Ok(waits.or(is_open.then_some(Reason::InFlight)))
    }

    /// Whether enough endpoints say the same of a proposal's end. One that knows less is asked again at the next head; one
    /// that says otherwise has the vault wait.
    fn is_agreed(
        &self,
        waits: &mut Option<Reason>,
        agreed: ChainResult<()>,
    ) -> Result<bool, RunError> {
        match agreed {
            Ok(()) => Ok(true),
            Err(error @ ChainError::Disagrees { .. }) => {
                tracing::error!("chain {}: {error}", self.world.config.name);
                *waits = Some(Reason::EndpointsDisagree);
                Ok(false)
            }
            Err(ChainError::NoQuorum { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
