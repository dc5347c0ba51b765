//! Minimums that have to be met at once: idle, floors of strategies, groups, target weights.

use super::{Code, Review};
use crate::{
    document::{BPS, ObjectiveKind, StrategyPolicy, StrategyStatus},
    toml::write,
};

/// A floor binds an active strategy alone.
fn floor(entry: &StrategyPolicy) -> u32 {
    if entry.status == StrategyStatus::Active { entry.min_weight_bps.into() } else { 0 }
}

fn percent(bps: u32) -> String {
    write::percent(u16::try_from(bps).unwrap_or(u16::MAX))
}

pub(super) fn minimums(review: &mut Review<'_>) {
    let policy = review.policy;
    let floors: u32 = policy.strategies.iter().map(floor).sum();
    let idle = u32::from(policy.limits.min_idle_bps);
    if floors + idle > u32::from(BPS) {
        let problem = format!(
            "cannot be met together with the floors of the strategies: {} idle and {} in strategies are more than all",
            percent(idle),
            percent(floors)
        );
        let advice = "lower min_idle or a min_weight";
        review.error(Code::MinimumsUnmeetable, "limits.min_idle", problem, advice);
    }
    for (place, entry) in policy.strategies.iter().enumerate() {
        if floor(entry) > entry.max_weight_bps.into() {
            let problem = format!(
                "is {}, above the max_weight {} of the same strategy",
                percent(floor(entry)),
                write::percent(entry.max_weight_bps)
            );
            let advice = "lower min_weight or raise max_weight";
            let key = format!("strategies[{place}].min_weight");
            review.error(Code::MinimumsUnmeetable, key, problem, advice);
        }
    }
    for (place, group) in policy.groups.iter().enumerate() {
        let members = policy.strategies.iter().filter(|entry| entry.groups >> place & 1 == 1);
        let floors: u32 = members.map(floor).sum();
        if floors > group.max_weight_bps.into() {
            let problem = format!(
                "is {}, below the {} that the floors of its members ask for together",
                write::percent(group.max_weight_bps),
                percent(floors)
            );
            let key = format!("groups[{place}].max_weight");
            let advice = "raise it, or lower a min_weight of a member";
            review.error(Code::MinimumsUnmeetable, key, problem, advice);
        }
    }
}

pub(super) fn targets(review: &mut Review<'_>) {
    let policy = review.policy;
    let objective = &policy.objective;
    if objective.kind != ObjectiveKind::TargetWeights {
        return;
    }
    const KEY: &str = "objective.target_weights";
    let band = objective.band_bps;
    let mut least_in_all = u32::from(policy.limits.min_idle_bps);
    let targets = policy.strategies.iter().zip(&objective.target_weights_bps);
    for (place, (entry, &target)) in targets.enumerate() {
        let (lowest, highest) = (target.saturating_sub(band), target.saturating_add(band));
        least_in_all += u32::from(lowest);
        let most = if entry.status == StrategyStatus::Active { entry.max_weight_bps } else { 0 };
        let name = review.strategy(place);
        if lowest > most {
            let problem = format!(
                "asks for at least {} of {name}, which may hold at most {}",
                write::percent(lowest),
                write::percent(most)
            );
            let advice = "lower the target, widen the band or raise what the strategy may hold";
            review.error(Code::TargetUnreachable, KEY, problem, advice);
        } else if u32::from(highest) < floor(entry) {
            let problem = format!(
                "allows at most {} of {name}, whose min_weight is {}",
                write::percent(highest),
                percent(floor(entry))
            );
            let advice = "raise the target, widen the band or lower min_weight";
            review.error(Code::TargetUnreachable, KEY, problem, advice);
        }
    }
    if least_in_all > u32::from(BPS) {
        let problem = format!(
            "and min_idle cannot be met together: the lower ends of the bands and {} idle come to {}",
            write::percent(policy.limits.min_idle_bps),
            percent(least_in_all)
        );
        let advice = "lower a target or min_idle, or widen the band";
        review.error(Code::MinimumsUnmeetable, KEY, problem, advice);
    }
}
