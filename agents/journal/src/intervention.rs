//! Whether a vault may be acted on, beside what its policy says: what persons said, and what its last rebalances were like.

use alloy_primitives::{Address, B256};
use serde::Serialize;

use crate::{Outcome, OutcomeState};

/// Reverted rebalances after which a vault is held until a person resumes it.
pub const MOST_REVERTED: u64 = 2;
/// Rebalances that came out otherwise than predicted after which a vault is held until a person resumes it.
pub const MOST_UNPREDICTED: u64 = 3;

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterventionAction {
    /// Nothing is done any more.
    Pause,
    /// It goes on, and what spoke against the vault is cleared.
    Resume,
}

/// A person pauses or resumes a vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Intervention {
    /// Chain.
    pub chain_id: u64,
    /// The vault.
    pub vault: Address,
    /// What is done.
    pub action: InterventionAction,
    /// Who.
    pub person: String,
    /// Why.
    pub reason: String,
    /// When, Unix time by that person's clock.
    pub made_at: u64,
}

/// What speaks against a vault's next rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// A rebalance reverted.
    Reverted,
    /// It came out otherwise than predicted.
    Unpredicted,
}

impl Strike {
    /// What an outcome says, final or not: what is reorganised away is taken back by the next outcome.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        let is_ours = |hash: B256| {
            let attempt = outcome.attempts.iter().find(|attempt| attempt.hash == hash);
            attempt.is_none_or(|attempt| !attempt.is_cancel)
        };
        let has_reverted = outcome.state == OutcomeState::Reverted
            || outcome
                .receipt
                .is_some_and(|mined| !mined.is_success && is_ours(mined.transaction_hash));
        if has_reverted {
            Some(Self::Reverted)
        } else if outcome.is_as_predicted == Some(false) {
            Some(Self::Unpredicted)
        } else {
            None
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reverted => "reverted",
            Self::Unpredicted => "unpredicted",
        }
    }
}

/// How a vault stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The vault.
    pub vault: Address,
    /// What a person did last.
    pub last: Option<Intervention>,
    /// Rebalances that reverted since a person resumed it.
    pub reverted: u64,
    /// Rebalances that came out otherwise than predicted since then.
    pub unpredicted: u64,
}

impl Standing {
    /// Of a vault of which nothing is known.
    #[must_use]
    pub const fn clear(vault: Address) -> Self {
        Self { vault, last: None, reverted: 0, unpredicted: 0 }
    }

    /// The pause in force, if a person paused it last.
    #[must_use]
    pub fn pause(&self) -> Option<&Intervention> {
        self.last.as_ref().filter(|last| last.action == InterventionAction::Pause)
    }

    /// Whether so much went otherwise than expected that a person has to look.
    #[must_use]
    pub const fn is_mistrusted(&self) -> bool {
        self.reverted >= MOST_REVERTED || self.unpredicted >= MOST_UNPREDICTED
    }
}
