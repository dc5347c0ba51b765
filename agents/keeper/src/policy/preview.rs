//! `keeper policy preview`: what a file would do to the treasury as it stands now.
//!
//! The positions of now under the limits of the file: which break which, what each agent would do next and what that costs
//! and earns, what would be left of each budget. Buckets go on as they are, because the guard keeps them by address.

use std::{io::IsTerminal as _, path::Path};

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use vagus_chain::governance::StrategyReading;
use vagus_journal::draft;
use vagus_policy::{
    AgentState, AssetInfo, Bucket, Curve, Policy, Snapshot, StrategyPolicy, StrategyState,
    StrategyStatus, VaultState,
    budget::Budget,
    compare::takes_effect_at_once,
    decimal, hash,
    math::{bps_down, bps_up, mul_div_down},
    price::{Band, price_down},
    toml::{Context, write},
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

/// A position outside a limit of the file. Amounts in the asset's smallest unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Breach {
    /// Whose limit: `idle`, or the name of a strategy or group.
    pub of: String,
    /// The key, such as `max_weight`.
    pub limit: &'static str,
    /// What is there.
    #[serde(with = "decimal")]
    pub observed: U256,
    /// What is allowed at most, or has to be there at least.
    #[serde(with = "decimal")]
    pub allowed: U256,
    /// Whether there is too much; otherwise there is too little.
    pub is_above: bool,
}

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

/// Positions that count now and would not.
fn uncounted<'a>(
    policy: &'a Policy,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a StrategyState> {
    snapshot.vault.strategies.iter().filter(|state| {
        let listed = policy.strategies.iter().find(|entry| entry.strategy == state.strategy);
        let counts = listed.is_some_and(|entry| entry.status != StrategyStatus::WrittenOff);
        !counts && !state.convert_assets.is_zero()
    })
}

/// The treasury as it would be in the block if the policy had just been adopted.
fn under(policy: &Policy, now: &Snapshot, readings: &[(Address, StrategyReading)]) -> Snapshot {
    let mut next = now.clone();
    let state = &mut next.vault;
    let lost =
        uncounted(policy, now).fold(U256::ZERO, |sum, it| sum.saturating_add(it.convert_assets));
    let nav = &mut state.nav;
    let before = nav.nav_assets;
    let scaled = |amount: U256, after: U256| {
        if before.is_zero() { amount } else { mul_div_down(amount, after, before) }
    };
    let after = before.saturating_sub(lost);
    nav.base_assets = scaled(nav.base_assets, after);
    nav.live_assets = nav.live_assets.saturating_sub(lost);
    nav.nav_assets = after;
    state.checkpoint.base = scaled(state.checkpoint.base, after);
    state.checkpoint.nav = state.checkpoint.nav.saturating_sub(lost);
    let guard = &mut state.guard_state;
    guard.policy_version = guard.policy_version.saturating_add(1);
    guard.policy_hash = hash(policy);
    guard.mode = policy.limits.mode;
    state.strategies = policy
        .strategies
        .iter()
        .map(|entry| {
            let known = now.vault.strategies.iter().find(|it| it.strategy == entry.strategy);
            let reading = readings.iter().find(|(strategy, _)| *strategy == entry.strategy);
            let mut state = known
                .cloned()
                .unwrap_or_else(|| of_reading(entry.strategy, reading.map(|(_, reading)| reading)));
            if state.reference_price.is_zero() {
                let (assets, shares) = (entry.reference_assets, entry.reference_shares);
                state.reference_price = price_down(U256::from(assets), U256::from(shares));
                state.reference_at = now.block.timestamp;
            }
            state
        })
        .collect();
    next
}

