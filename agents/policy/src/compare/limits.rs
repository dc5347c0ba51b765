//! Limits of the whole treasury, and the objective.

use super::{Changes, Effect, InForce, higher, lower};
use crate::{
    document::{Limits, Policy},
    toml::write,
};

pub(super) fn limits(found: &mut Changes<'_>, in_force: InForce<'_>, next: &Limits) {
    let now = &in_force.policy.limits;
    let (mode, voted) = (in_force.mode, now.mode);
    found.note(("limits", "mode"), (mode, next.mode), higher, |it| {
        let is_overlay = it == mode && mode != voted;
        let word = write::mode(it);
        if is_overlay { format!("{word} (voted: {})", write::mode(voted)) } else { word.to_owned() }
    });
    let mut bps = |key, values, tightens: fn(u16, u16) -> bool| {
        found.note(("limits", key), values, tightens, write::percent);
    };
    bps("max_turnover", (now.max_turnover_bps, next.max_turnover_bps), lower);
    bps("max_loss", (now.max_loss_bps, next.max_loss_bps), lower);
    bps("min_idle", (now.min_idle_bps, next.min_idle_bps), higher);
    bps("max_drawdown", (now.max_drawdown_bps, next.max_drawdown_bps), |_, _| false);
    bps("management_fee", (now.management_fee_bps, next.management_fee_bps), lower);
    bps("performance_fee", (now.performance_fee_bps, next.performance_fee_bps), lower);
    let mut seconds = |key, values, tightens: fn(u32, u32) -> bool| {
        found.note(("limits", key), values, tightens, write::duration);
    };
    let never = |_, _| false;
    seconds("cooldown", (now.cooldown_seconds, next.cooldown_seconds), higher);
    seconds("window", (now.window_seconds, next.window_seconds), higher);
    seconds("entry_halt", (now.entry_halt_seconds, next.entry_halt_seconds), never);
    seconds("seasoning", (now.seasoning_seconds, next.seasoning_seconds), higher);
    seconds("max_nav_age", (now.max_nav_age_seconds, next.max_nav_age_seconds), never);
    seconds("policy_delay", (now.policy_delay_seconds, next.policy_delay_seconds), never);
    let context = found.context;
    let growth = (now.max_growth_wad, next.max_growth_wad);
    found.waits(("limits", "max_growth"), growth, write::growth);
    let cap = (now.deposit_cap, next.deposit_cap);
    found.note(("limits", "deposit_cap"), cap, lower, |it| context.amount(it));
    let recipient = (now.fee_recipient, next.fee_recipient);
    found.waits(("limits", "fee_recipient"), recipient, |it| context.account(it));
}

pub(super) fn objective(found: &mut Changes<'_>, now: &Policy, next: &Policy) {
    const OF: &str = "objective";
    let version = (now.schema_version, next.schema_version);
    found.waits(("document", "schema_version"), version, |it| it.to_string());
    let (before, after) = (&now.objective, &next.objective);
    found.waits((OF, "kind"), (before.kind, after.kind), |it| write::objective(it).to_owned());
    found.waits((OF, "hurdle"), (before.hurdle_bps, after.hurdle_bps), write::percent);
    let horizon = (before.horizon_seconds, after.horizon_seconds);
    found.waits((OF, "horizon"), horizon, write::duration);
    found.waits((OF, "band"), (before.band_bps, after.band_bps), write::percent);
    if before.target_weights_bps != after.target_weights_bps {
        let context = found.context;
        let weights = |policy: &Policy| {
            let weights = policy.strategies.iter().zip(&policy.objective.target_weights_bps);
            let told: Vec<String> = weights
                .map(|(entry, bps)| {
                    format!("{} {}", context.account(entry.strategy), write::percent(*bps))
                })
                .collect();
            (!policy.objective.target_weights_bps.is_empty()).then(|| told.join(", "))
        };
        let (before, after) = (weights(now), weights(next));
        found.push((OF, "target_weights"), before, after, Effect::Waits);
    }
}
