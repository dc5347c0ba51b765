//! Carries out what the life cycle of a transaction asks for: claims, signatures, storage, broadcasts, questions.
//!
//! The life cycle decides ([`crate::lifecycle::step`]), this does, and the store remembers. State is stored before what
//! others can see comes of it; signed bytes, with the nonce that they use, before they are broadcast.

use std::{collections::VecDeque, time::Duration};

use alloy::primitives::{Address, B256, Bytes};
use async_trait::async_trait;

use crate::{
    AgentKey, BlockAt, BlockId, Chain, ChainError, ChainReader as _, ChainResult, ChainWriter as _,
    Endpoints, KeyError, SendAnswer, Tag, TransactionReceipt,
    lifecycle::{Alert, Effect, FeePolicy, Fees, Head, Inclusion, Phase, TxEvent, TxState, step},
    signer::{Signed, Unsigned},
};

/// How often, and how far apart, a receipt is asked for that must exist but is not there yet.
const LATE_RECEIPT_TRIES: u32 = 40;
const LATE_RECEIPT_WAIT: Duration = Duration::from_millis(25);
/// Gas of a transfer of nothing to oneself.
pub const CANCEL_GAS: u64 = 21_000;

/// What went wrong in the store, in its own words.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StoreError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Why a step could not be carried out. What is stored is consistent; the next head goes on from it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Bytes that must be stored are not.
    #[error("The signed bytes of transaction {0} are missing from the journal.")]
    MissingBytes(B256),
}

/// Memory of one transaction.
#[async_trait]
pub trait TxStore: Send + Sync {
    /// Nonces of the account that transactions in flight hold.
    async fn nonces_in_flight(&self) -> Result<Vec<u64>, StoreError>;

    /// Stores the state, and with it a signed attempt, durably and at once.
    async fn save(&self, state: &TxState, attempt: Option<&NewAttempt>) -> Result<(), StoreError>;

    /// Bytes of an attempt.
    async fn raw(&self, hash: B256) -> Result<Option<Bytes>, StoreError>;
}

/// Signed bytes to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAttempt {
    /// Hash and bytes.
    pub signed: Signed,
    /// Nonce.
    pub nonce: u64,
    /// What it offers.
    pub fees: Fees,
    /// Whether it only takes the nonce back.
    pub is_cancel: bool,
}

/// What is to be sent, whatever becomes of nonce and fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Contract.
    pub to: Address,
    /// Call data.
    pub input: Bytes,
    /// Gas limit.
    pub gas_limit: u64,
}

/// Steps that an observer is told of, each before and after it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// An attempt is signed.
    Sign,
    /// An attempt is stored.
    StoreAttempt,
    /// An attempt is broadcast.
    Broadcast,
}

/// Watches the steps; `is_done` is false before, true after.
pub type Observer = dyn Fn(Point, bool) + Send + Sync;

/// Sends for one account on one chain.
#[derive(Debug)]
pub struct Sender<'a> {
    /// EIP-155 id.
    pub chain_id: u64,
    /// Where to.
    pub endpoints: &'a Endpoints,
    /// Who signs.
    pub key: &'a AgentKey,
    /// What is offered.
    pub fees: FeePolicy,
    /// Depth at which a block counts as final; none: the chain's own tag.
    pub finality_depth: Option<u64>,
    /// Height of the head from which on a transaction is handed to every endpoint, where there is a private one; none: never.
    pub public_from: Option<u64>,
    /// Whether a nonce that somebody left open may be filled for the first time: that costs what nobody has reckoned with.
    pub may_fill: bool,
    /// The newest block, if it has just been asked for: a nonce is counted on it.
    pub newest: Option<B256>,
}

/// A transaction under way.
pub struct Live<'a> {
    /// What is sent.
    pub job: &'a Job,
    /// Where it stands.
    pub state: &'a mut TxState,
    /// What remembers it.
    pub store: &'a dyn TxStore,
    /// Who watches.
    pub observer: &'a Observer,
}

impl std::fmt::Debug for Live<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").field("job", self.job).field("state", self.state).finish()
    }
}

/// Whether nothing comes of a state but a signature, which nobody sees before it is stored with its state: one commit for
/// the nonce and the bytes that use it.
fn is_but_signed(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Sign { .. }])
}

