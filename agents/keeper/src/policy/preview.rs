//! `keeper policy preview`: what a file would do to the treasury as it stands now.
//!
//! The positions of now under the limits of the file: which break which, what each agent would do next and what that costs
//! and earns, what would be left of each budget. Buckets go on as they are, because the guard keeps them by address.

mod breach;
mod under;

use std::{io::IsTerminal as _, path::Path};

use alloy::primitives::{B256, U256};
use serde::Serialize;
use vagus_journal::draft;
use vagus_policy::{
    AgentState, AssetInfo, Bucket, Policy, Snapshot, budget::Budget, compare::takes_effect_at_once,
    decimal, hash, toml::Context,
};

use super::desk::{self, Desk};
use crate::{
    backtest::{Backtested, Candidate, HistoryFile, Options, compare},
    cli::Previewing,
    exit::{Exit, Failure},
    page::Page,
    plan::PlanView,
    render,
    status::Room,
    world::{ChainWorld, VaultWorld, chain_failure},
};

pub use breach::Breach;
use breach::breaches;
use under::{uncounted, under, with_agent};

/// What would be left of a budget.
#[derive(Clone, Debug, Serialize)]
pub struct Spent {
    /// `vault`, or the agent's name.
    pub of: String,
    /// What may be moved.
    pub turnover: Room,
    /// What may be lost.
    pub loss: Room,
}

/// What an agent would do next, as if it were alone.
#[derive(Clone, Debug, Serialize)]
pub struct Outlook {
    /// Its name.
    pub name: String,
    /// Its plan under the file.
    pub plan: PlanView,
}

/// What a file would do.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Name in the configuration.
    pub vault: String,
    /// The file.
    pub file: String,
    /// Identity of the policy in it.
    pub hash: B256,
    /// Block that it is tried on.
    pub block: u64,
    /// The vault's asset.
    pub asset: AssetInfo,
    /// Net asset value under the file.
    #[serde(with = "decimal")]
    pub nav: U256,
    /// Whether it would take effect at once.
    pub is_at_once: bool,
    /// Positions that would no longer count, because the file leaves their strategy out or writes it off: name, amount.
    pub uncounted: Vec<(String, String)>,
    /// Strategies whose income is not known before they are listed, so that nothing is moved into them for income.
    pub unknown: Vec<String>,
    /// Positions outside a limit.
    pub breaches: Vec<Breach>,
    /// What would be left of each budget.
    pub budgets: Vec<Spent>,
    /// What each agent would do next.
    pub outlooks: Vec<Outlook>,
    /// What was in force and the file would have come to over a past, if one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backtests: Option<Vec<Backtested>>,
}

