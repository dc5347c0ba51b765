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

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, U256};
    use vagus_policy::Bucket;

    use super::*;
    use crate::testing::{NOW, USDC, policy, snapshot};

    const AGENT: Address = Address::repeat_byte(0xa9);

    #[test]
    fn the_limit_in_force_is_the_lesser_of_weight_and_cap() {
        // A million USDC, of which 60 % are 600,000.
        let (mut policy, mut seen) = (policy(AGENT), snapshot(AGENT));
        let strategy = policy.strategies[0].strategy;
        let limit = |policy: &_, seen: &_| Standing::of(policy, seen).max_weights_bps[&strategy];
        for (cap, expected) in [
            (1 << 100, 6_000),
            (600_000 * USDC, 6_000),
            (600_000 * USDC - 1, 5_999),
            (500_000 * USDC, 5_000),
            (0, 0),
        ] {
            policy.strategies[0].cap = cap;
            assert_eq!(limit(&policy, &seen), expected, "{cap}");
        }
        // Nothing is a part of nothing: only the weight is known.
        seen.vault.nav.base_assets = U256::ZERO;
        assert_eq!(limit(&policy, &seen), 6_000);
    }

    #[test]
    fn budgets_are_the_vaults_and_those_of_the_agent_that_was_asked_for() {
        let (policy, mut seen) = (policy(AGENT), snapshot(AGENT));
        let half = Bucket { level_wad: 500_000_000_000_000_000, updated_at: NOW };
        seen.vault.guard_state.turnover = half;
        seen.vault.agent.turnover = Bucket { level_wad: half.level_wad / 2, ..half };
        seen.vault.agent.loss = half;
        let found = Standing::of(&policy, &seen);
        assert_eq!((found.turnover_used_bps, found.loss_used_bps), (5_000, 0));
        assert_eq!(found.agent_turnover_used_bps, Some(2_500));
        assert_eq!(found.agent_loss_used_bps, Some(5_000));
        seen.vault.agent.agent = Address::repeat_byte(1);
        let found = Standing::of(&policy, &seen);
        assert_eq!((found.agent_turnover_used_bps, found.agent_loss_used_bps), (None, None));
    }
}
