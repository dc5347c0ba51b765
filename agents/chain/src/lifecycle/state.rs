//! States, events and effects of a transaction.

use alloy::primitives::{B256, Bytes};
use serde::{Deserialize, Serialize};

use super::Fees;

/// What the life cycle knows of the chain: its newest block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Unix time of the block.
    pub timestamp: u64,
    /// Base fee of the next block if known, else of this one, wei per gas.
    pub base_fee_wei: u128,
    /// Height of the newest finalized block.
    pub finalized_number: u64,
}

/// Signed bytes that exist. The bytes themselves are in the journal, by hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// Hash of the transaction.
    pub hash: B256,
    /// What it offers to pay.
    pub fees: Fees,
    /// True: nothing to oneself, to use the nonce up. False: the rebalance.
    pub is_cancel: bool,
}

/// A signature that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signing {
    /// What the attempt is to offer.
    pub fees: Fees,
    /// Whether it is a cancellation.
    pub is_cancel: bool,
    /// Height of the head at which it was asked for.
    pub asked_at: u64,
}

/// A nonce below the transaction's own that nothing known of uses: nothing behind it can be mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gap {
    /// The nonce: the account's count.
    pub missing: u64,
    /// Height of the head at which it was first seen, or at which something was last done about it.
    pub since: u64,
}

/// A transfer of nothing to oneself that closes a gap. Signed bytes that exist, as with an [`Attempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fill {
    /// Hash of the transaction.
    pub hash: B256,
    /// Its nonce, which is below that of the transaction it makes way for.
    pub nonce: u64,
    /// What it offers to pay.
    pub fees: Fees,
}

/// Where an attempt was mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inclusion {
    /// Hash of the transaction.
    pub hash: B256,
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block.
    pub block_hash: B256,
    /// Whether it was executed; false: reverted.
    pub is_success: bool,
    /// Gas used.
    pub gas_used: u64,
    /// Price paid, wei per gas.
    pub effective_gas_price_wei: u128,
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The decision is stored; there is no nonce.
    Intended,
    /// It has its nonce, for good; nothing is signed.
    Claimed,
    /// An attempt is stored and on its way to the endpoints; no answer is known.
    Signed,
    /// It may be in a pool.
    Pending,
    /// Past the deadline, or it would revert: the nonce is being taken back.
    Cancelling,
    /// Mined, not final.
    Included(Inclusion),
    /// Terminal: executed and final.
    Final(Inclusion),
    /// Terminal: the rebalance was mined and reverted, and that is final.
    Reverted(Inclusion),
    /// Terminal: the cancellation was mined and is final.
    Cancelled(Inclusion),
    /// Terminal: the deadline passed, or it would have reverted, before anything was signed; nothing was sent.
    Expired,
    /// Terminal: the nonce was used, and that is final, by a transaction that is none of ours.
    Foreign,
}

impl Phase {
    /// Whether nothing changes it any more.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Final(_)
            | Self::Reverted(_)
            | Self::Cancelled(_)
            | Self::Expired
            | Self::Foreign => true,
            Self::Intended
            | Self::Claimed
            | Self::Signed
            | Self::Pending
            | Self::Cancelling
            | Self::Included(_) => false,
        }
    }

    /// Where it was mined, final or not.
    #[must_use]
    pub const fn inclusion(&self) -> Option<&Inclusion> {
        match self {
            Self::Included(inclusion)
            | Self::Final(inclusion)
            | Self::Reverted(inclusion)
            | Self::Cancelled(inclusion) => Some(inclusion),
            _ => None,
        }
    }
}

