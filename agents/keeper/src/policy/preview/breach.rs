//! Which positions break which limits of a document. Pure.

use alloy::primitives::U256;
use serde::Serialize;
use vagus_policy::{
    Policy, Snapshot, StrategyPolicy, StrategyState, StrategyStatus, VaultState, decimal,
    math::{bps_down, bps_up},
    price::Band,
    toml::{Context, write},
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

pub(super) fn breaches(policy: &Policy, snapshot: &Snapshot, context: &Context) -> Vec<Breach> {
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
