//! What is in flight: every new head goes through the life cycle of every transaction that has not ended.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::{Address, B256, Bytes};
use vagus_allocator::Reason;
use vagus_chain::{
    AgentKey, Header,
    guard::{
        encode_activate_policy, encode_checkpoint, encode_follow_price, encode_rebalance,
        encode_rebalance_for, encode_trim,
    },
    lifecycle::{Alert, Head, Phase, TxEvent, TxState},
    sender::{Job, Live, Point, Sender},
};
use vagus_journal::{Body, DecisionRecord, JournalError, StoredTransaction, Upkeep};
use vagus_policy::Rebalance;

use super::{ChainLoop, RunError, rank::Rank};
use crate::{crash, store::JournalTx, world::VaultWorld};

/// Places of the path that the sender passes.
fn observe(point: Point, is_done: bool) {
    let step = match point {
        Point::Sign => "signed",
        Point::StoreAttempt => "attempt-stored",
        Point::Broadcast => "broadcast",
    };
    if is_done { crash::after(step) } else { crash::before(step) }
}

/// Why a vault waits for its transaction. One that has its nonce and was asked to be signed, and is not, has a signer that
/// does not sign.
fn why_waiting(state: &TxState) -> Reason {
    if state.is_disputed {
        return Reason::EndpointsDisagree;
    }
    if state.phase == Phase::Claimed { Reason::SignerFailed } else { Reason::InFlight }
}

/// Decisions whose transaction was taken on, and whose outcome is not written yet.
#[derive(Debug, Default)]
pub(super) struct Unsettled(Mutex<BTreeSet<B256>>);

impl Unsettled {
    fn set(&self) -> MutexGuard<'_, BTreeSet<B256>> {
        // A poisoned lock only means that another task died between two whole changes.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn insert(&self, decision: B256) {
        self.set().insert(decision);
    }

    pub(super) fn remove(&self, decision: B256) {
        self.set().remove(&decision);
    }

    fn all(&self) -> Vec<B256> {
        self.set().iter().copied().collect()
    }
}

/// What was in flight at a head.
pub(super) struct Driven {
    /// Vaults that wait for a block later than this head, and what for.
    pub(super) waiting: HashMap<Address, Reason>,
    /// Whether there was anything.
    pub(super) is_any: bool,
}

/// What is sent for a decision.
pub(super) struct Act {
    pub(super) record: Arc<DecisionRecord>,
    pub(super) to: Address,
    pub(super) input: Bytes,
    /// Last second, block time, at which it is wanted.
    pub(super) deadline: u64,
    /// Whether the call returns something.
    pub(super) returns: bool,
}

impl ChainLoop {
    /// Takes a head through everything in flight.
    pub(super) async fn drive_all(
        &self,
        head: Head,
        block: &Header,
        blanket: Option<Reason>,
    ) -> Result<Driven, RunError> {
        let mut is_any = self.settle_what_has_ended().await?;
        let mut waiting = HashMap::new();
        for stored in self.in_order().await? {
            is_any = true;
            let state: TxState = serde_json::from_value(stored.state.clone())?;
            let after = self.take_turn(&stored, state, head, block, blanket).await?;
            let is_waiting = match after.phase.inclusion() {
                _ if after.is_disputed => true,
                Some(inclusion) => inclusion.block_number > head.number,
                // Nobody here can take back what another key signed. After its deadline it does nothing, mined or not.
                None if stored.from != self.key.address() && self.sends_for(stored.from) => {
                    !after.is_terminal() && head.timestamp <= after.deadline
                }
                None => !after.is_terminal(),
            };
            if is_waiting {
                waiting.insert(stored.vault, why_waiting(&after));
            }
        }
        Ok(Driven { waiting, is_any })
    }

    /// Writes the outcomes of what ended in a round that did not end well itself: it is in flight no more. Whether there
    /// was any.
    async fn settle_what_has_ended(&self) -> Result<bool, RunError> {
        let left = self.unsettled.all();
        for &decision in &left {
            let Some(stored) = self.journal.0.transaction(decision).await? else { continue };
            if stored.is_terminal {
                let state = serde_json::from_value(stored.state)?;
                self.settle(decision, stored.from, &state).await?;
            }
        }
        Ok(!left.is_empty())
    }

    /// What is in flight: first what has its nonce, in its order, then what waits for one, the most valuable first.
    async fn in_order(&self) -> Result<Vec<StoredTransaction>, RunError> {
        let in_flight = self.journal.0.transactions_in_flight(self.world.config.chain_id).await?;
        let open = in_flight.iter().map(|stored| stored.decision);
        self.records.retain(&open.chain(self.unsettled.all()).collect());
        let (mut ordered, intents): (Vec<_>, Vec<_>) =
            in_flight.into_iter().partition(|stored| stored.nonce.is_some());
        let mut ranked = Vec::with_capacity(intents.len());
        for intent in intents {
            let record = self.record(intent.decision).await?;
            ranked.push((Rank::of(record.first()), intent));
        }
        ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        ordered.extend(ranked.into_iter().map(|(_, intent)| intent));
        Ok(ordered)
    }

    /// Begins to send what was decided by a keeper that does not hold the key.
    pub(super) async fn drive_intents(&self, head: Head, block: &Header) -> Result<(), RunError> {
        for stored in self.in_order().await? {
            if stored.nonce.is_none() {
                let state: TxState = serde_json::from_value(stored.state.clone())?;
                self.take_turn(&stored, state, head, block, None).await?;
            }
        }
        Ok(())
    }

    /// Whether what an account sends is this keeper's to look after now: its own, or that of a key which nobody has.
    pub(super) fn sends_for(&self, from: Address) -> bool {
        self.fleet.sends_for(from)
    }

