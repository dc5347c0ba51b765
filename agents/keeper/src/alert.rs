//! Alerts: what a person should know, told once, repeated while it lasts, and taken back when it is over.
//!
//! What is wrong is read off the board ([`conditions`]); what is said about it, and when, is decided without clock or
//! network ([`Book`]); what was said is in the journal, for the next start and for the heir; sending is at the edge, and a
//! channel that fails is no alert.

mod book;
mod conditions;
mod payload;
mod send;
mod watch;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use book::{Alert, Book, Change, Notice, Timing};
pub use conditions::conditions;
pub use send::{Delivered, Sender};
pub use watch::watch_board;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody should look today.
    Warning,
    /// Somebody should look now.
    Critical,
}

/// Everything that a person is told of. Each has a page in `docs/operations/runbook`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AlertKind {
    /// The loop of a chain does not come to the end of a round.
    LoopHangs,
    /// The loop of a chain has ended while the keeper goes on.
    ChainEnded,
    /// No new head for too long.
    StaleHead,
    /// No endpoint answers, or not with something to go on from.
    EndpointsFailing,
    /// Endpoints answer differently.
    EndpointsDisagree,
    /// A reorganisation went deeper than the window.
    DeepReorg,
    /// The journal cannot be written or read.
    JournalFailing,
    /// Rounds fail for another reason.
    RoundsFailing,
    /// The agent has no mandate.
    NoMandate,
    /// The agent's mandate is over soon.
    MandateExpiring,
    /// Guardian or governance has closed the vault to agents.
    VaultClosed,
    /// The keeper has stopped believing its own predictions.
    ModelMistrust,
    /// Nothing can be decided about a vault for long.
    VaultHeld,
    /// A transaction waits for long.
    TransactionStuck,
    /// A transaction was mined and reverted.
    TransactionReverted,
    /// Somebody else uses the agent's key.
    ForeignNonce,
    /// What signs for the key does not.
    SignerFailing,
    /// The key's account can pay for few transactions more.
    GasLow,
    /// Little is left of the daily fee budget.
    FeeBudgetLow,
}

impl AlertKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::LoopHangs,
        Self::ChainEnded,
        Self::StaleHead,
        Self::EndpointsFailing,
        Self::EndpointsDisagree,
        Self::DeepReorg,
        Self::JournalFailing,
        Self::RoundsFailing,
        Self::NoMandate,
        Self::MandateExpiring,
        Self::VaultClosed,
        Self::ModelMistrust,
        Self::VaultHeld,
        Self::TransactionStuck,
        Self::TransactionReverted,
        Self::ForeignNonce,
        Self::SignerFailing,
        Self::GasLow,
        Self::FeeBudgetLow,
    ];

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::LoopHangs
            | Self::ChainEnded
            | Self::EndpointsDisagree
            | Self::JournalFailing
            | Self::NoMandate
            | Self::ModelMistrust
            | Self::TransactionReverted
            | Self::ForeignNonce
            | Self::SignerFailing => Severity::Critical,
            Self::StaleHead
            | Self::EndpointsFailing
            | Self::DeepReorg
            | Self::RoundsFailing
            | Self::MandateExpiring
            | Self::VaultClosed
            | Self::VaultHeld
            | Self::TransactionStuck
            | Self::GasLow
            | Self::FeeBudgetLow => Severity::Warning,
        }
    }

    /// How long it has to be so before anybody is told.
    #[must_use]
    pub const fn after(self) -> Duration {
        Duration::from_secs(match self {
            Self::EndpointsFailing
            | Self::JournalFailing
            | Self::RoundsFailing
            | Self::SignerFailing => 60,
            Self::VaultHeld | Self::TransactionStuck => 3_600,
            Self::NoMandate | Self::EndpointsDisagree | Self::VaultClosed => 30,
            _ => 0,
        })
    }

    /// Its page.
    #[must_use]
    pub fn page(self) -> String {
        format!("docs/operations/runbook/{self:?}.md")
    }
}

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// What.
    pub kind: AlertKind,
    /// Chain of the configuration.
    pub chain: String,
    /// Vault of the configuration, if it is one's.
    pub vault: Option<String>,
    /// In one sentence, in the keeper's own words.
    pub summary: String,
}

impl Condition {
    /// What makes it the same one a moment later.
    #[must_use]
    pub fn identity(&self) -> String {
        let vault = self.vault.as_deref().map_or(String::new(), |vault| format!("/{vault}"));
        format!("{:?}/{}{vault}", self.kind, self.chain)
    }
}

#[cfg(test)]
mod tests;
