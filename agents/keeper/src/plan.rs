//! `keeper plan`: what would be done now, and why. Asks, decides and simulates exactly as `keeper run`, sends nothing.

mod view;

use serde::Serialize;
use vagus_chain::{
    Call, ChainReader as _, Header, Simulation, Tag,
    guard::{describe_revert, encode_rebalance},
};

pub use view::{Line, PlanView, Total};

use crate::{
    JSON_SCHEMA_VERSION,
    decide::{self, Draft},
    exit::{Exit, Failure},
    render,
    world::{ChainWorld, VaultWorld, chain_failure},
};

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    plans: &'a [PlanView],
}

/// The plans of all vaults, as text or JSON.
///
/// # Errors
/// If a chain cannot be asked.
pub async fn plan(worlds: &[ChainWorld], is_json: bool) -> Result<String, Failure> {
    let mut plans = Vec::new();
    for world in worlds {
        let head = world.endpoints.head(Tag::Latest).await.map_err(|e| chain_failure(&e))?;
        let snapshots = world.snapshots(&head).await.map_err(|e| chain_failure(&e))?;
        for (vault, snapshot) in world.vaults.iter().zip(&snapshots) {
            let inputs = world.inputs(vault, snapshot)?;
            let policy = world.policy(snapshot).await.map_err(|e| chain_failure(&e))?;
            let draft = decide::draft(policy.as_ref(), snapshot, &inputs);
            let (draft, failure) = simulated(world, vault, &head, draft).await?;
            plans.push(PlanView::new(world, vault, policy.as_ref(), &draft, failure));
        }
    }
    if is_json {
        let document = Document { schema: JSON_SCHEMA_VERSION, plans: &plans };
        return serde_json::to_string_pretty(&document)
            .map_err(|error| Failure::new(Exit::Internal, error));
    }
    Ok(plans.iter().map(render::plan::text).collect::<Vec<_>>().join("\n\n"))
}

/// The draft, or the hold that a failed simulation makes of it, with the endpoint's words.
async fn simulated(
    world: &ChainWorld,
    vault: &VaultWorld,
    head: &Header,
    draft: Draft,
) -> Result<(Draft, Option<String>), Failure> {
    let Some(plan) = &draft.plan else { return Ok((draft, None)) };
    let call = Call {
        returns: true,
        from: world.agent,
        to: vault.entry.guard,
        input: encode_rebalance(&plan.rebalance),
        gas: vault.config.gas.limit,
    };
    let next = head.block.timestamp.saturating_add(world.config.profile.block_seconds.into());
    let at = next.min(plan.rebalance.deadline);
    match world.endpoints.simulate(&call, head, at).await.map_err(|e| chain_failure(&e))? {
        Simulation::Succeeds(_) => Ok((draft, None)),
        Simulation::Fails { message, data } => {
            let refusal = vagus_chain::guard::decode_refusal(&data);
            let words = if data.is_empty() { message } else { describe_revert(&data) };
            Ok((draft.into_failed_simulation(refusal), Some(words)))
        }
    }
}

#[cfg(test)]
mod tests;
