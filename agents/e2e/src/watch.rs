//! Hands a world to the checker: addresses, policy files and the blocks they were in force from.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::{
    checker::{BlockFacts, Breach, Era, Limits, Names, Subject, gather, judge},
    policies::Chapter,
    world::World,
};

/// What the checker watches in a world.
#[must_use]
pub fn subject(world: &World) -> Subject {
    Subject {
        vault: world.treasury.vault,
        guard: world.treasury.guard,
        conduit: world.treasury.conduit,
        asset: world.venues.asset.address,
        strategies: world.strategies.iter().map(|(_, address, _)| *address).collect(),
    }
}

/// What was in force when, from the policy files.
///
/// # Errors
/// If a file does not read.
pub fn eras(world: &World, chapters: &[Chapter]) -> Result<Vec<Era>> {
    let names = Names {
        accounts: world.policies.addresses().into_iter().collect(),
        share_decimals: world
            .strategies
            .iter()
            .map(|(_, address, decimals)| (*address, *decimals))
            .collect::<BTreeMap<_, _>>(),
        asset_decimals: world.venues.asset.decimals,
    };
    let mut eras: Vec<Era> = Vec::new();
    let mut references_began_at = None;
    for chapter in chapters {
        match chapter {
            Chapter::Adopted { from_block, at, file, .. } => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("reading {}", file.display()))?;
                // No adoption moves a reference: they follow prices since the first.
                let began_at = *references_began_at.get_or_insert(*at);
                let limits = Limits::read(&text, &names, began_at)?;
                eras.push(Era { from_block: *from_block, limits, revoked: Vec::new() });
            }
            Chapter::Revoked { from_block, agent } => {
                let mut era = eras.last().context("a revocation before any policy")?.clone();
                era.from_block = *from_block;
                era.revoked.push(*agent);
                eras.push(era);
            }
        }
    }
    Ok(eras)
}

/// Every breach in a stretch of a world's blocks.
///
/// # Errors
/// If the chain or a policy file does not read.
pub async fn breaches(
    world: &World,
    chapters: &[Chapter],
    first: u64,
    last: u64,
) -> Result<(Vec<Breach>, Vec<BlockFacts>)> {
    let subject = subject(world);
    let facts = gather(&world.clock.chain, &subject, first, last).await?;
    Ok((judge(&subject, &facts, &eras(world, chapters)?), facts))
}