pub(super) async fn preview(wanted: &Previewing) -> Result<Page, Failure> {
    let desk = Desk::open(&wanted.of.config, wanted.of.vault.as_deref()).await?;
    let document = desk::file(&wanted.file, Some(&desk.context))?;
    let (policy, context) = (&document.policy, &document.context);
    let mut readings = Vec::new();
    for entry in policy.strategies.iter().filter(|entry| desk.known(entry.strategy).is_none()) {
        readings.push((entry.strategy, desk.look_at(entry.strategy).await?));
    }
    let guard = desk.vault.entry.guard;
    let agents = desk.questions().agents(guard, policy).await.map_err(|e| chain_failure(&e))?;
    let snapshot = under(policy, &desk.snapshot, &readings);
    let data_fee = desk.world.data_fee(&desk.head).await.map_err(|e| chain_failure(&e))?;
    let mut outlooks = Vec::new();
    for state in &agents {
        let snapshot = with_agent(&snapshot, *state);
        let mut inputs = data_fee.charge(desk.world.inputs(&desk.vault, &snapshot)?);
        inputs.rates = desk.rates(&snapshot).await?;
        inputs.agent = state.agent;
        let draft = draft::draft(Some(policy), &snapshot, &inputs);
        let world = &ChainWorld {
            agent: state.agent,
            endpoints: crate::world::connect(&desk.world.config)?,
            vaults: Vec::new(),
            config: desk.world.config.clone(),
            ..desk.world
        };
        let plan = PlanView::new(world, &desk.vault, Some(policy), &draft, None);
        outlooks.push(Outlook { name: context.account(state.agent), plan });
    }
    let past = wanted.backtest.as_deref().map(|file| past(file, &desk.vault)).transpose()?;
    let backtests = past.as_ref().map(|past| backtests(past, &wanted.file, policy)).transpose()?;
    let seen = Preview {
        vault: desk.vault.config.name.clone(),
        file: wanted.file.display().to_string(),
        hash: hash(policy),
        block: desk.head.block.number,
        asset: snapshot.vault.asset.clone(),
        nav: snapshot.vault.nav.nav_assets,
        is_at_once: takes_effect_at_once(desk.in_force(), policy),
        uncounted: uncounted(policy, &desk.snapshot)
            .map(|state| {
                let amount = render::number::assets(state.convert_assets, &snapshot.vault.asset);
                (context.account(state.strategy), amount)
            })
            .collect(),
        unknown: readings.iter().map(|(strategy, _)| context.account(*strategy)).collect(),
        breaches: breaches(policy, &snapshot, context),
        budgets: budgets(policy, &snapshot, &agents, context),
        outlooks,
        backtests,
    };
    let mut page = super::page(&seen, wanted.of.json, render::policy::preview)?;
    if let (Some(past), Some(backtests), false) = (&past, &seen.backtests, wanted.of.json) {
        page.text.push_str("\n\n");
        page.text.push_str(&render::backtest::text(past.summary(), backtests, None));
    }
    Ok(page)
}

/// A past of this vault.
fn past(file: &Path, vault: &VaultWorld) -> Result<HistoryFile, Failure> {
    let history = HistoryFile::open(file)?;
    let (of, wanted) = (history.summary().head.vault, vault.entry.vault);
    if of != wanted {
        let file = file.display();
        return Err(Failure::new(
            Exit::History,
            format_args!("{file}: it is the past of the vault {of}; expected one of {wanted}."),
        ));
    }
    Ok(history)
}

/// What was in force beside a policy, over a past.
fn backtests(past: &HistoryFile, file: &Path, policy: &Policy) -> Result<Vec<Backtested>, Failure> {
    let candidates = [
        Candidate::recorded(&past.summary().head)?,
        Candidate::of(file.display().to_string(), policy.clone()),
    ];
    let shows_progress = std::io::stderr().is_terminal();
    let options = Options { resume: None, shows_progress };
    // Minutes of work on threads of its own.
    tokio::task::block_in_place(|| compare(past, &candidates, options))
}

fn budgets(
    policy: &Policy,
    snapshot: &Snapshot,
    agents: &[AgentState],
    context: &Context,
) -> Vec<Spent> {
    let (state, at) = (&snapshot.vault, snapshot.block.timestamp);
    let (base, window) = (state.nav.base_assets, policy.limits.window_seconds);
    let room = |bucket: Bucket, bps: u16| {
        let budget = Budget::at(bucket, base, bps, window, at);
        Room { left: budget.room_down(), capacity: budget.capacity }
    };
    let spent = |of: String, turnover, loss| Spent { of, turnover, loss };
    let limits = &policy.limits;
    let guard = &state.guard_state;
    let vault = spent(
        "vault".to_owned(),
        room(guard.turnover, limits.max_turnover_bps),
        room(guard.loss, limits.max_loss_bps),
    );
    let each = policy.agents.iter().zip(agents).map(|(entry, state)| {
        spent(
            context.account(entry.agent),
            room(state.turnover, entry.max_turnover_bps),
            room(state.loss, entry.max_loss_bps),
        )
    });
    std::iter::once(vault).chain(each).collect()
}

#[cfg(test)]
mod tests;