impl Sender<'_> {
    /// Takes in a new head: deadlines, fees, receipts, finality. Gives back what a person has to know.
    ///
    /// # Errors
    /// As [`Sender::handle`].
    pub async fn on_head(&self, live: &mut Live<'_>, head: Head) -> Result<Vec<Alert>, SendError> {
        let mut alerts = self.handle(live, TxEvent::Head(head)).await?;
        let is_open = !live.state.is_terminal() && live.state.phase.inclusion().is_none();
        if let (true, Some(nonce)) = (is_open, live.state.nonce) {
            let is_waiting = live.state.broadcast_at.is_some_and(|at| head.number > at);
            if is_waiting || live.state.gap.is_some() {
                let missing = self.missing_nonce(live, nonce).await?;
                if missing.is_some() || live.state.gap.is_some() {
                    alerts.extend(self.handle(live, TxEvent::NonceGap { missing }).await?);
                }
            }
            let Some(endpoint) = self.endpoints.current() else { return Ok(alerts) };
            let finalized = self.finalized(&*endpoint).await?;
            let block = endpoint.header(BlockAt::Number(finalized)).await?;
            if let Some(block) = block {
                let (agent, hash) = (self.key.address(), block.block.hash);
                // To give a nonce up as another's, one that says so is not enough.
                let mut count = endpoint.transaction_count(agent, Some(hash)).await?;
                if count > nonce {
                    count = self.endpoints.agreed_count(agent, hash).await?;
                }
                if count > nonce && live.state.attempts.is_empty() {
                    // Nothing of ours could be asked for: the block alone has to stand.
                    let final_block = BlockId { number: finalized, hash };
                    self.endpoints.agreed_final(final_block, self.finality_depth).await?;
                }
                if count > nonce {
                    let event = TxEvent::NonceFinalized { count, finalized_number: finalized };
                    alerts.extend(self.handle(live, event).await?);
                }
            }
        }
        Ok(alerts)
    }

    /// Takes in an event and carries out what follows from it, to the end. Gives back what a person has to know.
    ///
    /// # Errors
    /// The first thing that failed. Nothing that was not stored was sent.
    ///
    /// # Cancel safety
    /// What was stored stays; the next head goes on from it.
    pub async fn handle(
        &self,
        live: &mut Live<'_>,
        event: TxEvent,
    ) -> Result<Vec<Alert>, SendError> {
        let mut alerts = Vec::new();
        // What an event leads to, with the bytes that a signature made.
        let mut events = VecDeque::from([(event, None::<NewAttempt>)]);
        let mut stored = live.state.clone();
        while let Some((event, signed)) = events.pop_front() {
            let (next, effects) = step(live.state, &event, &self.fees);
            let attempt = effects.iter().find_map(|effect| match effect {
                Effect::StoreAttempt { hash } => {
                    signed.as_ref().filter(|attempt| attempt.signed.hash == *hash)
                }
                _ => None,
            });
            if attempt.is_some() {
                (live.observer)(Point::StoreAttempt, false);
                live.store.save(&next, attempt).await?;
                (live.observer)(Point::StoreAttempt, true);
                stored = next.clone();
            } else if next != stored && !is_but_signed(&effects) {
                live.store.save(&next, None).await?;
                stored = next.clone();
            }
            *live.state = next;
            for effect in effects {
                match effect {
                    Effect::Alert(alert) => alerts.push(alert),
                    // The end of the transaction frees its nonce in the store.
                    Effect::StoreAttempt { .. } | Effect::ReleaseNonce { .. } => {}
                    Effect::ClaimNonce => {
                        let nonce = self.free_nonce(live.store).await?;
                        events.push_back((TxEvent::NonceClaimed { nonce }, None));
                    }
                    Effect::Sign { nonce, fees, .. } => {
                        let job = live.job.clone();
                        events.push_back(self.sign(live.observer, job, nonce, fees, false).await);
                    }
                    Effect::SignCancel { nonce, fees } => {
                        let (to, gas_limit) = (self.key.address(), CANCEL_GAS);
                        let job = Job { to, input: Bytes::new(), gas_limit };
                        events.push_back(self.sign(live.observer, job, nonce, fees, true).await);
                    }
                    Effect::SignFill { nonce, .. }
                        if !self.may_fill && !live.state.fills(nonce) =>
                    {
                        tracing::warn!(
                            "nonce {nonce} is not filled: the daily fee budget has no room"
                        );
                    }
                    Effect::SignFill { nonce, fees } => {
                        let (to, gas_limit) = (self.key.address(), CANCEL_GAS);
                        let job = Job { to, input: Bytes::new(), gas_limit };
                        let signed = self.sign(live.observer, job, nonce, fees, true).await;
                        // One that does not come is asked for again by itself.
                        if let (TxEvent::AttemptSigned { hash, .. }, attempt) = signed {
                            events.push_back((TxEvent::FillSigned { hash, nonce, fees }, attempt));
                        }
                    }
                    Effect::Broadcast { hash } | Effect::Rebroadcast { hash } => {
                        let event = self.broadcast(live, hash).await?;
                        events.push_back((event, None));
                    }
                    Effect::QueryReceipts { hashes } => {
                        let found = self.receipts(live.state, &hashes).await?;
                        events.extend(found.into_iter().map(|event| (event, None)));
                    }
                }
            }
        }
        Ok(alerts)
    }

    /// A nonce below the transaction's that is neither used nor held by anything stored but what closes the gap itself. Only
    /// the first transaction behind a gap sees it: two would fill it twice.
    async fn missing_nonce(&self, live: &Live<'_>, nonce: u64) -> Result<Option<u64>, SendError> {
        let count = self.endpoints.transaction_count(self.key.address(), None).await?;
        if count >= nonce {
            return Ok(None);
        }
        let held = live.store.nonces_in_flight().await?;
        let is_own_fill = live.state.fills.iter().any(|fill| fill.nonce == count);
        let is_first = held.iter().all(|held| *held <= count || *held >= nonce);
        let is_missing = is_first && (is_own_fill || !held.contains(&count));
        Ok(is_missing.then_some(count))
    }

    /// The lowest nonce that neither the chain nor a transaction in flight has used.
    async fn free_nonce(&self, store: &dyn TxStore) -> Result<u64, SendError> {
        let head = match self.newest {
            Some(newest) => newest,
            None => self.endpoints.head(Tag::Latest).await?.block.hash,
        };
        let mut nonce = self.endpoints.agreed_count(self.key.address(), head).await?;
        let mut taken = store.nonces_in_flight().await?;
        taken.sort_unstable();
        for held in taken {
            if held == nonce {
                nonce = nonce.saturating_add(1);
            }
        }
        Ok(nonce)
    }

    async fn sign(
        &self,
        observer: &Observer,
        job: Job,
        nonce: u64,
        fees: Fees,
        is_cancel: bool,
    ) -> (TxEvent, Option<NewAttempt>) {
        if !self.key.has_key() {
            // Whoever has it is not here; what it signed before is looked after all the same.
            return (TxEvent::SignFailed, None);
        }
        let unsigned = Unsigned {
            chain_id: self.chain_id,
            nonce,
            to: job.to,
            input: job.input,
            gas_limit: job.gas_limit,
            max_fee_wei: fees.max_fee_wei,
            priority_fee_wei: fees.priority_fee_wei,
        };
        observer(Point::Sign, false);
        match self.key.sign(&unsigned).await {
            Ok(signed) => {
                observer(Point::Sign, true);
                let event = TxEvent::AttemptSigned { hash: signed.hash, fees, is_cancel };
                (event, Some(NewAttempt { signed, nonce, fees, is_cancel }))
            }
            Err(error) => {
                tracing::error!("{error}");
                (TxEvent::SignFailed, None)
            }
        }
    }

    async fn broadcast(&self, live: &Live<'_>, hash: B256) -> Result<TxEvent, SendError> {
        let raw = live.store.raw(hash).await?.ok_or(SendError::MissingBytes(hash))?;
        (live.observer)(Point::Broadcast, false);
        let is_public = self.public_from.is_some_and(|from| live.state.head.number >= from);
        let answer = if is_public {
            self.endpoints.send_everywhere(&raw).await
        } else {
            self.endpoints.send_raw(&raw).await
        };
        (live.observer)(Point::Broadcast, true);
        Ok(match answer {
            Ok(SendAnswer::Accepted) => TxEvent::BroadcastOk { hash },
            Ok(SendAnswer::NonceTooLow) => TxEvent::NonceTooLow { hash },
            Ok(SendAnswer::Underpriced) => TxEvent::BroadcastUnclear { hash },
            Ok(SendAnswer::Refused(message)) => {
                tracing::warn!("transaction {hash} was not taken: {message}");
                TxEvent::BroadcastUnclear { hash }
            }
            Err(error) => {
                tracing::warn!("whether transaction {hash} was taken is not known: {error}");
                TxEvent::BroadcastUnclear { hash }
            }
        })
    }

    async fn finalized(&self, endpoint: &dyn Chain) -> ChainResult<u64> {
        Ok(match self.finality_depth {
            None => endpoint.head(Tag::Finalized).await?.block.number,
            Some(depth) => endpoint.head(Tag::Latest).await?.block.number.saturating_sub(depth),
        })
    }

    /// Whether the account used the transaction's nonce in the head's block or before it.
    async fn has_passed(&self, endpoint: &dyn Chain, state: &TxState) -> ChainResult<bool> {
        let Some(nonce) = state.nonce else { return Ok(false) };
        let head = endpoint.header(BlockAt::Number(state.head.number)).await?;
        let Some(head) = head else { return Ok(false) };
        Ok(endpoint.transaction_count(self.key.address(), Some(head.block.hash)).await? > nonce)
    }

    /// Receipts that one endpoint has, of blocks that it holds to be part of the chain.
    async fn seen(
        &self,
        endpoint: &dyn Chain,
        hashes: &[B256],
    ) -> ChainResult<Vec<TransactionReceipt>> {
        let mut found = Vec::new();
        for &hash in hashes {
            let Some(receipt) = endpoint.receipt(hash).await? else { continue };
            let now = endpoint.header(BlockAt::Number(receipt.block_number)).await?;
            if now.is_some_and(|header| header.block.hash == receipt.block_hash) {
                found.push(TransactionReceipt { hash, ..receipt });
            }
        }
        Ok(found)
    }

    /// What follows from a receipt. Before it ends anything the other endpoints are asked.
    async fn weighed(&self, state: &TxState, receipt: &TransactionReceipt) -> Vec<TxEvent> {
        let inclusion = Inclusion {
            hash: receipt.hash,
            block_number: receipt.block_number,
            block_hash: receipt.block_hash,
            is_success: receipt.is_success,
            gas_used: receipt.gas_used,
            effective_gas_price_wei: receipt.gas_price_wei,
        };
        if receipt.block_number > state.head.finalized_number {
            return vec![TxEvent::ReceiptSeen(inclusion)];
        }
        match self.endpoints.agreed_receipt(receipt, self.finality_depth).await {
            Ok(()) => vec![TxEvent::ReceiptSeen(inclusion)],
            Err(error) => {
                let mut events = vec![TxEvent::ReceiptUnconfirmed(inclusion)];
                events.extend(contested(&error));
                events
            }
        }
    }

    /// Asks one endpoint for all receipts: mixing answers of several would prove nothing about their absence.
    async fn receipts(&self, state: &TxState, hashes: &[B256]) -> Result<Vec<TxEvent>, SendError> {
        let Some(endpoint) = self.endpoints.current() else { return Ok(Vec::new()) };
        // An endpoint behind the head that is decided on knows less than was known already.
        if endpoint.head(Tag::Latest).await?.block.number < state.head.number {
            return Ok(Vec::new());
        }
        let finalized_number = self.finalized(&*endpoint).await?;
        let mut found = self.seen(&*endpoint, hashes).await?;
        // Some nodes know a block's state before its receipts. While the account's count says that the nonce was used up
        // to the head, an empty answer is late, not empty: otherwise what is decided would depend on the moment of asking.
        for _ in 0..LATE_RECEIPT_TRIES {
            if !found.is_empty() || !self.has_passed(&*endpoint, state).await? {
                break;
            }
            tokio::time::sleep(LATE_RECEIPT_WAIT).await;
            found = self.seen(&*endpoint, hashes).await?;
        }
        let mut events = Vec::new();
        for receipt in &found {
            events.extend(self.weighed(state, receipt).await);
        }
        if !events.is_empty() {
            return Ok(events);
        }
        // That nothing of ours was mined ends it only once finality has passed its nonce.
        if state.nonce_passed_at.is_some_and(|at| finalized_number >= at) {
            let Some(block) = endpoint.header(BlockAt::Number(finalized_number)).await? else {
                return Ok(Vec::new());
            };
            let block = BlockId::from(&block);
            if let Err(error) =
                self.endpoints.agreed_missing(hashes, block, self.finality_depth).await
            {
                return Ok(contested(&error));
            }
        }
        if let Phase::Included(inclusion) = state.phase {
            events.push(TxEvent::ReceiptGone { hash: inclusion.hash });
        }
        events.push(TxEvent::ReceiptsMissing { finalized_number });
        Ok(events)
    }
}

/// What follows from endpoints that do not agree: one that knows less contradicts nobody, and is asked again.
fn contested(error: &ChainError) -> Vec<TxEvent> {
    if !matches!(error, ChainError::Disagrees { .. }) {
        tracing::debug!("not final yet: {error}");
        return Vec::new();
    }
    tracing::error!("{error}");
    vec![TxEvent::Disputed]
}

#[cfg(test)]
mod tests;
