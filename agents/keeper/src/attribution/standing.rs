//! Limits and budgets at a block of the report, by the lens and the policy in force.

use vagus_attribution::Standing;
use vagus_chain::{ChainReader as _, ChainResult, Header};

use crate::world::{ChainWorld, VaultWorld};

/// At the end of a block; none before the vault was there, or while no policy is in force or the lens cannot read it.
///
/// # Errors
/// Those of the chain that are no answer about the vault.
pub(crate) async fn standing(
    world: &ChainWorld,
    vault: &VaultWorld,
    header: &Header,
) -> ChainResult<Option<Standing>> {
    use vagus_chain::ChainError::{Malformed, Refused};
    let queries = [world.query(vault)];
    let sightings = match world.endpoints.snapshots(vault.entry.lens, &queries, header).await {
        Ok(sightings) => sightings,
        // Before the lens was there it answers nothing, and nothing of the attribution depends on it.
        Err(Malformed { .. } | Refused { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(Ok(snapshot)) = sightings.first() else { return Ok(None) };
    let policy = world.policy(snapshot).await?;
    Ok(policy.map(|policy| Standing::of(&policy, snapshot)))
}
