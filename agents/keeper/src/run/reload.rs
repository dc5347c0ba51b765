//! Between two rounds a loop takes over a newer configuration, as far as that may change while it runs.

use super::ChainLoop;

impl ChainLoop {
    /// Takes over what is new, if there is something.
    pub(super) fn take_over(&mut self) {
        let Some(reload) = &mut self.reload else { return };
        // A sender that is gone has nothing new.
        if !reload.has_changed().unwrap_or(false) {
            return;
        }
        let Some(config) = reload.borrow_and_update().clone() else { return };
        let chain = &mut self.world.config;
        if let Some(new) = config.chains.iter().find(|new| new.name == chain.name) {
            *chain = chain.with_changes_of(new);
        }
        for vault in &mut self.world.vaults {
            let name = &vault.config.name;
            if let Some(new) = config.vaults.iter().find(|new| new.name == *name) {
                vault.config = vault.config.with_changes_of(new);
            }
        }
    }
}
