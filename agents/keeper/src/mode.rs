//! What is done with a plan.

use std::path::PathBuf;

use vagus_journal::OutcomeState;

use crate::config::Config;

/// What is done with a plan that was decided, checked and simulated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It is signed and sent.
    #[default]
    Act,
    /// It is written into a journal of its own, and what would have come of it beside it.
    Shadow,
    /// It is written into this folder, for people to sign and send.
    Propose(PathBuf),
}

impl Mode {
    /// Whether this keeper signs and sends.
    #[must_use]
    pub fn acts(&self) -> bool {
        *self == Self::Act
    }

    /// A configuration as it is worked with: a shadow has a journal of its own, and people need hours for signing.
    #[must_use]
    pub fn applied(&self, config: &Config, sign_within_hours: u32) -> Config {
        let mut config = config.clone();
        match self {
            Self::Act => {}
            Self::Shadow => config.journal = config.journal.shadow(),
            Self::Propose(_) => {
                let deadline_seconds = sign_within_hours.saturating_mul(3_600);
                for chain in &mut config.chains {
                    chain.profile.deadline_seconds = deadline_seconds;
                }
            }
        }
        config
    }

    /// The state that a plan comes to when it is written down.
    pub(crate) const fn written(&self) -> OutcomeState {
        match self {
            Self::Act => OutcomeState::Submitted,
            Self::Shadow => OutcomeState::InShadow,
            Self::Propose(_) => OutcomeState::Proposed,
        }
    }
}
