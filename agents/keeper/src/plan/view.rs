//! A plan as it is shown: everything from the decision, nothing computed twice.

use alloy::primitives::{Address, B256, U256};
use serde::Serialize;
use vagus_allocator::{Action, Binding, Earning, Horizon, Limiting, RateInput, Reason};
use vagus_journal::draft::Draft;
use vagus_policy::{AssetInfo, BlockRef, Mode, Move, Policy, Refusal, Snapshot, decimal};

use crate::{
    render::number::{nearest_bps, share_bps},
    words,
    world::{ChainWorld, VaultWorld},
};

/// One strategy, or idle. Amounts in the asset's smallest unit, weights in bps of NAV, rates in ray a year.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// Name for people.
    pub name: String,
    /// Its address; none for idle.
    pub strategy: Option<Address>,
    /// Held now.
    #[serde(with = "decimal")]
    pub assets_now: U256,
    /// Held after the plan.
    #[serde(with = "decimal")]
    pub assets_after: U256,
    /// Weight now.
    pub weight_now_bps: Option<u64>,
    /// Weight after the plan.
    pub weight_after_bps: Option<u64>,
    /// Most it may hold; for idle: least.
    #[serde(with = "decimal")]
    pub limit_assets: U256,
    /// The same as a weight.
    pub limit_bps: Option<u64>,
    /// Whether the rates are means of the horizon, because the venue's own model moves its rate while nobody acts; otherwise
    /// they are those of the moment.
    pub is_rate_of_horizon: bool,
    /// Rate now.
    #[serde(with = "decimal")]
    pub rate_now_ray: U256,
    /// Rate after the plan.
    #[serde(with = "decimal")]
    pub rate_after_ray: U256,
    /// Income a year now.
    #[serde(with = "decimal")]
    pub yearly_income_now: U256,
    /// Income a year after the plan.
    #[serde(with = "decimal")]
    pub yearly_income_after: U256,
}

/// What the plan is worth over the horizon, in the asset's smallest unit.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Total {
    /// Assets that change place: the sum of all moves.
    #[serde(with = "decimal")]
    pub moved: U256,
    /// Income a year now, of all strategies.
    #[serde(with = "decimal")]
    pub yearly_income_now: U256,
    /// Income a year after the plan.
    #[serde(with = "decimal")]
    pub yearly_income_after: U256,
    /// Income gained over the horizon.
    #[serde(with = "decimal")]
    pub gain: U256,
    /// Gas, entry and exit costs.
    #[serde(with = "decimal")]
    pub cost: U256,
    /// What the policy asks for beyond the costs.
    #[serde(with = "decimal")]
    pub hurdle: U256,
    /// No list of moves gains more than this over the horizon.
    #[serde(with = "decimal")]
    pub upper_bound: U256,
}

/// A plan as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct PlanView {
    /// Name in the configuration.
    pub vault: String,
    /// Treasury in the deployment file.
    pub treasury: String,
    /// Name of the chain in the configuration.
    pub chain: String,
    /// Block that was decided on.
    pub block: BlockRef,
    /// The vault's asset.
    pub asset: AssetInfo,
    /// Net asset value.
    #[serde(with = "decimal")]
    pub nav: U256,
    /// Version of the policy in force, zero for none.
    pub policy_version: u64,
    /// Its hash.
    pub policy_hash: B256,
    /// Mode in force.
    pub mode: Mode,
    /// Account that would act.
    pub agent: Address,
    /// True: it would move. False: it would hold.
    pub is_rebalance: bool,
    /// Why.
    pub reason: Reason,
    /// The same in words.
    pub reason_in_words: String,
    /// Under a hold: whether not even the upper bound would pay.
    pub is_proven: bool,
    /// Under a hold: when the answer may change although the world does not, Unix time.
    pub retry_at: Option<u64>,
    /// Under a hold: what would have to change.
    pub would_have_to_change: String,
    /// Moves of the plan; under a hold those of the best plan declined.
    pub moves: Vec<Move>,
    /// Idle, then the strategies in policy order.
    pub lines: Vec<Line>,
    /// Where rates are taken from that no venue's curve tells; left out if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<RateInput>,
    /// Sums.
    pub total: Total,
    /// Time over which a move has to pay for itself, seconds.
    pub horizon_seconds: u32,
    /// `hurdleBps` of the policy.
    pub hurdle_bps: u16,
    /// What binds, the most important first.
    pub bindings: Vec<Binding>,
    /// Under a refusal: the rule's own words.
    pub refusal: Option<Refusal>,
    /// Why the simulation failed.
    pub simulation_failure: Option<String>,
}

