//! A person's move, carried to its end by a loop that decides nothing itself.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use vagus_chain::AgentKey;
use vagus_journal::{Journal, Outcome, OutcomeState};

use super::{ChainLoop, RunError, RunOptions};
use crate::{
    exit::{Exit, Failure},
    person::{PersonMove, Way, refused},
    report::Reporter,
    world::ChainWorld,
};

/// Longest wait for a block to decide at.
const PATIENCE: Duration = Duration::from_secs(120);

/// Brings a person's move to the block that carries it, or to its end. What is not final then is settled by the next run.
///
/// # Errors
/// `Refused` with why; `NotExecuted` if it was stored and did not execute; whatever no retry mends.
pub async fn carry_out(
    world: ChainWorld,
    journal: Arc<dyn Journal>,
    options: RunOptions,
    key: AgentKey,
    reporter: Arc<Reporter>,
    wanted: Arc<PersonMove>,
    stop: watch::Receiver<bool>,
) -> Result<Outcome, Failure> {
    let mut chain = ChainLoop::new(world, journal, Arc::new(key), reporter).with(options);
    chain.wanted = Some(wanted.clone());
    let result = work(&mut chain, &wanted, stop).await;
    if let Err(error) = chain.fleet.hand_over().await {
        tracing::warn!("The {error}.");
    }
    result
}

async fn work(
    chain: &mut ChainLoop,
    wanted: &PersonMove,
    mut stop: watch::Receiver<bool>,
) -> Result<Outcome, Failure> {
    let name = chain.world.vaults.first().map_or(String::new(), |vault| vault.config.name.clone());
    let (began, poll) = (Instant::now(), chain.world.config.profile.poll());
    loop {
        match chain.round().await {
            Ok(_) => {}
            Err(error) if error.is_retried() => tracing::warn!("{error} Trying again."),
            Err(error) => return Err(error.into_failure()),
        }
        match wanted.way() {
            Way::Refused(words) => return Err(refused(&name, &words)),
            Way::Stored(decision) => {
                let outcome = chain.journal.0.outcome(decision).await;
                let outcome = outcome.map_err(|error| RunError::from(error).into_failure())?;
                if let Some(outcome) = outcome.filter(has_come_to_something) {
                    return ended(&name, outcome);
                }
            }
            Way::Open if began.elapsed() > PATIENCE => {
                let why = "no block came that this process may decide at; expected a chain that goes on, and no other \
                           keeper that decides about the vault";
                return Err(refused(&name, why));
            }
            Way::Open => {}
        }
        tokio::select! {
            () = tokio::time::sleep(poll) => {}
            _ = stop.wait_for(|is_stopped| *is_stopped) => return Err(interrupted(&name, wanted)),
        }
    }
}

fn has_come_to_something(outcome: &Outcome) -> bool {
    outcome.state.is_terminal() || outcome.state == OutcomeState::Included
}

fn ended(vault: &str, outcome: Outcome) -> Result<Outcome, Failure> {
    let has_executed = outcome.receipt.is_some_and(|mined| mined.is_success)
        && matches!(outcome.state, OutcomeState::Included | OutcomeState::Executed);
    if has_executed {
        return Ok(outcome);
    }
    let (state, decision) = (crate::board::state_word(outcome.state), outcome.decision);
    Err(Failure::new(
        Exit::NotExecuted,
        format_args!(
            "Vault {vault}: the move did not execute, it ended as {state}; decision {decision}."
        ),
    ))
}

fn interrupted(vault: &str, wanted: &PersonMove) -> Failure {
    match wanted.way() {
        Way::Stored(decision) => Failure::new(
            Exit::NotExecuted,
            format_args!(
                "Vault {vault}: stopped before the move was mined; the next `keeper run` looks after decision {decision}."
            ),
        ),
        _ => refused(vault, "stopped before it was decided"),
    }
}