    /// A vault as people call it.
    pub(super) fn name_of(&self, vault: Address) -> String {
        let known = self.world.vaults.iter().find(|known| known.entry.vault == vault);
        known.map_or_else(|| vault.to_string(), |known| known.config.name.clone())
    }

    /// The vaults that this keeper decides about now.
    pub(super) fn decided_vaults(&self) -> impl Iterator<Item = &VaultWorld> {
        self.world.vaults.iter().filter(|vault| self.fleet.decides(vault.entry.vault))
    }

    /// Takes one event through one transaction. Gives back where it stands. `newest` is the newest block, if it has just been
    /// asked for.
    pub(super) async fn drive(
        &self,
        decision: B256,
        from: Address,
        mut state: TxState,
        event: TxEvent,
        newest: Option<B256>,
    ) -> Result<TxState, RunError> {
        let _step = self.step("drive", &decision);
        self.unsettled.insert(decision);
        let Act { record, to, input, .. } = self.act_of(decision, state.word.as_ref()).await?;
        let job = Job { to, input, gas_limit: self.gas_limit(&record) };
        let store = JournalTx {
            journal: self.journal.0.clone(),
            decision,
            chain_id: record.header.chain_id,
            from,
        };
        let is_own = from == self.key.address();
        // Of a key that is not here, what is signed already is looked after.
        let key = if is_own { self.key.clone() } else { Arc::new(AgentKey::watch_only(from)) };
        let at = match &event {
            TxEvent::Head(head) => head.timestamp,
            _ => state.head.timestamp,
        };
        // A gap is seen blocks before it is filled.
        let may_fill = is_own && state.gap.is_some() && self.may_fill(at).await?;
        let sender = Sender {
            chain_id: record.header.chain_id,
            endpoints: &self.world.endpoints,
            key: &key,
            fees: self.world.fee_policy(),
            finality_depth: self.world.finality_depth(),
            public_from: self.public_from(&record),
            may_fill,
            newest,
        };
        let mut live = Live { job: &job, state: &mut state, store: &store, observer: &observe };
        let alerts = match event {
            TxEvent::Head(head) => sender.on_head(&mut live, head).await?,
            event => sender.handle(&mut live, event).await?,
        };
        for alert in alerts {
            self.alert(decision, alert);
        }
        Ok(state)
    }

    /// What is sent for a decision, whatever it is; a contract's rebalance with its word.
    pub(super) async fn act_of(
        &self,
        decision: B256,
        word: Option<&Bytes>,
    ) -> Result<Act, RunError> {
        let record = self.record(decision).await?;
        let guard = record.header.guard;
        let (to, input, deadline, returns) = match &record.body {
            Body::Rebalance { rebalance, .. } => {
                let sent = Rebalance { decision, ..rebalance.clone() };
                let input = match word {
                    Some(word) => encode_rebalance_for(&sent, record.header.agent, word),
                    None => encode_rebalance(&sent),
                };
                (guard, input, rebalance.deadline, true)
            }
            Body::Upkeep { upkeep, deadline, .. } => match upkeep {
                Upkeep::Checkpoint {} => {
                    (record.header.vault, encode_checkpoint(), *deadline, false)
                }
                Upkeep::Trim { index } => (guard, encode_trim(*index), *deadline, true),
                Upkeep::FollowPrice { index } => {
                    (guard, encode_follow_price(*index), *deadline, true)
                }
                Upkeep::Activate { policy } => {
                    (guard, encode_activate_policy(policy), *deadline, false)
                }
            },
            Body::Hold { .. } => return Err(JournalError::NotARebalance.into()),
        };
        Ok(Act { record, to, input, deadline, returns })
    }

    /// A rebalance's record, and what is sent for it.
    pub(super) async fn rebalance_of(
        &self,
        decision: B256,
    ) -> Result<(Arc<DecisionRecord>, Rebalance), RunError> {
        let record = self.record(decision).await?;
        let Body::Rebalance { rebalance, .. } = &record.body else {
            return Err(JournalError::NotARebalance.into());
        };
        let rebalance = Rebalance { decision, ..rebalance.clone() };
        Ok((record, rebalance))
    }

    pub(super) fn gas_limit(&self, record: &DecisionRecord) -> u64 {
        let configured =
            self.world.vaults.iter().find(|vault| vault.entry.vault == record.header.vault);
        configured.map_or_else(
            || {
                // A vault that is not worked on any more: what the largest plan would have been costed with.
                let inputs = &record.first().inputs;
                let legs = vagus_policy::MAX_MOVES as u64;
                inputs.base_gas.saturating_add(inputs.leg_gas.saturating_mul(legs))
            },
            |vault| vault.config.gas.limit,
        )
    }

    /// Height from which on what was decided may be seen by everybody; none: never.
    fn public_from(&self, record: &DecisionRecord) -> Option<u64> {
        let blocks = self.world.config.private.as_ref()?.public_after_blocks?;
        Some(record.first().block().number.saturating_add(blocks.into()))
    }

    fn alert(&self, decision: B256, alert: Alert) {
        let what = match alert {
            Alert::AtFeeCap => "the market is above the fee cap; it waits with the same bytes",
            Alert::Reorged => "the block that carried it was reorganised away; it waits again",
            Alert::Disputed => {
                "endpoints contradict each other about what became of it; it is not called final"
            }
            Alert::Reverted => "it was mined and reverted",
            Alert::NonceGap => {
                "a nonce before its own was used by somebody else and given back by a reorganisation; it is filled"
            }
            Alert::ForeignNonce => "its nonce was used by somebody else who holds the key",
            Alert::FinalityBroken => "it was final and is gone",
        };
        tracing::error!("chain {}: rebalance {decision}: {what}", self.world.config.name);
    }
}