/// A strategy that no lens has read: its income is not known.
fn of_reading(strategy: Address, reading: Option<&StrategyReading>) -> StrategyState {
    let amount = |of: fn(&StrategyReading) -> U256| reading.map(of).unwrap_or_default();
    StrategyState {
        strategy,
        symbol: reading.map(|it| it.symbol.clone()).unwrap_or_default(),
        decimals: reading.and_then(|it| it.decimals).unwrap_or_default(),
        is_readable: reading
            .is_some_and(|it| it.convert_assets.is_some() && it.redeem_assets.is_some()),
        shares: amount(|it| it.shares),
        convert_assets: amount(|it| it.convert_assets.unwrap_or_default()),
        redeem_assets: amount(|it| it.redeem_assets.unwrap_or_default()),
        max_withdraw_assets: amount(|it| it.max_withdraw_assets),
        max_deposit_assets: amount(|it| it.max_deposit_assets),
        reference_price: U256::ZERO,
        reference_at: 0,
        read_price: None,
        curve: Curve::Unknown,
    }
}

/// The same, seen for an agent that the policy gives a mandate to.
fn with_agent(snapshot: &Snapshot, state: AgentState) -> Snapshot {
    let mut snapshot = snapshot.clone();
    snapshot.vault.agent = AgentState { exists: true, is_revoked: false, ..state };
    snapshot
}

/// Collects positions outside a limit.
#[derive(Default)]
struct Breaches(Vec<Breach>);

impl Breaches {
    fn above(&mut self, of: &str, limit: &'static str, observed: U256, allowed: U256) {
        if observed > allowed {
            self.0.push(Breach { of: of.to_owned(), limit, observed, allowed, is_above: true });
        }
    }

    fn below(&mut self, of: &str, limit: &'static str, observed: U256, allowed: U256) {
        if observed < allowed {
            self.0.push(Breach { of: of.to_owned(), limit, observed, allowed, is_above: false });
        }
    }
}

fn breaches(policy: &Policy, snapshot: &Snapshot, context: &Context) -> Vec<Breach> {
    let state = &snapshot.vault;
    let nav = state.nav.nav_assets;
    let mut found = Breaches::default();
    found.above("treasury", "deposit_cap", nav, U256::from(policy.limits.deposit_cap));
    found.below("idle", "min_idle", state.idle, bps_up(nav, policy.limits.min_idle_bps));
    for (place, (entry, position)) in policy.strategies.iter().zip(&state.strategies).enumerate() {
        let target = policy.objective.target_weights_bps.get(place).copied();
        let target = target.map(|target| (target, policy.objective.band_bps));
        of_strategy(&mut found, &context.account(entry.strategy), entry, position, target, state);
    }
    for (place, group) in policy.groups.iter().enumerate() {
        let members = policy.strategies.iter().zip(&state.strategies).filter(|(entry, _)| {
            entry.groups >> place & 1 == 1 && entry.status != StrategyStatus::WrittenOff
        });
        let held = members.fold(U256::ZERO, |sum, (_, it)| sum.saturating_add(it.redeem_assets));
        let name = format!("group {}", write::group_name(group.name));
        found.above(&name, "cap", held, U256::from(group.cap));
        let most = bps_down(state.nav.base_assets, group.max_weight_bps);
        found.above(&name, "max_weight", held, most);
    }
    found.0
}

fn of_strategy(
    found: &mut Breaches,
    name: &str,
    entry: &StrategyPolicy,
    position: &StrategyState,
    target: Option<(u16, u16)>,
    state: &VaultState,
) {
    let (nav, base) = (state.nav.nav_assets, state.nav.base_assets);
    let held = position.redeem_assets;
    match entry.status {
        StrategyStatus::WrittenOff => return,
        StrategyStatus::ExitOnly => found.above(name, "status", held, U256::ZERO),
        StrategyStatus::Active => {
            found.above(name, "cap", held, U256::from(entry.cap));
            found.above(name, "max_weight", held, bps_down(base, entry.max_weight_bps));
            found.below(name, "min_weight", held, bps_up(nav, entry.min_weight_bps));
            if let Some((target, band)) = target {
                let key = "target_weights";
                found.above(name, key, held, bps_down(nav, target.saturating_add(band)));
                found.below(name, key, held, bps_up(nav, target.saturating_sub(band)));
            }
        }
    }
    if position.shares.is_zero() {
        return;
    }
    let band = Band::around(position.reference_price, entry.price_band_bps, 0);
    found.above(name, "price_band", held, band.highest_value(position.shares));
    let least = band.lowest_value_up(position.shares).saturating_sub(U256::ONE);
    found.below(name, "price_band", held, least);
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
