//! Whether the journal knows everything that the chain says was done with its agent's key. A journal that was restored
//! from an older copy, or begun anew, does not, and must not act as if it did.

use std::fmt;

use alloy_primitives::{Address, B256};

use crate::{Body, OutcomeState, ReadJournal, RecordQuery, Result};

/// Records looked at: what is asked is the newest rebalance that counts.
const LATEST: u32 = 64;

/// A person's word that a vault may be taken as it stands on the chain: rebalances and transactions before it that this
/// journal does not know are not its own to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// Chain.
    pub chain_id: u64,
    /// The vault.
    pub vault: Address,
    /// The agent.
    pub agent: Address,
    /// The agent's next nonce at the guard.
    pub guard_nonce: u64,
    /// The account's next nonce.
    pub account_nonce: u64,
    /// Height of the block that it was read at.
    pub block_number: u64,
    /// Hash of that block.
    pub block_hash: B256,
    /// What was unknown, and who took it.
    pub note: String,
}

/// What the chain says of an agent and a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnChain {
    /// The agent's next nonce at the vault's guard: so many of its rebalances were executed.
    pub guard_nonce: u64,
    /// The account's next nonce: so many of its transactions were mined.
    pub account_nonce: u64,
}

/// What the journal can explain of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The agent's next nonce at the guard, if everything the journal sent was executed.
    pub guard_nonce: u64,
    /// The account's next nonce, if everything the journal signed was mined; none if it never signed for the account.
    pub account_nonce: Option<u64>,
}

/// Whether the journal knows what the chain knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// Nothing on the chain is unknown here.
    Continues,
    /// The chain knows of more than the journal.
    Behind {
        /// Rebalances of the agent at the vault whose decisions are not here.
        rebalances: u64,
        /// Transactions of the account that are not here.
        transactions: u64,
    },
}

impl fmt::Display for Continuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continues => f.write_str("nothing on the chain is unknown"),
            Self::Behind { rebalances, transactions } => {
                write!(f, "{rebalances} rebalances and {transactions} transactions are unknown")
            }
        }
    }
}

/// Compares the two. The journal may know of more, for what is in flight; the chain may not.
#[must_use]
pub const fn judge(known: Known, chain: OnChain) -> Continuity {
    let rebalances = chain.guard_nonce.saturating_sub(known.guard_nonce);
    let transactions = match known.account_nonce {
        Some(known) => chain.account_nonce.saturating_sub(known),
        // An account may have a life before its first rebalance.
        None => 0,
    };
    if rebalances == 0 && transactions == 0 {
        Continuity::Continues
    } else {
        Continuity::Behind { rebalances, transactions }
    }
}

/// What a journal can explain of an agent and a vault; `account` is who signs for the agent, mostly itself.
///
/// # Errors
/// If the database fails.
pub async fn known(
    journal: &(impl ReadJournal + ?Sized),
    chain_id: u64,
    vault: Address,
    agent: Address,
    account: Address,
) -> Result<Known> {
    let mut known = Known {
        guard_nonce: 0,
        account_nonce: journal.highest_nonce(chain_id, account).await?.map(|nonce| nonce + 1),
    };
    for adoption in journal.adoptions(chain_id, vault).await? {
        if adoption.agent == agent {
            known.guard_nonce = known.guard_nonce.max(adoption.guard_nonce);
            known.account_nonce = known.account_nonce.max(Some(adoption.account_nonce));
        }
    }
    let query = RecordQuery {
        rebalances_only: true,
        newest_first: true,
        limit: Some(LATEST),
        ..RecordQuery::default()
    };
    for stored in journal.records(chain_id, vault, query).await? {
        let Body::Rebalance { rebalance, .. } = &stored.record.body else { continue };
        if stored.record.header.agent != agent {
            continue;
        }
        let outcome = journal.outcome(stored.hash).await?;
        if outcome.is_none_or(|outcome| may_have_executed(outcome.state)) {
            known.guard_nonce = known.guard_nonce.max(rebalance.nonce + 1);
        }
    }
    Ok(known)
}

/// What was never executed explains no nonce of the guard.
const fn may_have_executed(state: OutcomeState) -> bool {
    match state {
        OutcomeState::Submitted
        | OutcomeState::Included
        | OutcomeState::Executed
        | OutcomeState::Proposed => true,
        OutcomeState::Held
        | OutcomeState::SimulationFailed
        | OutcomeState::Reverted
        | OutcomeState::Cancelled
        | OutcomeState::Expired
        | OutcomeState::Foreign
        | OutcomeState::InShadow
        | OutcomeState::Shadowed => false,
    }
}
