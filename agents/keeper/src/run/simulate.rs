//! The exact transaction, tried out: before it is sent, and while it waits.

use alloy::primitives::{Address, B256, Bytes};
use vagus_chain::{
    Call, ChainReader as _, ChainWriter as _, Header, Simulation, Tag,
    guard::{decode_refusal, describe_revert, encode_rebalance, encode_rebalance_for},
    lifecycle::{Phase, TxEvent, TxState},
};
use vagus_journal::Simulation as SimulationNote;
use vagus_policy::Rebalance;

use super::{ChainLoop, RunError, transact::Act};
use crate::world::VaultWorld;

impl ChainLoop {
    /// Expected time of the block after this one.
    pub(super) fn next_block_at(&self, head: &Header) -> u64 {
        head.block.timestamp.saturating_add(self.world.config.profile.block_seconds.into())
    }

    /// On a block, at the time of the next one and at the deadline; and on the newest block, if that is another by now. The
    /// first that fails; else the first, and the newest block.
    pub(super) async fn rehearse(
        &self,
        call: &Call,
        head: &Header,
        deadline: u64,
    ) -> Result<(SimulationNote, Option<B256>), RunError> {
        let _step = self.step("rehearse", &call.to);
        let at = self.next_block_at(head).min(deadline);
        // Asked together: neither waits for the other.
        let (soon, late) =
            tokio::join!(self.try_out(call, head, at), self.try_out(call, head, deadline));
        let (soon, late) = (soon?, late?);
        if let Some(failed) = [&soon, &late].into_iter().find(|note| !note.is_success) {
            return Ok((failed.clone(), None));
        }
        let newest = self.world.endpoints.head(Tag::Latest).await?;
        if newest.block.hash != head.block.hash {
            let at = self.next_block_at(&newest).min(deadline);
            let now = self.try_out(call, &newest, at).await?;
            if !now.is_success {
                return Ok((now, None));
            }
        }
        Ok((soon, Some(newest.block.hash)))
    }

    /// Tries what waits in a pool again on a new head, and takes it back if it would fail there. While the account's
    /// count says that its nonce is used, a failure may be its own success, or will be named when the nonce is final.
    pub(super) async fn give_up_if_failing(
        &self,
        decision: B256,
        from: Address,
        state: TxState,
        head: &Header,
    ) -> Result<TxState, RunError> {
        let is_own = from == self.key.address();
        let (true, Some(nonce)) =
            (is_own && matches!(state.phase, Phase::Signed | Phase::Pending), state.nonce)
        else {
            return Ok(state);
        };
        let act = self.act_of(decision, state.word.as_ref()).await?;
        let at = self.next_block_at(head).min(act.deadline);
        let call = self.call_of(&act);
        let note = self.try_out(&call, head, at).await?;
        if note.is_success {
            return Ok(state);
        }
        let hash = Some(head.block.hash);
        if self.world.endpoints.transaction_count(self.key.address(), hash).await? > nonce {
            return Ok(state);
        }
        tracing::warn!(
            "vault {}: rebalance {decision} would fail now and is taken back: {}",
            self.name_of(act.record.header.vault),
            note.message.as_deref().unwrap_or("without a reason")
        );
        self.drive(decision, from, state, TxEvent::WouldRevert, None).await
    }

    /// What an act asks for, as its transaction makes it.
    pub(super) fn call_of(&self, act: &Act) -> Call {
        let gas = self.gas_limit(&act.record);
        self.call(act.to, act.input.clone(), act.returns, gas)
    }

    /// The exact call of an agent's rebalance; without a contract's word, as if the agent itself made it.
    pub(super) fn rebalance_call(
        &self,
        vault: &VaultWorld,
        agent: Address,
        rebalance: &Rebalance,
        word: Option<&Bytes>,
    ) -> Call {
        let (from, input) = match word {
            Some(word) => (self.key.address(), encode_rebalance_for(rebalance, agent, word)),
            None => (agent, encode_rebalance(rebalance)),
        };
        let gas = vault.config.gas.limit;
        Call { from, to: vault.entry.guard, input, gas, returns: true }
    }

    /// A call as the key's transaction would make it.
    pub(super) fn call(&self, to: Address, input: Bytes, returns: bool, gas: u64) -> Call {
        Call { from: self.key.address(), to, input, gas, returns }
    }

    /// A call on top of a block, at a time.
    pub(super) async fn try_out(
        &self,
        call: &Call,
        block: &Header,
        at: u64,
    ) -> Result<SimulationNote, RunError> {
        let mut note = SimulationNote {
            block_number: block.block.number,
            block_hash: block.block.hash,
            is_success: true,
            gas_used: None,
            refusal: None,
            output: Default::default(),
            message: None,
        };
        match self.world.endpoints.simulate(call, block, at).await? {
            Simulation::Succeeds(output) => note.output = output,
            Simulation::Fails { message, data } => {
                note.is_success = false;
                note.refusal = decode_refusal(&data);
                note.message = Some(if data.is_empty() { message } else { describe_revert(&data) });
                note.output = data;
            }
        }
        Ok(note)
    }
}
