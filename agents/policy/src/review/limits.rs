//! Limits of the whole treasury.

use alloy_primitives::{U256, uint};

use super::{Code, GROWTH_TIMES, LONGEST_NAV_AGE_SECONDS, NORMAL_RATE_RAY, Review};
use crate::{
    document::{ObjectiveKind, StrategyStatus},
    math::mul_div_up,
    toml::write,
    validate::ceilings_exceeded,
};

/// Ray ÷ wad × days of a year: a yearly rate in ray over this is a daily one in wad.
const RAY_YEAR_PER_WAD_DAY: U256 = uint!(365_000_000_000_U256);

pub(super) fn limits(review: &mut Review<'_>) {
    let (policy, facts) = (review.policy, review.facts);
    let limits = &policy.limits;
    for exceeded in facts.ceilings.iter().flat_map(|it| ceilings_exceeded(limits, it)) {
        let advice = format!("set it to {}; no vote lifts a ceiling", exceeded.expected);
        review.error(Code::CeilingExceeded, exceeded.key, exceeded.problem, advice);
    }
    if limits.max_loss_bps == 0 {
        let problem =
            "is zero: a move that loses one unit to rounding is refused, so nothing can be moved";
        review.error(
            Code::LossZero,
            "limits.max_loss",
            problem,
            "allow some loss, such as \"0.2 %\"",
        );
    }
    if limits.max_turnover_bps == 0 {
        let problem = "is zero: nothing can be moved";
        let advice = "allow some turnover, or set mode = \"paused\" if that is meant";
        review.warning(Code::TurnoverZero, "limits.max_turnover", problem, advice);
    }
    if limits.max_nav_age_seconds > LONGEST_NAV_AGE_SECONDS {
        let age = write::duration(limits.max_nav_age_seconds);
        let problem = format!("is {age}: a rebalance may rest on a valuation from before a loss");
        review.warning(Code::NavAgeLong, "limits.max_nav_age", problem, "at most \"1h\"");
    }
    if limits.deposit_cap == u128::MAX {
        let problem = "is the largest number there is, which bounds nothing";
        let advice = "name an amount that the treasury is fit for";
        review.warning(Code::DepositCapEndless, "limits.deposit_cap", problem, advice);
    }
    let objective = &policy.objective;
    if objective.kind == ObjectiveKind::Yield && objective.horizon_seconds == 0 {
        let problem = "is zero: no move ever pays for itself, so nothing is moved for income";
        review.error(Code::HorizonZero, "objective.horizon", problem, "set it, such as \"30d\"");
    }
    growth(review);
}

/// What is recognised a day has to keep up with what the best venue pays, or exits pay out too little for ever.
fn growth(review: &mut Review<'_>) {
    let policy = review.policy;
    let active = policy.strategies.iter().filter(|entry| entry.status == StrategyStatus::Active);
    let rates = active.map(|entry| (review.rate_of(entry.strategy), entry.strategy));
    let best = rates.max_by_key(|((rate, _), _)| *rate);
    let ((rate, is_known), strategy) =
        best.unwrap_or(((NORMAL_RATE_RAY, false), Default::default()));
    let wanted = mul_div_up(rate, U256::from(GROWTH_TIMES), RAY_YEAR_PER_WAD_DAY);
    let growth = policy.limits.max_growth_wad;
    if U256::from(growth) >= wanted {
        return;
    }
    let payer = if is_known {
        format!("{} pays {}", review.context.account(strategy), yearly(rate))
    } else {
        format!("a venue that pays {} is nothing unusual", yearly(rate))
    };
    let problem = format!(
        "is {} a day, under {GROWTH_TIMES} times what is earned a day: {payer}",
        write::growth(growth)
    );
    // In hundredths of a percent, upwards, so that what is advised suffices.
    let bps = mul_div_up(wanted, U256::from(10_000), crate::math::WAD).saturating_to::<u16>();
    let advice = format!("at least \"{}\"", write::percent(bps.max(1)));
    review.warning(Code::GrowthSlow, "limits.max_growth", problem, advice);
}

/// A yearly rate in ray in percent with two decimals.
pub(super) fn yearly(rate_ray: U256) -> String {
    let bps = rate_ray / uint!(100_000_000_000_000_000_000_000_U256);
    format!("{} a year", write::percent(bps.saturating_to()))
}
