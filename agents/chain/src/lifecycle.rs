//! The life cycle of one transaction, as one pure function: `step(state, event) → (state, effects)`.
//!
//! ```text
//! Intended ─▶ Claimed ─▶ Signed ─▶ Pending ◀─▶ Included ─▶ Final      our rebalance, mined and final
//!    │           │          │         │           │  └─────▶ Reverted   our rebalance, mined, refused and final
//!    │           │          └────┬────┘           └────────▶ Cancelled  our cancellation, mined and final
//!    │           │               ▼
//!    │           │          Cancelling ◀─▶ Included
//!    └─────┬─────┘               │
//!          ▼                     ▼
//!       Expired               Foreign     finality passed the nonce with none of our hashes (from any phase with a nonce)
//! ```
//!
//! What it relies on and what it promises:
//!
//! - An attempt is stored, signed bytes and all, before it is broadcast. After a broadcast, every answer but a receipt
//!   means "maybe sent": the nonce is never given up for an answer of one endpoint.
//! - A replacement has the nonce and the calldata of what it replaces. It is made only when the market left the
//!   newest attempt behind, and pays at least 12.5 % more; at the cap the same bytes are broadcast again.
//! - After the deadline, in block time, or when the caller says that the rebalance would revert, the nonce is taken
//!   back by a cancellation (nothing to oneself) with a cap of its own. Whichever of all attempts is mined, is what
//!   happened.
//! - A nonce below its own that somebody else had used, and that a reorganisation gave back, is filled with a transfer of
//!   nothing to oneself, stored before it is broadcast like everything else.
//! - Nothing is final before finality: a receipt is believed when it is seen at or below the finalized block, and the
//!   nonce is called foreign when the finalized block has passed it *and* none of our hashes has a receipt. Of both, as many
//!   endpoints have to say the same as before money moves.
//!
//! Nothing here reads a clock, a chain or a store; the caller carries the effects out, in their order, and reports
//! what came of them as events. State and events can be stored as JSON.

mod fees;
mod state;

pub use fees::{FeePolicy, Fees, bumped_up};
pub use state::{
    Alert, Attempt, Effect, Fill, Gap, Head, Inclusion, Phase, Signing, TxEvent, TxState,
};

use alloy::primitives::B256;

/// The next state and what has to be done, in order. Pure and total: an event that does not fit the state changes
/// nothing. `state` has to be stored before the effects are carried out; with [`Effect::StoreAttempt`] both are stored
/// in one transaction.
#[must_use]
pub fn step(state: &TxState, event: &TxEvent, policy: &FeePolicy) -> (TxState, Vec<Effect>) {
    let mut next = Step { state: state.clone(), effects: Vec::new(), policy };
    next.take(event);
    (next.state, next.effects)
}

struct Step<'a> {
    state: TxState,
    effects: Vec<Effect>,
    policy: &'a FeePolicy,
}

