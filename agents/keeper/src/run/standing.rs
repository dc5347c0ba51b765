//! What keeps a vault from being acted on beside its policy: a person's pause, and too many surprises.

use alloy::primitives::Address;
use vagus_allocator::Reason;
use vagus_journal::Intervention;

use super::{ChainLoop, RunError};

impl ChainLoop {
    /// Asked anew at every block: persons write to the journal beside the keeper.
    pub(super) async fn read_standings(&mut self) -> Result<(), RunError> {
        let standings = self.journal.0.standings(self.world.config.chain_id).await?;
        let standings = standings.into_iter().map(|standing| (standing.vault, standing));
        self.standings = standings.collect();
        Ok(())
    }

    /// The pause of a vault, if it is paused.
    pub(super) fn pause(&self, vault: Address) -> Option<&Intervention> {
        self.standings.get(&vault).and_then(|standing| standing.pause())
    }

    /// Why nothing is decided about a vault until a person says so.
    pub(super) fn distrust(&self, vault: Address) -> Option<Reason> {
        let standing = self.standings.get(&vault)?;
        if standing.pause().is_some() {
            Some(Reason::Paused)
        } else {
            standing.is_mistrusted().then_some(Reason::ModelMistrust)
        }
    }
}
