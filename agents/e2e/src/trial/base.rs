//! The world that all trials start from, built once.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, Bytes};
use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{
    anvil::{Anvil, Head},
    checker::{BlockFacts, gather},
    keeper::Keeper,
    lockstep::Lockstep,
    policies::{Chapter, Policies},
    treasury::{Treasury, people},
    venues::Venues,
    watch,
    world::World,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Files and folders of a world that a keeper reads, beside its config.
const FILES: [&str; 2] = ["agent.keystore", "agent.password"];

/// A treasury with a policy in force and seasoned deposits, and nobody who moves them.
#[derive(Debug)]
pub struct Base {
    folder: PathBuf,
    /// The chain, as `anvil_dumpState` gives it.
    state: Bytes,
    head: Head,
    venues: Venues,
    treasury: Treasury,
    /// Path of the deployment inside the folder.
    deployment: PathBuf,
    strategies: Vec<(String, Address, u8)>,
    policies: Policies,
    began_at: u64,
    began_block: u64,
    chapters: Vec<Chapter>,
    facts: Vec<BlockFacts>,
}

impl Base {
    /// Builds it: the policy is voted in and activated, Alice, Bob and Carol enter, an hour passes.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn build(folder: &Path) -> Result<Self> {
        let mut world = World::build(folder).await?;
        let (file, policy) = world.policies.first()?;
        world.vote(&policy, "Adopt the first policy").await?;
        world.activate(&policy).await?;
        let chapters = vec![Chapter::adopted(&world.clock.head, file, policy)];
        for (person, whole) in
            [(people::ALICE, 4_000_000), (people::BOB, 3_000_000), (people::CAROL, 2_000_000)]
        {
            world.deposit(person, whole, MINUTE).await?;
        }
        world.clock.advance(HOUR).await?;
        Keeper::prepare(&world)?;
        let (chain, head) = (&world.clock.chain, world.clock.head);
        // A chain started from a state has no older states: what the checker reads of them is read here.
        let facts = gather(chain, &watch::subject(&world), world.began_block, head.number).await?;
        let state = chain.rpc("anvil_dumpState", json!([])).await?;
        let deployment = world.deployment.strip_prefix(folder).context("a deployment elsewhere")?;
        Ok(Self {
            folder: folder.to_path_buf(),
            state,
            head,
            deployment: deployment.to_path_buf(),
            venues: world.venues.clone(),
            treasury: world.treasury.clone(),
            strategies: world.strategies.clone(),
            policies: world.policies.clone(),
            began_at: world.began_at,
            began_block: world.began_block,
            chapters,
            facts,
        })
    }

    /// The same world once more, on a chain of its own and in a folder of its own.
    ///
    /// # Errors
    /// If the chain does not start, or is not the same.
    pub async fn open(&self, folder: &Path) -> Result<World> {
        let deployment = folder.join(&self.deployment);
        let parent = deployment.parent().context("a deployment without a folder")?;
        std::fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        copy(&self.folder.join(&self.deployment), &deployment)?;
        for file in FILES {
            copy(&self.folder.join(file), &folder.join(file))?;
        }
        let chain = Anvil::start(folder).await?;
        let is_loaded: bool = chain.rpc("anvil_loadState", json!([self.state])).await?;
        ensure!(is_loaded, "the chain did not take the kept state");
        let mut clock = Lockstep::take(chain).await?;
        let head = clock.head;
        ensure!(head == self.head, "the chain stands at {head:?}, not {:?}", self.head);
        // A chain started from a state tells contracts no hashes of older blocks, and the lens proves its block by its
        // parent's: two blocks later all it asks for is known.
        for _ in 0..2 {
            clock.mine(12).await?;
        }
        Ok(World {
            folder: folder.to_path_buf(),
            clock,
            venues: self.venues.clone(),
            treasury: self.treasury.clone(),
            deployment,
            strategies: self.strategies.clone(),
            policies: self.policies.clone(),
            began_at: self.began_at,
            began_block: self.began_block,
        })
    }

    /// What was in force when.
    #[must_use]
    pub fn chapters(&self) -> &[Chapter] {
        &self.chapters
    }

    /// Every block from the first to the one that trials start from.
    #[must_use]
    pub fn facts(&self) -> &[BlockFacts] {
        &self.facts
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)
        .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    Ok(())
}
