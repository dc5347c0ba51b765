//! The rules after execution but R9, one function each.

use alloy_primitives::U256;

use super::Leg;
use crate::{
    budget::{Budget, Charge},
    document::{BPS, Objective, StrategyStatus},
    math::{bps_down, bps_up},
    observation::{Bound, Observation, Subject},
    price::Band,
    rebalance::Receipt,
    rule::{Refusal, Rule},
};

/// The rules after execution, in order, each leaving what it saw.
pub(super) struct Settlement {
    observations: Vec<Observation>,
    headroom_bps: u16,
}

impl Settlement {
    /// After the rules before execution have left what they saw.
    pub(super) fn new(observations: Vec<Observation>, headroom_bps: u16) -> Self {
        Self { observations, headroom_bps }
    }

    pub(super) fn into_observations(self) -> Vec<Observation> {
        self.observations
    }

    fn require(
        &mut self,
        rule: Rule,
        subject: Subject,
        bound: Bound,
        observed: U256,
        limit: U256,
    ) -> Result<(), Refusal> {
        let observation = Observation { rule, subject, bound, observed, limit };
        if !observation.holds() {
            return Err(Refusal { rule, observed, limit });
        }
        self.observations.push(observation);
        Ok(())
    }

    /// A limit from above, less the headroom.
    pub(super) fn tightened_down(&self, limit: U256) -> U256 {
        limit.saturating_sub(bps_up(limit, self.headroom_bps))
    }

    pub(super) fn at_most(
        &mut self,
        rule: Rule,
        subject: Subject,
        observed: U256,
        limit: U256,
    ) -> Result<(), Refusal> {
        let limit = self.tightened_down(limit);
        self.require(rule, subject, Bound::AtMost, observed, limit)
    }

    fn at_least(
        &mut self,
        rule: Rule,
        subject: Subject,
        observed: U256,
        limit: U256,
    ) -> Result<(), Refusal> {
        let limit = limit.saturating_add(bps_up(limit, self.headroom_bps));
        self.require(rule, subject, Bound::AtLeast, observed, limit)
    }

    /// R7 and R12.
    pub(super) fn charge(
        &mut self,
        rule: Rule,
        subject: Subject,
        budget: Budget,
        amount: U256,
    ) -> Result<Charge, Refusal> {
        let charge = budget.charge(amount);
        self.at_most(rule, subject, charge.observed, budget.capacity)?;
        Ok(charge)
    }

    /// R8: each strategy deposited into ends at or below min(cap, ⌊max weight × base⌋), and the limit of one that is not
    /// Active is zero. A limit of zero takes no deposit at all.
    pub(super) fn weights(&mut self, legs: &[Leg<'_>], base: U256) -> Result<(), Refusal> {
        for leg in legs.iter().filter(|leg| leg.asked.is_deposit) {
            let limit = match leg.limits.status {
                StrategyStatus::Active => {
                    U256::from(leg.limits.cap).min(bps_down(base, leg.limits.max_weight_bps))
                }
                StrategyStatus::ExitOnly | StrategyStatus::WrittenOff => U256::ZERO,
            };
            self.at_most(Rule::Weight, leg.subject(), leg.receipt.value_after, limit)?;
        }
        Ok(())
    }

    /// R10: each strategy withdrawn from ends at or above ⌈min weight × NAV⌉; one that is not Active has no floor.
    pub(super) fn floors(&mut self, legs: &[Leg<'_>], nav: U256) -> Result<(), Refusal> {
        for leg in legs.iter().filter(|leg| !leg.asked.is_deposit) {
            let min_weight_bps = match leg.limits.status {
                StrategyStatus::Active => leg.limits.min_weight_bps,
                StrategyStatus::ExitOnly | StrategyStatus::WrittenOff => 0,
            };
            let limit = bps_up(nav, min_weight_bps);
            self.at_least(Rule::Floor, leg.subject(), leg.receipt.value_after, limit)?;
        }
        Ok(())
    }

    /// R11: if anything was deposited, idle ends at or above ⌈min idle × NAV⌉.
    pub(super) fn idle(
        &mut self,
        legs: &[Leg<'_>],
        min_idle_bps: u16,
        receipt: &Receipt,
    ) -> Result<(), Refusal> {
        if !legs.iter().any(|leg| leg.asked.is_deposit) {
            return Ok(());
        }
        let limit = bps_up(receipt.nav, min_idle_bps);
        self.at_least(Rule::Idle, Subject::Vault, receipt.idle_after, limit)
    }

    /// R13: withdraw legs not below the band, deposit legs on neither side of it.
    pub(super) fn prices(&mut self, legs: &[Leg<'_>]) -> Result<(), Refusal> {
        for leg in legs {
            let (value, shares) = leg.priced_at();
            let band_bps = leg.limits.price_band_bps;
            let is_two_sided = leg.asked.is_deposit;
            let priced = Priced { subject: leg.subject(), value, shares };
            self.price(Rule::Price, priced, leg.state.reference_price, band_bps, is_two_sided)?;
        }
        Ok(())
    }

    /// A position's price against its band: not below it and, if both sides count, not above it.
    pub(super) fn price(
        &mut self,
        rule: Rule,
        priced: Priced,
        reference_price: U256,
        band_bps: u16,
        is_two_sided: bool,
    ) -> Result<(), Refusal> {
        let Priced { subject, value, shares } = priced;
        let band = Band::around(reference_price, band_bps, self.headroom_bps);
        self.require(rule, subject, Bound::AtLeast, value, band.lowest_value_up(shares))?;
        if !is_two_sided {
            return Ok(());
        }
        self.require(rule, subject, Bound::AtMost, value, band.highest_value(shares))
    }

    /// R14: a strategy whose shares became more ends at or below ⌊(target + band) × NAV⌋, one whose shares became fewer at
    /// or above ⌈(target − band) × NAV⌉. The target of one that is not Active is zero.
    pub(super) fn targets(
        &mut self,
        legs: &[Leg<'_>],
        objective: &Objective,
        nav: U256,
    ) -> Result<(), Refusal> {
        for leg in legs {
            let target_bps = match leg.limits.status {
                StrategyStatus::Active => {
                    let place = usize::from(leg.asked.index);
                    objective.target_weights_bps.get(place).copied().unwrap_or_default()
                }
                StrategyStatus::ExitOnly | StrategyStatus::WrittenOff => 0,
            };
            let (before, after) = (leg.receipt.shares_before, leg.receipt.shares_after);
            let value = leg.receipt.value_after;
            if after > before {
                let high = bps_down(nav, target_bps.saturating_add(objective.band_bps).min(BPS));
                self.at_most(Rule::Objective, leg.subject(), value, high)?;
            }
            if after < before {
                let low = bps_up(nav, target_bps.saturating_sub(objective.band_bps));
                self.at_least(Rule::Objective, leg.subject(), value, low)?;
            }
        }
        Ok(())
    }
}

/// A position at the moment at which it is priced.
pub(super) struct Priced {
    pub(super) subject: Subject,
    pub(super) value: U256,
    pub(super) shares: U256,
}

#[cfg(test)]
mod tests;