/// Everything known of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TxState {
    /// Where it stands.
    pub phase: Phase,
    /// Last second, block time, at which the rebalance may execute.
    pub deadline: u64,
    /// Its nonce. Once set it never changes.
    pub nonce: Option<u64>,
    /// Every attempt that was ever signed, oldest first. None is ever forgotten.
    pub attempts: Vec<Attempt>,
    /// What a signer was asked for and has not answered.
    pub signing: Option<Signing>,
    /// Height of the head at the last broadcast since the process started.
    pub broadcast_at: Option<u64>,
    /// Finalized height at which the account's count was above the nonce.
    pub nonce_passed_at: Option<u64>,
    /// Whether the market is above the cap, which has been said.
    pub is_at_cap: bool,
    /// The newest block.
    pub head: Head,
    /// The agent's word on the rebalance, if the agent is a contract. Every attempt carries the same one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Bytes>,
    /// What keeps it from being mined, if a nonce below its own is not used by anything known of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// What was signed to close such gaps, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fills: Vec<Fill>,
    /// Whether endpoints contradict each other about its end, which has been said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_disputed: bool,
}

impl TxState {
    /// A transaction that is decided and not begun. `deadline` is the rebalance's, in Unix seconds of block time.
    #[must_use]
    pub const fn intended(deadline: u64, head: Head) -> Self {
        Self {
            phase: Phase::Intended,
            deadline,
            nonce: None,
            attempts: Vec::new(),
            signing: None,
            broadcast_at: None,
            nonce_passed_at: None,
            is_at_cap: false,
            head,
            word: None,
            gap: None,
            fills: Vec::new(),
            is_disputed: false,
        }
    }

    /// The same, for an agent that is a contract and gave its word.
    #[must_use]
    pub fn with_word(self, word: Option<Bytes>) -> Self {
        Self { word, ..self }
    }

