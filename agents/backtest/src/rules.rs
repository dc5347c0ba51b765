//! Which document is in force at a block.

use std::{collections::BTreeMap, sync::Arc};

use alloy_primitives::{Address, B256};
use vagus_policy::Policy;

use crate::{
    BacktestError, Result,
    history::{Block, Head},
};

/// Under which policy a backtest decides.
#[derive(Clone, Debug)]
pub enum Rules {
    /// Whatever was in force at each block.
    Recorded(BTreeMap<B256, Arc<Policy>>),
    /// One document from the first block to the last, with its hash.
    Of(Arc<Policy>, B256),
}

impl Rules {
    /// The documents of a history.
    ///
    /// # Errors
    /// [`BacktestError::Document`] if one cannot be read.
    pub fn recorded(head: &Head) -> Result<Self> {
        let read = |(hash, text): (&B256, &alloy_primitives::Bytes)| {
            let unread = |cause: String| BacktestError::Document { policy: *hash, cause };
            let policy = vagus_policy::decode(text).map_err(|error| unread(error.to_string()))?;
            let found = vagus_policy::hash(&policy);
            if found != *hash {
                return Err(unread(format!("its hash is {found}")));
            }
            Ok((*hash, Arc::new(policy)))
        };
        head.policies.iter().map(read).collect::<Result<_>>().map(Self::Recorded)
    }

    /// One document.
    #[must_use]
    pub fn of(policy: Policy) -> Self {
        let hash = vagus_policy::hash(&policy);
        Self::Of(Arc::new(policy), hash)
    }

    /// Whether a history, of which every line knows `followed`, can be gone through under it. `first` is its first block.
    ///
    /// # Errors
    /// [`BacktestError::Unseen`], [`BacktestError::Unlisted`], [`BacktestError::NoMandate`].
    pub fn fit(&self, head: &Head, followed: &[Address], first: &Block) -> Result<()> {
        let Self::Of(policy, _) = self else { return Ok(()) };
        let listed = policy.strategies.iter();
        if let Some(one) = listed.clone().find(|one| !followed.contains(&one.strategy)) {
            return Err(BacktestError::Unseen(one.strategy));
        }
        for held in first.snapshot.vault.strategies.iter().filter(|one| !one.shares.is_zero()) {
            if !listed.clone().any(|one| one.strategy == held.strategy) {
                return Err(BacktestError::Unlisted(held.strategy));
            }
        }
        if !policy.agents.iter().any(|one| one.agent == head.agent) {
            return Err(BacktestError::NoMandate(head.agent));
        }
        Ok(())
    }

    /// The document in force at a block; none if there is none.
    ///
    /// # Errors
    /// [`BacktestError::NoDocument`] if the history lacks it.
    pub(crate) fn at(&self, block: &Block) -> Result<Option<Arc<Policy>>> {
        let guard = &block.snapshot.vault.guard_state;
        match self {
            Self::Of(policy, _) => Ok(Some(policy.clone())),
            Self::Recorded(_) if guard.policy_version == 0 || guard.policy_hash.is_zero() => {
                Ok(None)
            }
            Self::Recorded(documents) => match documents.get(&guard.policy_hash) {
                Some(policy) => Ok(Some(policy.clone())),
                None => Err(BacktestError::NoDocument {
                    policy: guard.policy_hash,
                    block: block.snapshot.block.number,
                }),
            },
        }
    }

    /// Hash of the document in force at a block.
    pub(crate) fn hash(&self, block: &Block) -> B256 {
        match self {
            Self::Of(_, hash) => *hash,
            Self::Recorded(_) => block.snapshot.vault.guard_state.policy_hash,
        }
    }

    /// Whether it is at a block what was in force there.
    pub(crate) fn is_recorded(&self, block: &Block) -> bool {
        match self {
            Self::Recorded(_) => true,
            Self::Of(_, hash) => *hash == block.snapshot.vault.guard_state.policy_hash,
        }
    }
}
