//! `keeper plan`: what would be done now, and why. Asks, decides and simulates exactly as `keeper run`, sends nothing.

mod view;

use serde::Serialize;
use vagus_allocator::Inputs;
use vagus_chain::{
    Call, ChainError, ChainReader as _, Header, Simulation, Tag,
    guard::{describe_revert, encode_rebalance},
};
use vagus_journal::draft::{self, Draft};
use vagus_policy::Snapshot;

pub use view::{Line, PlanView, Total};

use crate::{
    JSON_SCHEMA_VERSION,
    exit::{Exit, Failure},
    page::{Page, Row, Unread, cause},
    render,
    world::{ChainWorld, VaultWorld, chain_failure},
};

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    plans: &'a [Row<PlanView>],
}

/// The plans of all vaults, as text or JSON. A vault that cannot be read says why in its place.
///
/// # Errors
/// If a chain cannot be asked.
pub async fn plan(worlds: &[ChainWorld], is_json: bool) -> Result<Page, Failure> {
    let mut plans = Vec::new();
    for world in worlds {
        let head = world.endpoints.head(Tag::Latest).await.map_err(|e| chain_failure(&e))?;
        let data_fee = world.data_fee(&head).await.map_err(|e| chain_failure(&e))?;
        let sightings = world.sightings(&head).await.map_err(|e| chain_failure(&e))?;
        for (vault, sighting) in world.vaults.iter().zip(&sightings) {
            let planned = match vault.recognised(sighting) {
                Ok(snapshot) => {
                    let mut inputs = data_fee.charge(world.inputs(vault, snapshot)?);
                    let rates = world.rates_now(vault, snapshot, &head).await;
                    inputs.rates = rates.map_err(|error| chain_failure(&error))?;
                    one(world, vault, &head, snapshot, &inputs).await.map_err(|e| cause(&e))
                }
                Err(cause) => Err(cause),
            };
            plans.push(match planned {
                Ok(plan) => Row::Read(Box::new(plan)),
                Err(error) => Row::Unread(Unread::new(world, vault, error)),
            });
        }
    }
    if is_json {
        let document = Document { schema: JSON_SCHEMA_VERSION, plans: &plans };
        let text = serde_json::to_string_pretty(&document)
            .map_err(|error| Failure::new(Exit::Internal, error))?;
        return Ok(Page::new(text, &plans));
    }
    let texts: Vec<_> = plans.iter().map(|row| row.text(render::plan::text)).collect();
    Ok(Page::new(texts.join("\n\n"), &plans))
}

/// The plan of a vault that was read.
async fn one(
    world: &ChainWorld,
    vault: &VaultWorld,
    head: &Header,
    snapshot: &Snapshot,
    inputs: &Inputs,
) -> Result<PlanView, ChainError> {
    let policy = world.policy(snapshot).await?;
    let draft = draft::draft(policy.as_ref(), snapshot, inputs);
    let (draft, failure) = simulated(world, vault, head, draft).await?;
    Ok(PlanView::new(world, vault, policy.as_ref(), &draft, failure))
}

/// The draft, or the hold that a failed simulation makes of it, with the endpoint's words.
pub(crate) async fn simulated(
    world: &ChainWorld,
    vault: &VaultWorld,
    head: &Header,
    draft: Draft,
) -> Result<(Draft, Option<String>), ChainError> {
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
    match world.endpoints.simulate(&call, head, at).await? {
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