impl PlanView {
    /// Of a vault with its draft.
    #[must_use]
    pub fn new(
        world: &ChainWorld,
        vault: &VaultWorld,
        policy: Option<&Policy>,
        draft: &Draft,
        simulation_failure: Option<String>,
    ) -> Self {
        let seen = &draft.observation;
        let (snapshot, decision) = (&seen.snapshot, &seen.decision);
        let state = &snapshot.vault;
        let best = decision.candidates.first().cloned().unwrap_or_default();
        let is_moving = !best.moves.is_empty();
        let strategies = lines(vault, policy, snapshot, draft);
        let sum = |of: fn(&Line) -> U256| {
            strategies.iter().map(of).fold(U256::ZERO, U256::saturating_add)
        };
        let total = Total {
            moved: sum(|line| line.assets_now.abs_diff(line.assets_after)),
            yearly_income_now: sum(|line| line.yearly_income_now),
            yearly_income_after: sum(|line| line.yearly_income_after),
            gain: best.gain,
            cost: best.cost,
            hurdle: best.hurdle,
            upper_bound: decision.certificate.upper_bound,
        };
        let (now, after) = (sum(|line| line.assets_now), sum(|line| line.assets_after));
        let mut lines = vec![idle(policy, snapshot, now, after)];
        lines.extend(strategies);
        let (is_proven, retry_at) = match decision.action {
            Action::Hold { is_proven, retry_at } => (is_proven, retry_at),
            Action::Rebalance { .. } => (false, None),
        };
        let objective = policy.map(|policy| &policy.objective);
        Self {
            vault: vault.config.name.clone(),
            treasury: vault.treasury().to_owned(),
            chain: world.config.name.clone(),
            block: snapshot.block,
            asset: state.asset.clone(),
            nav: state.nav.nav_assets,
            policy_version: state.guard_state.policy_version,
            policy_hash: state.guard_state.policy_hash,
            mode: state.guard_state.mode,
            agent: world.agent,
            is_rebalance: decision.reason.is_rebalance(),
            reason: decision.reason,
            reason_in_words: words::reason(decision.reason).to_owned(),
            is_proven,
            retry_at,
            would_have_to_change: words::would_have_to_change(decision.reason).to_owned(),
            moves: if is_moving { best.moves } else { Vec::new() },
            lines,
            rates: seen.inputs.rates.clone(),
            total,
            horizon_seconds: objective.map_or(0, |objective| objective.horizon_seconds),
            hurdle_bps: objective.map_or(0, |objective| objective.hurdle_bps),
            bindings: decision.bindings.clone(),
            refusal: decision.refusal,
            simulation_failure,
        }
    }

    /// Name of the strategy at a place of the policy's list.
    #[must_use]
    pub fn strategy_name(&self, index: u8) -> String {
        let place = usize::from(index).saturating_add(1);
        self.lines.get(place).map_or_else(|| format!("strategy {index}"), |line| line.name.clone())
    }

    /// What a binding limit is, in words.
    #[must_use]
    pub fn binding_words(&self, binding: &Binding) -> String {
        let what = words::limiting(binding.limiting);
        let rule = match binding.limiting {
            Limiting::Rule(rule) => format!(" (R{})", rule as u8),
            _ => String::new(),
        };
        match binding.index {
            Some(index) => format!("{}: {what}{rule}", self.strategy_name(index)),
            None => format!("{what}{rule}"),
        }
    }
}

