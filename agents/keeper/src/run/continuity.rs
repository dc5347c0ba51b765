//! Before anything is sent: whether the journal knows what the chain says was done.

use alloy::primitives::Address;
use vagus_chain::{ChainWriter as _, Header};
use vagus_journal::{Adoption, Continuity, Journal, OnChain, judge, known};

use super::{ChainLoop, RunError};
use crate::{
    exit::{Exit, Failure},
    world::ChainWorld,
};

/// What the chain says at a block of every vault of a world, in their order; none of one that could not be read.
///
/// # Errors
/// Those of the chain.
async fn on_chain(world: &ChainWorld, head: &Header) -> Result<Vec<Option<OnChain>>, RunError> {
    let hash = Some(head.block.hash);
    let account_nonce = world.endpoints.transaction_count(world.account, hash).await?;
    let sightings = world.sightings(head).await?;
    let of = |snapshot: &vagus_policy::Snapshot| OnChain {
        guard_nonce: snapshot.vault.agent.nonce,
        account_nonce,
    };
    Ok(sightings.iter().map(|sighting| sighting.as_ref().ok().map(of)).collect())
}

impl ChainLoop {
    /// Refuses to act with a journal that is older than what was done, for every vault once.
    pub(super) async fn compare_with_chain(&mut self, head: &Header) -> Result<(), RunError> {
        if !self.mode.acts() {
            // What nobody signs here cannot be signed twice; and what was done, others did.
            self.compared = self.decided_vaults().map(|vault| vault.entry.vault).collect();
            return Ok(());
        }
        let compared = &self.compared;
        let open: Vec<(String, Address)> = self
            .decided_vaults()
            .map(|vault| (vault.config.name.clone(), vault.entry.vault))
            .filter(|(_, vault)| !compared.contains(vault))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        // The chain first: what the journal learns meanwhile can only explain more of it.
        let chain = on_chain(&self.world, head).await?;
        let (chain_id, agent) = (self.world.config.chain_id, self.world.agent);
        for (name, vault) in open {
            let place = self.world.vaults.iter().position(|known| known.entry.vault == vault);
            // One that could not be read is compared when it can be; it is not decided about before.
            let Some(&Some(seen)) = place.and_then(|place| chain.get(place)) else { continue };
            let known = known(&*self.journal.0, chain_id, vault, agent, self.world.account).await?;
            if let Continuity::Behind { .. } = judge(known, seen) {
                return Err(RunError::Failure(behind(&name, agent, judge(known, seen))));
            }
            self.compared.insert(vault);
        }
        Ok(())
    }
}

fn behind(vault: &str, agent: Address, what: Continuity) -> Failure {
    Failure::new(
        Exit::Journal,
        format_args!(
            "Vault {vault}: the journal is behind the chain: {what} to it, though agent {agent} made them. It was \
             restored from an older copy, is another one than was in use, or somebody else uses the key. Nothing is \
             sent. Put the newest journal in place, or look at them and let them stand with `keeper journal adopt`."
        ),
    )
}

/// Takes every vault of a world as it stands at a block. Gives back, for each that was behind, its name and what was
/// unknown.
///
/// # Errors
/// Those of chain and journal.
pub async fn adopt(
    world: &ChainWorld,
    journal: &dyn Journal,
    head: &Header,
    note: &str,
) -> Result<Vec<(String, Continuity)>, RunError> {
    let chain = on_chain(world, head).await?;
    let mut adopted = Vec::new();
    for (vault, seen) in world.vaults.iter().zip(chain) {
        let (chain_id, address) = (world.config.chain_id, vault.entry.vault);
        let seen = seen.ok_or_else(|| {
            let name = &vault.config.name;
            Failure::new(Exit::Unreachable, format_args!("Vault {name} could not be read."))
        })?;
        let known = known(journal, chain_id, address, world.agent, world.account).await?;
        let judgement = judge(known, seen);
        if judgement == Continuity::Continues {
            continue;
        }
        let adoption = Adoption {
            chain_id,
            vault: address,
            agent: world.agent,
            guard_nonce: seen.guard_nonce,
            account_nonce: seen.account_nonce,
            block_number: head.block.number,
            block_hash: head.block.hash,
            note: format!("{note}: {judgement}"),
        };
        journal.adopt(&adoption).await?;
        adopted.push((vault.config.name.clone(), judgement));
    }
    Ok(adopted)
}