impl Step<'_> {
    fn take(&mut self, event: &TxEvent) {
        if self.state.phase.is_terminal() {
            return self.after_the_end(event);
        }
        match event {
            TxEvent::Head(head) => {
                self.state.head = *head;
                self.give_up_signing();
                // First what this head says has been mined: nothing that is signed in answer to it goes out then.
                self.query_receipts();
                self.drive();
            }
            TxEvent::Restarted => self.restart(),
            TxEvent::NonceClaimed { nonce } => {
                if self.state.phase == Phase::Intended {
                    self.state.nonce = Some(*nonce);
                    self.state.phase = Phase::Claimed;
                    self.drive();
                }
            }
            TxEvent::AttemptSigned { hash, fees, is_cancel } => {
                self.signed(*hash, *fees, *is_cancel);
            }
            TxEvent::SignFailed => self.state.signing = None,
            TxEvent::NonceGap { missing } => self.nonce_gap(*missing),
            TxEvent::FillSigned { hash, nonce, fees } => self.fill_signed(*hash, *nonce, *fees),
            TxEvent::WouldRevert => self.give_up(),
            TxEvent::BroadcastOk { hash }
            | TxEvent::BroadcastUnclear { hash }
            | TxEvent::AlreadyKnown { hash } => {
                self.maybe_sent(*hash);
            }
            TxEvent::NonceTooLow { hash } => {
                if self.maybe_sent(*hash) {
                    self.query_receipts();
                }
            }
            TxEvent::ReceiptSeen(inclusion) => {
                let is_final = inclusion.block_number <= self.state.head.finalized_number;
                self.receipt_seen(*inclusion, is_final);
                self.state.is_disputed = false;
            }
            TxEvent::ReceiptUnconfirmed(inclusion) => self.receipt_seen(*inclusion, false),
            TxEvent::Disputed => self.disputed(),
            TxEvent::ReceiptGone { hash } => self.receipt_gone(*hash),
            TxEvent::NonceFinalized { count, finalized_number } => {
                self.nonce_finalized(*count, *finalized_number);
            }
            TxEvent::ReceiptsMissing { finalized_number } => {
                self.receipts_missing(*finalized_number);
            }
        }
    }

    /// Terminal states absorb. That finality itself was taken back is for a person.
    fn after_the_end(&mut self, event: &TxEvent) {
        let TxEvent::ReceiptGone { hash } = event else { return };
        if self.state.phase.inclusion().is_some_and(|inclusion| inclusion.hash == *hash) {
            self.effects.push(Effect::Alert(Alert::FinalityBroken));
        }
    }

    /// Does what the phase asks for at the state's head. Asking twice does no harm.
    fn drive(&mut self) {
        match self.state.phase {
            Phase::Intended | Phase::Claimed | Phase::Signed | Phase::Pending if self.is_late() => {
                self.give_up();
            }
            Phase::Intended => self.effects.push(Effect::ClaimNonce),
            Phase::Claimed if self.state.signing.is_none() => {
                let fees = self.policy.first(self.state.head.base_fee_wei);
                self.sign(fees, None, false);
            }
            Phase::Signed | Phase::Pending => self.keep_up(false, self.policy.max_fee_wei),
            Phase::Cancelling => self.push_cancel(),
            _ => {}
        }
    }

    /// Whether no later block can carry the rebalance: blocks of one second exist, so the deadline itself still counts.
    fn is_late(&self) -> bool {
        self.state.head.timestamp > self.state.deadline
    }

    /// The rebalance is not wanted any more. If nothing was signed, nothing was sent: stored comes before broadcast. Else
    /// the nonce is taken back. What was mined stays mined.
    fn give_up(&mut self) {
        match self.state.phase {
            Phase::Intended | Phase::Claimed => {
                self.state.phase = Phase::Expired;
                self.state.signing = None;
                if let Some(nonce) = self.state.nonce {
                    self.effects.push(Effect::ReleaseNonce { nonce });
                }
            }
            Phase::Signed | Phase::Pending => {
                self.state.phase = Phase::Cancelling;
                // A rebalance that is being signed at this moment comes too late and must not go out.
                self.state.signing = None;
                self.push_cancel();
            }
            _ => {}
        }
    }

    fn sign(&mut self, fees: Fees, replaces: Option<B256>, is_cancel: bool) {
        let Some(nonce) = self.state.nonce else { return };
        let asked_at = self.state.head.number;
        self.state.signing = Some(Signing { fees, is_cancel, asked_at });
        self.effects.push(if is_cancel {
            Effect::SignCancel { nonce, fees }
        } else {
            Effect::Sign { nonce, fees, replaces }
        });
    }

    /// An answer that does not come was lost on the way, with an error or with the signer: it is asked for again. Should
    /// it come after all, it is not what is asked for any more, and is dropped unsent.
    fn give_up_signing(&mut self) {
        if self.state.signing.is_some_and(|signing| self.is_due(signing.asked_at)) {
            self.state.signing = None;
        }
    }

    /// Whether what was done at that height is to be done again. A head below it means a reorganisation.
    fn is_due(&self, at: u64) -> bool {
        let number = self.state.head.number;
        number < at || number.saturating_sub(at) >= self.policy.rebroadcast_blocks
    }

    /// The first cancellation, or the care for the one that is out.
    fn push_cancel(&mut self) {
        if self.state.signing.is_some() {
            return;
        }
        if self.state.attempts.iter().any(|attempt| attempt.is_cancel) {
            return self.keep_up(true, self.policy.cancel_max_fee_wei);
        }
        match self.replacement(self.policy.cancel_max_fee_wei) {
            Some(fees) => self.sign(fees, None, true),
            None => self.at_cap(),
        }
    }

    /// Replaces the newest attempt of the kind if the market left it behind, else broadcasts it again now and then.
    fn keep_up(&mut self, is_cancel: bool, cap_wei: u128) {
        if self.state.signing.is_some() {
            return;
        }
        let newest = self.state.attempts.iter().rev().find(|a| a.is_cancel == is_cancel).copied();
        let Some(newest) = newest else { return };
        if newest.fees.is_behind(self.state.head.base_fee_wei) {
            match self.replacement(cap_wei) {
                Some(fees) => return self.sign(fees, Some(newest.hash), is_cancel),
                None => self.at_cap(),
            }
        } else {
            self.state.is_at_cap = false;
        }
        self.rebroadcast(newest.hash);
    }

    fn rebroadcast(&mut self, hash: B256) {
        if self.state.broadcast_at.is_none_or(|at| self.is_due(at)) {
            self.state.broadcast_at = Some(self.state.head.number);
            self.effects.push(Effect::Rebroadcast { hash });
        }
    }

    /// Fees that every node takes as a replacement of whatever of ours it holds.
    fn replacement(&self, cap_wei: u128) -> Option<Fees> {
        let highest =
            self.state.attempts.iter().map(|attempt| attempt.fees).reduce(Fees::highest)?;
        self.policy.replacement(highest, self.state.head.base_fee_wei, cap_wei)
    }

    /// Says so once per spell.
    fn at_cap(&mut self) {
        if !self.state.is_at_cap {
            self.state.is_at_cap = true;
            self.effects.push(Effect::Alert(Alert::AtFeeCap));
        }
    }

    /// Takes an attempt that was asked for; any other is dropped before anybody has seen it.
    fn signed(&mut self, hash: B256, fees: Fees, is_cancel: bool) {
        let is_asked = |asked: Signing| asked.fees == fees && asked.is_cancel == is_cancel;
        if !self.state.signing.is_some_and(is_asked) {
            return;
        }
        self.state.signing = None;
        if self.state.attempts.iter().any(|attempt| attempt.hash == hash) {
            return;
        }
        self.state.attempts.push(Attempt { hash, fees, is_cancel });
        self.state.broadcast_at = Some(self.state.head.number);
        if self.state.phase == Phase::Claimed {
            self.state.phase = Phase::Signed;
        }
        self.effects.push(Effect::StoreAttempt { hash });
        self.effects.push(Effect::Broadcast { hash });
    }

    /// Whether the hash is ours. Whatever the endpoint said, the bytes may be in some pool.
    fn maybe_sent(&mut self, hash: B256) -> bool {
        let is_ours = self.state.is_ours(hash);
        if is_ours && self.state.phase == Phase::Signed {
            self.state.phase = Phase::Pending;
        }
        is_ours
    }

    fn query_receipts(&mut self) {
        if !self.state.attempts.is_empty() && !self.state.phase.is_terminal() {
            self.effects.push(Effect::QueryReceipts { hashes: self.state.hashes() });
        }
    }

    fn receipt_seen(&mut self, inclusion: Inclusion, is_final: bool) {
        let Some(attempt) = self.state.attempts.iter().find(|a| a.hash == inclusion.hash) else {
            return;
        };
        // What was being signed is not needed any more, and must not go out.
        self.state.signing = None;
        self.state.gap = None;
        self.state.phase = match (is_final, attempt.is_cancel, inclusion.is_success) {
            (false, ..) => Phase::Included(inclusion),
            (true, true, _) => Phase::Cancelled(inclusion),
            (true, false, true) => Phase::Final(inclusion),
            (true, false, false) => Phase::Reverted(inclusion),
        };
        if matches!(self.state.phase, Phase::Reverted(_)) {
            self.effects.push(Effect::Alert(Alert::Reverted));
        }
    }

    /// The block was reorganised away: the transaction waits again, and goes out again at once.
    fn receipt_gone(&mut self, hash: B256) {
        let Phase::Included(inclusion) = self.state.phase else { return };
        if inclusion.hash != hash {
            return;
        }
        self.effects.push(Effect::Alert(Alert::Reorged));
        let is_cancelling = self.state.attempts.iter().any(|attempt| attempt.is_cancel);
        self.state.phase = if is_cancelling { Phase::Cancelling } else { Phase::Pending };
        self.state.broadcast_at = None;
        self.drive();
    }

    fn nonce_finalized(&mut self, count: u64, finalized_number: u64) {
        if self.state.nonce.is_none_or(|nonce| count <= nonce) {
            return;
        }
        if self.state.attempts.is_empty() {
            self.state.signing = None;
            return self.foreign();
        }
        self.state.nonce_passed_at = Some(finalized_number);
        self.query_receipts();
    }

    /// Says so once per spell.
    fn disputed(&mut self) {
        if !self.state.is_disputed {
            self.state.is_disputed = true;
            self.effects.push(Effect::Alert(Alert::Disputed));
        }
    }

    fn receipts_missing(&mut self, finalized_number: u64) {
        self.state.is_disputed = false;
        let is_passed = self.state.nonce_passed_at.is_some_and(|at| finalized_number >= at);
        if is_passed {
            self.foreign();
        }
    }

    fn foreign(&mut self) {
        self.state.phase = Phase::Foreign;
        self.effects.push(Effect::Alert(Alert::ForeignNonce));
    }

    /// A nonce that somebody else had used and a reorganisation gave back holds up everything behind it. What stays so for
    /// as long as a broadcast is waited for is filled, and the filling looked after as often.
    fn nonce_gap(&mut self, missing: Option<u64>) {
        let number = self.state.head.number;
        let is_waiting =
            matches!(self.state.phase, Phase::Signed | Phase::Pending | Phase::Cancelling);
        let is_below = |missing: &u64| self.state.nonce.is_some_and(|nonce| *missing < nonce);
        let Some(missing) = missing.filter(|missing| is_waiting && is_below(missing)) else {
            self.state.gap = None;
            return;
        };
        let since = match self.state.gap {
            Some(gap) if gap.missing == missing && gap.since <= number => gap.since,
            _ => number,
        };
        self.state.gap = Some(Gap { missing, since });
        if number.saturating_sub(since) >= self.policy.rebroadcast_blocks {
            self.state.gap = Some(Gap { missing, since: number });
            self.fill(missing);
        }
    }

    fn fill(&mut self, nonce: u64) {
        let base_fee_wei = self.state.head.base_fee_wei;
        let newest = self.state.fills.iter().rev().find(|fill| fill.nonce == nonce).copied();
        let Some(newest) = newest else {
            self.effects.push(Effect::Alert(Alert::NonceGap));
            let fees = self.policy.first(base_fee_wei);
            return self.effects.push(Effect::SignFill { nonce, fees });
        };
        let cap_wei = self.policy.cancel_max_fee_wei;
        let better = newest
            .fees
            .is_behind(base_fee_wei)
            .then(|| self.policy.replacement(newest.fees, base_fee_wei, cap_wei));
        self.effects.push(match better.flatten() {
            Some(fees) => Effect::SignFill { nonce, fees },
            None => Effect::Rebroadcast { hash: newest.hash },
        });
    }

    /// Takes what closes the gap that there still is; anything else is dropped before anybody has seen it.
    fn fill_signed(&mut self, hash: B256, nonce: u64, fees: Fees) {
        let is_asked = self.state.gap.is_some_and(|gap| gap.missing == nonce);
        if !is_asked || self.state.is_stored(hash) {
            return;
        }
        self.state.fills.push(Fill { hash, nonce, fees });
        self.effects.push(Effect::StoreAttempt { hash });
        self.effects.push(Effect::Broadcast { hash });
    }

    /// What was being asked or signed when the process ended never came back.
    fn restart(&mut self) {
        self.state.signing = None;
        self.state.broadcast_at = None;
        if self.state.phase == Phase::Signed {
            self.state.phase = Phase::Pending;
        }
        self.query_receipts();
    }
}
