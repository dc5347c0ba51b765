//! `make chain`: the demo's world, standing until it is interrupted.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    keeper::Keeper,
    paths,
    teller::{Teller, Tone},
    treasury::people,
    world::World,
};

const HOUR: u64 = 3_600;

/// Builds the world in a folder: the policy is adopted, depositors have entered, and capital is seasoned.
///
/// # Errors
/// If a step fails.
pub async fn build(folder: &std::path::Path) -> Result<(World, PathBuf)> {
    let mut world = World::build(folder).await?;
    open(&mut world).await?;
    let config = Keeper::prepare(&world)?;
    Ok((world, config))
}

/// Has the first policy adopted, and lets depositors enter and their capital season.
///
/// # Errors
/// If a step fails.
pub async fn open(world: &mut World) -> Result<()> {
    let (_, policy) = world.policies.first()?;
    world.vote(&policy, "Adopt the first policy").await?;
    world.activate(&policy).await?;
    for (person, whole) in
        [(people::ALICE, 4_000_000), (people::BOB, 3_000_000), (people::CAROL, 2_000_000)]
    {
        world.deposit(person, whole, 60).await?;
    }
    world.clock.advance(HOUR).await?;
    Ok(())
}

/// Builds it, says what to try, and mines a block every second until it is interrupted.
///
/// # Errors
/// If a step fails.
pub async fn run() -> Result<()> {
    let teller = Teller::aloud();
    teller.chapter("A world to play in");
    let folder = paths::run_folder("chains")?;
    let (mut world, config) = build(&folder).await?;
    let known = publish(&folder)?;
    let config = config.strip_prefix(&folder).map_or(config.clone(), |name| known.join(name));
    let shown = config.strip_prefix(paths::root()).unwrap_or(&config).display();
    teller.table(
        &["what", "where"],
        &[
            vec!["endpoint".into(), world.clock.chain.url.clone()],
            vec!["vault".into(), world.treasury.vault.to_string()],
            vec!["guard".into(), world.treasury.guard.to_string()],
            vec!["keeper's config".into(), shown.to_string()],
        ],
    );
    teller.line(Tone::Plain, "try, in another terminal at the repository's root:");
    for verb in ["plan", "status", "run"] {
        teller.line(Tone::Good, &format!("target/debug/keeper {verb} --config {shown}"));
    }
    teller.line(Tone::Faint, "the chain's accounts are unlocked and funded; interrupt to end it");

    let chain = &world.clock.chain;
    // From here on the chain lives by itself: a block every second, twelve seconds of its own time apart.
    let _: Value = chain.rpc("evm_setAutomine", json!([true])).await?;
    let _: Value = chain.rpc("anvil_setBlockTimestampInterval", json!([12])).await?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let _: Value =
            world.clock.chain.rpc("evm_mine", json!([])).await.context("the chain has ended")?;
        world.clock.resume().await?;
    }
}

/// Makes `target/chain` lead to the newest world's folder.
fn publish(folder: &std::path::Path) -> Result<PathBuf> {
    let known = paths::root().join("target/chain");
    let next = paths::root().join(format!("target/chain-{}", std::process::id()));
    std::os::unix::fs::symlink(folder, &next)
        .with_context(|| format!("making {}", next.display()))?;
    // A rename replaces the link in one step, also while another run does the same.
    std::fs::rename(&next, &known).with_context(|| format!("making {}", known.display()))?;
    Ok(known)
}