    /// Whether nothing changes it any more.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.phase.is_terminal()
    }

    /// Whether the hash is one of its attempts'.
    #[must_use]
    pub fn is_ours(&self, hash: B256) -> bool {
        self.attempts.iter().any(|attempt| attempt.hash == hash)
    }

    /// Whether the hash is of bytes that are stored with it: an attempt's, or of what closes a gap before it.
    #[must_use]
    pub fn is_stored(&self, hash: B256) -> bool {
        self.is_ours(hash) || self.fills.iter().any(|fill| fill.hash == hash)
    }

    /// Whether something was signed to fill this nonce.
    #[must_use]
    pub fn fills(&self, nonce: u64) -> bool {
        self.fills.iter().any(|fill| fill.nonce == nonce)
    }

    /// Number of nonces that something was signed to fill: of each nonce's, at most one is ever mined.
    #[must_use]
    pub fn filled_nonces(&self) -> u64 {
        let nonces: std::collections::BTreeSet<u64> =
            self.fills.iter().map(|fill| fill.nonce).collect();
        nonces.len() as u64
    }

    /// Hashes of all its attempts, oldest first.
    #[must_use]
    pub fn hashes(&self) -> Vec<B256> {
        self.attempts.iter().map(|attempt| attempt.hash).collect()
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TxEvent {
    /// There is a new head. This is the only clock: deadlines pass by it.
    Head(Head),
    /// The store gave the transaction this nonce; nobody else holds it.
    NonceClaimed {
        /// The nonce.
        nonce: u64,
    },
    /// A signer answered. Fees and kind are those asked for.
    AttemptSigned {
        /// Hash of the signed transaction.
        hash: B256,
        /// What it offers.
        fees: Fees,
        /// Whether it is a cancellation.
        is_cancel: bool,
    },
    /// The signer failed or refused; it is asked again at the next head. An answer that never comes is waited for as long
    /// as for a broadcast to be repeated.
    SignFailed,
    /// An endpoint took the bytes.
    BroadcastOk {
        /// Of the attempt.
        hash: B256,
    },
    /// Anything else an endpoint can say or leave unsaid: a timeout, a closed connection, "underpriced", any error.
    BroadcastUnclear {
        /// Of the attempt.
        hash: B256,
    },
    /// An endpoint holds the bytes already.
    AlreadyKnown {
        /// Of the attempt.
        hash: B256,
    },
    /// An endpoint says that the nonce is used: perhaps by one of our own attempts.
    NonceTooLow {
        /// Of the attempt.
        hash: B256,
    },
    /// A receipt of any attempt of any transaction, in a block that is canonical where it was read. If the block is final,
    /// as many endpoints as have to agree say the same.
    ReceiptSeen(Inclusion),
    /// A receipt in a block that is final where it was read, and of which too few other endpoints say the same yet.
    ReceiptUnconfirmed(Inclusion),
    /// Endpoints contradict each other about what is final: what one says ends nothing.
    Disputed,
    /// The block in which the attempt was seen is not canonical any more.
    ReceiptGone {
        /// Of the attempt.
        hash: B256,
    },
    /// Transaction count of the account at the finalized block.
    NonceFinalized {
        /// The count: nonces below it are used.
        count: u64,
        /// Height of that finalized block.
        finalized_number: u64,
    },
    /// *All* hashes were asked for, of an endpoint that has this block and calls it finalized, and none has a receipt. If the
    /// nonce was passed, as many endpoints as have to agree say the same.
    ReceiptsMissing {
        /// Height of the finalized block of the endpoint that answered.
        finalized_number: u64,
    },
    /// Of the account's nonces, the lowest that is neither used nor held by anything stored but a transaction that closes
    /// the gap itself, if it is below this transaction's; none if there is no gap.
    NonceGap {
        /// The nonce.
        missing: Option<u64>,
    },
    /// A signer answered with a transaction that closes a gap.
    FillSigned {
        /// Hash of the signed transaction.
        hash: B256,
        /// Its nonce.
        nonce: u64,
        /// What it offers.
        fees: Fees,
    },
    /// Simulated on the newest head, the rebalance fails, and not because it was executed: it is given up as after the
    /// deadline.
    WouldRevert,
    /// The process started and read this state from the journal.
    Restarted,
}

/// What a person has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Alert {
    /// The market is above the cap; the same bytes wait. Said once per spell.
    AtFeeCap,
    /// The block that carried it was reorganised away; it waits again.
    Reorged,
    /// The rebalance was mined and reverted.
    Reverted,
    /// Endpoints contradict each other about its end: it does not end. Said once per spell.
    Disputed,
    /// The key is used by somebody else.
    ForeignNonce,
    /// A nonce before it was used by somebody else, and is not any more: it is filled, so that this one can be mined.
    NonceGap,
    /// A transaction that was final is gone: finality was taken back, nothing is decided until a person resumes.
    FinalityBroken,
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Take the lowest nonce that neither the chain nor a stored transaction in flight has used, in one transaction of
    /// the store; then [`TxEvent::NonceClaimed`].
    ClaimNonce,
    /// Sign the rebalance; then [`TxEvent::AttemptSigned`] or [`TxEvent::SignFailed`].
    Sign {
        /// The transaction's nonce.
        nonce: u64,
        /// What to offer.
        fees: Fees,
        /// The attempt that it replaces, with the same calldata.
        replaces: Option<B256>,
    },
    /// Sign a transfer of nothing to oneself; then [`TxEvent::AttemptSigned`] or [`TxEvent::SignFailed`].
    SignCancel {
        /// The transaction's nonce.
        nonce: u64,
        /// What to offer.
        fees: Fees,
    },
    /// Sign a transfer of nothing to oneself with a nonce that nobody holds; then [`TxEvent::FillSigned`], or nothing.
    SignFill {
        /// The nonce.
        nonce: u64,
        /// What to offer.
        fees: Fees,
    },
    /// Store the signed bytes with the new state, durably, in one transaction. Comes before the broadcast.
    StoreAttempt {
        /// Of the attempt.
        hash: B256,
    },
    /// Send the bytes to every endpoint.
    Broadcast {
        /// Of the attempt.
        hash: B256,
    },
    /// Send the same bytes again to every endpoint.
    Rebroadcast {
        /// Of the attempt.
        hash: B256,
    },
    /// Ask for the receipts of all of these; then [`TxEvent::ReceiptSeen`], [`TxEvent::ReceiptGone`] for one that was
    /// seen and is not there, and [`TxEvent::ReceiptsMissing`] if none is.
    QueryReceipts {
        /// All attempts, oldest first.
        hashes: Vec<B256>,
    },
    /// The nonce was never used: the next claim takes it, which closes the gap before later nonces in flight.
    ReleaseNonce {
        /// The nonce.
        nonce: u64,
    },
    /// Tell a person.
    Alert(Alert),
}
