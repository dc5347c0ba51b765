//! `keeper run`: follows the chains, decides at every block, and acts.
//!
//! ```text
//! observe ─▶ decide ─▶ check ─▶ hash ─▶ simulate ─▶ store ─▶ sign, store ─▶ broadcast ─▶ confirm ─▶ settle
//! ```
//!
//! One task per chain. What is in flight is looked after before anything new is decided.

mod block;
mod chain;
mod continuity;
mod error;
mod fleet;
mod history;
mod observe;
mod person;
mod prediction;
mod rank;
mod reconcile;
mod records;
mod reload;
mod revert;
mod settle;
mod show;
mod simulate;
mod spending;
mod standing;
mod transact;
mod turn;
mod unsent;
mod upkeep;
mod vault;
mod wait;

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinSet};
use vagus_chain::AgentKey;
use vagus_journal::Journal;

use crate::{
    config::{Config, FleetConfig, Retention},
    exit::{Exit, Failure},
    mode::Mode,
    report::Reporter,
    world::ChainWorld,
};

pub use chain::ChainLoop;
pub use continuity::adopt;
pub use error::RunError;
pub use person::carry_out;

/// Version that stands in every outcome.
pub const KEEPER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is left open at the end may take this long to be closed.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);

/// What is not a chain's, a vault's or the key's.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// What is done with a plan.
    pub mode: Mode,
    /// How the journal is shared.
    pub fleet: FleetConfig,
    /// How long holds are kept whole.
    pub retention: Retention,
    /// Names of chains of which a person accepts that they rewrote what was final.
    pub accepted_rewrites: Vec<String>,
    /// Newer configurations, as they are taken over.
    pub reload: Option<watch::Receiver<Option<Arc<Config>>>>,
}

impl RunOptions {
    fn accepts_rewrite(&self, chain: &str) -> bool {
        self.accepted_rewrites.iter().any(|accepted| accepted == chain)
    }
}

/// Works on all chains until told to stop, or until one of them cannot go on.
///
/// # Errors
/// The first failure of a chain; all others are stopped in order then.
pub async fn run(
    worlds: Vec<ChainWorld>,
    journal: Arc<dyn Journal>,
    options: RunOptions,
    key: AgentKey,
    reporter: Arc<Reporter>,
    stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    for world in worlds.iter().filter(|world| world.is_proven) {
        world.refuse_strangers().await?;
    }
    let key = Arc::new(key);
    // Told to every chain when one of them ends.
    let (all_stop, stopped) = watch::channel(false);
    let mut chains = JoinSet::new();
    for world in worlds {
        let chain = ChainLoop::new(world, journal.clone(), key.clone(), reporter.clone())
            .with(options.clone());
        chains.spawn(chain.run(stopped.clone()));
    }
    let mut stop = stop;
    let mut result = Ok(());
    loop {
        tokio::select! {
            changed = stop.changed(), if !*all_stop.borrow() => {
                // A sender that is gone can say nothing more: stop.
                if changed.is_err() || *stop.borrow() {
                    all_stop.send_replace(true);
                }
            }
            ended = chains.join_next() => {
                let Some(ended) = ended else { break };
                let ended = ended.unwrap_or_else(|error| {
                    Err(Failure::new(Exit::Internal, format_args!("A chain's task ended: {error}.")))
                });
                let is_alone = ended.as_ref().is_err_and(is_the_chains_own) && !chains.is_empty();
                if let (true, Err(failure)) = (is_alone, &ended) {
                    tracing::error!("{failure} The other chains go on.");
                } else {
                    all_stop.send_replace(true);
                }
                if result.is_ok() {
                    result = ended;
                }
            }
        }
    }
    // Every chain has closed its own; this is for what one could not. A journal that does not answer keeps nobody.
    if let Ok(closed) = tokio::time::timeout(CLOSE_WITHIN, journal.close_runs()).await {
        closed.map_err(|error| Failure::new(Exit::Journal, format_args!("The {error}.")))?;
    }
    result
}

/// Whether what ended a chain says nothing about another one: it cannot be believed any more, or was not there when the
/// keeper started and turned out to be another one.
const fn is_the_chains_own(failure: &Failure) -> bool {
    matches!(failure.exit, Exit::ChainRewritten | Exit::Deployment | Exit::NoMandate)
}

#[cfg(test)]
mod tests;