fn idle(policy: Option<&Policy>, snapshot: &Snapshot, held_now: U256, held_after: U256) -> Line {
    let state = &snapshot.vault;
    let nav = state.nav.nav_assets;
    let after = state.idle.saturating_add(held_now).saturating_sub(held_after);
    let floor_bps = policy.map_or(0, |policy| policy.limits.min_idle_bps);
    Line {
        name: "Idle".to_owned(),
        strategy: None,
        assets_now: state.idle,
        assets_after: after,
        weight_now_bps: share_bps(state.idle, nav),
        weight_after_bps: share_bps(after, nav),
        limit_assets: vagus_policy::math::bps_up(nav, floor_bps),
        limit_bps: Some(floor_bps.into()),
        is_rate_of_horizon: false,
        rate_now_ray: U256::ZERO,
        rate_after_ray: U256::ZERO,
        yearly_income_now: U256::ZERO,
        yearly_income_after: U256::ZERO,
    }
}

/// The decision's lines; where it has none, the strategies as they stand.
fn lines(
    vault: &VaultWorld,
    policy: Option<&Policy>,
    snapshot: &Snapshot,
    draft: &Draft,
) -> Vec<Line> {
    let state = &snapshot.vault;
    let nav = state.nav.nav_assets;
    let inputs = &draft.observation.inputs;
    let at = snapshot.block.timestamp.saturating_add(inputs.block_seconds.into());
    let horizon = policy.map_or(Horizon { at, seconds: 0 }, |policy| Horizon::of(policy, at));
    let decided = &draft.observation.decision.lines;
    let mut lines = Vec::new();
    for (place, strategy) in state.strategies.iter().enumerate() {
        let name = vault.config.strategies.get(&strategy.strategy).unwrap_or(&strategy.symbol);
        let mut line = Line {
            name: name.clone(),
            strategy: Some(strategy.strategy),
            assets_now: strategy.convert_assets,
            assets_after: strategy.convert_assets,
            weight_now_bps: None,
            weight_after_bps: None,
            limit_assets: U256::ZERO,
            limit_bps: None,
            is_rate_of_horizon: inputs.is_rate_of_horizon(strategy),
            rate_now_ray: U256::ZERO,
            rate_after_ray: U256::ZERO,
            yearly_income_now: U256::ZERO,
            yearly_income_after: U256::ZERO,
        };
        if let Some(decided) = decided.get(place) {
            line.assets_now = decided.assets_before;
            line.assets_after = decided.assets_after;
            line.limit_assets = decided.limit_assets;
            line.rate_now_ray = decided.rate_before_ray;
            line.rate_after_ray = decided.rate_after_ray;
            line.yearly_income_now = decided.yearly_income_before;
            line.yearly_income_after = decided.yearly_income_after;
        } else {
            let position = u128::try_from(strategy.convert_assets).unwrap_or(u128::MAX);
            let rate = inputs.rate_of(strategy.strategy);
            let earning = Earning::of(strategy, rate, position, horizon).ok().flatten();
            let rate = earning.and_then(|earning| earning.rate_ray(position).ok());
            line.rate_now_ray = rate.unwrap_or_default();
            line.rate_after_ray = line.rate_now_ray;
            let ray = U256::from(10u64).pow(U256::from(27));
            let income = line.rate_now_ray.saturating_mul(strategy.convert_assets) / ray;
            (line.yearly_income_now, line.yearly_income_after) = (income, income);
            if let Some(listed) = policy.and_then(|policy| policy.strategies.get(place)) {
                let base = state.nav.base_assets;
                line.limit_assets = vagus_policy::math::bps_down(base, listed.max_weight_bps)
                    .min(U256::from(listed.cap));
            }
        }
        line.weight_now_bps = share_bps(line.assets_now, nav);
        line.weight_after_bps = share_bps(line.assets_after, nav);
        line.limit_bps = nearest_bps(line.limit_assets, nav);
        lines.push(line);
    }
    lines
}
