//! What is done at a head with something in flight. What is not signed yet gets every look that a plan gets before it is
//! sent: the block that it was decided on may be long past.

use alloy::primitives::B256;
use vagus_allocator::Reason;
use vagus_chain::{
    ChainReader as _, Header, Query,
    lifecycle::{Head, Phase, TxEvent, TxState},
};
use vagus_journal::StoredTransaction;

use super::{ChainLoop, RunError};

/// What is done with a transaction at a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// It is taken a step further; with the newest block, if it was asked for.
    Go(Option<B256>),
    /// Nothing, this time: it is another keeper's, there is no room for it, or what it rests on is not certain.
    Wait,
    /// It is not wanted any more.
    GiveUp,
}

impl ChainLoop {
    /// Takes a head through a transaction, unless it has to wait. Gives back where it stands.
    pub(super) async fn take_turn(
        &self,
        stored: &StoredTransaction,
        state: TxState,
        head: Head,
        block: &Header,
        blanket: Option<Reason>,
    ) -> Result<TxState, RunError> {
        let (decision, from) = (stored.decision, stored.from);
        let (state, newest) = match self.turn_of(stored, &state, block, blanket).await? {
            Turn::Wait => return Ok(state),
            Turn::Go(newest) => (state, newest),
            Turn::GiveUp => {
                (self.drive(decision, from, state, TxEvent::WouldRevert, None).await?, None)
            }
        };
        let state = self.drive(decision, from, state, TxEvent::Head(head), newest).await?;
        let state = self.give_up_if_failing(decision, from, state, block).await?;
        self.settle(decision, from, &state).await?;
        Ok(state)
    }

    async fn turn_of(
        &self,
        stored: &StoredTransaction,
        state: &TxState,
        block: &Header,
        blanket: Option<Reason>,
    ) -> Result<Turn, RunError> {
        if !self.sends_for(stored.from) {
            return Ok(Turn::Wait);
        }
        let is_own = stored.from == self.key.address();
        let is_unsigned = matches!(state.phase, Phase::Intended | Phase::Claimed);
        if self.pause(stored.vault).is_some() && is_own || is_unsigned && !is_own {
            return Ok(Turn::GiveUp);
        }
        // After its deadline it ends by itself.
        if !is_unsigned || block.block.timestamp > state.deadline {
            return Ok(Turn::Go(None));
        }
        if blanket.or(self.distrust(stored.vault)).is_some() {
            return Ok(Turn::Wait);
        }
        let act = self.act_of(stored.decision, state.word.as_ref()).await?;
        let gas = self.gas_limit(&act.record);
        if stored.nonce.is_none()
            && self.no_room(block, gas, Some(stored.decision)).await?.is_some()
        {
            return Ok(Turn::Wait);
        }
        let name = self.name_of(stored.vault);
        let endpoints = &self.world.endpoints;
        if endpoints.asks_others() {
            let header = &act.record.header;
            let query = Query { vault: header.vault, agent: header.agent };
            let seen = endpoints.snapshots(header.lens, &[query], block).await?.pop();
            let Some(Ok(snapshot)) = seen else { return Ok(Turn::Wait) };
            let confirmed = endpoints.confirm(header.lens, query, block, &snapshot).await;
            if self.unconfirmed(&name, confirmed)?.is_some() {
                return Ok(Turn::Wait);
            }
        }
        let call = self.call_of(&act);
        let (note, newest) = self.rehearse(&call, block, state.deadline).await?;
        if !note.is_success {
            tracing::warn!(
                "vault {name}: rebalance {} would fail by now and is not sent: {}",
                stored.decision,
                note.message.as_deref().unwrap_or("without a reason")
            );
            return Ok(Turn::GiveUp);
        }
        Ok(Turn::Go(newest))
    }
}
