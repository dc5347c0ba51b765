//! Transactions as the journal keeps them. Their state is the life cycle's, stored as JSON that only it reads; what the
//! journal itself enforces stands in columns: one transaction per decision, one nonce per transaction, one transaction
//! in flight per nonce, and nothing after the end.

use alloy_primitives::{Address, B256, Bytes};
use serde_json::Value;

use crate::LeaseKey;

/// A decision that is to become a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionIntent {
    /// Hash of the decision record, which has to be stored already and be a rebalance. Can be claimed once.
    pub decision: B256,
    /// Account that will sign.
    pub from: Address,
    /// State of the life cycle.
    pub state: Value,
}

/// What a step of the life cycle changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionUpdate {
    /// State of the life cycle.
    pub state: Value,
    /// The nonce, once there is one. It cannot change any more.
    pub nonce: Option<u64>,
    /// Whether the state is terminal. Nothing can be changed after that.
    pub is_terminal: bool,
}

/// Signed bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Hash of the transaction.
    pub hash: B256,
    /// The decision it is for.
    pub decision: B256,
    /// Its nonce, which is the transaction's.
    pub nonce: u64,
    /// Most for base fee and tip together, wei per gas.
    pub max_fee_wei: u128,
    /// Most for the tip, wei per gas.
    pub priority_fee_wei: u128,
    /// Whether it takes the nonce back instead of rebalancing.
    pub is_cancel: bool,
    /// The bytes as they are broadcast.
    pub raw: Bytes,
}

/// A transaction as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredTransaction {
    /// Hash of the decision record.
    pub decision: B256,
    /// Chain.
    pub chain_id: u64,
    /// The vault.
    pub vault: Address,
    /// Account that signs.
    pub from: Address,
    /// State of the life cycle.
    pub state: Value,
    /// The nonce, once there is one.
    pub nonce: Option<u64>,
    /// Whether the state is terminal.
    pub is_terminal: bool,
}

impl StoredTransaction {
    /// The lease that its changes rest on: that of the key that signs it.
    #[must_use]
    pub const fn lease(&self) -> LeaseKey {
        LeaseKey::key(self.chain_id, self.from)
    }
}
