//! R9: each group of a strategy deposited into, measured live.

use alloy_primitives::U256;

use super::{
    Leg,
    settlement::{Priced, Settlement},
};
use crate::{
    document::Policy,
    groups::{groups_of, members},
    math::bps_down,
    observation::Subject,
    rebalance::{MemberReading, Receipt},
    rule::{Refusal, Rule},
    snapshot::VaultState,
};

/// A member as it stands after the legs.
struct Member {
    is_readable: bool,
    value: U256,
    shares: U256,
}

impl Settlement {
    /// R9: groups in the order in which the deposit legs reach them, each once. First every member in turn has to be
    /// readable and inside its price band, then their sum at or below min(cap, ⌊max weight × base⌋).
    pub(super) fn groups(
        &mut self,
        policy: &Policy,
        state: &VaultState,
        legs: &[Leg<'_>],
        receipt: &Receipt,
    ) -> Result<(), Refusal> {
        let mut judged = 0_u16;
        for leg in legs.iter().filter(|leg| leg.asked.is_deposit) {
            for place in groups_of(leg.limits.groups & !judged) {
                self.group(place, policy, state, legs, receipt)?;
            }
            judged |= leg.limits.groups;
        }
        Ok(())
    }

    fn group(
        &mut self,
        place: usize,
        policy: &Policy,
        state: &VaultState,
        legs: &[Leg<'_>],
        receipt: &Receipt,
    ) -> Result<(), Refusal> {
        // A valid policy has an entry for every bit; where there is none, nothing may be held.
        let limit = policy.groups.get(place).map_or(U256::ZERO, |group| {
            U256::from(group.cap).min(bps_down(receipt.base, group.max_weight_bps))
        });
        let unreadable =
            Refusal { rule: Rule::Group, observed: U256::MAX, limit: self.tightened_down(limit) };
        let mut sum = U256::ZERO;
        for index in members(policy, 1 << place) {
            let member = member(index, legs, receipt).filter(|member| member.is_readable);
            let Member { value, shares, .. } = member.ok_or(unreadable)?;
            if shares.is_zero() {
                continue;
            }
            let at = usize::from(index);
            let (entry, strategy) =
                policy.strategies.get(at).zip(state.strategies.get(at)).ok_or(unreadable)?;
            let priced = Priced { subject: Subject::Strategy(index), value, shares };
            let reference_price = strategy.reference_price;
            self.price(Rule::Group, priced, reference_price, entry.price_band_bps, true)?;
            sum = sum.saturating_add(value);
        }
        // At most 16 groups, so the place fits.
        let subject = Subject::Group(u8::try_from(place).unwrap_or(u8::MAX));
        self.at_most(Rule::Group, subject, sum, limit)
    }
}

/// By its leg's receipt if it was touched, else by what was read after the legs.
fn member(index: u8, legs: &[Leg<'_>], receipt: &Receipt) -> Option<Member> {
    if let Some(leg) = legs.iter().find(|leg| leg.asked.index == index) {
        let (value, shares) = (leg.receipt.value_after, leg.receipt.shares_after);
        return Some(Member { is_readable: true, value, shares });
    }
    let reading = receipt.members.iter().find(|member| member.index == index)?;
    let &MemberReading { is_readable, value, shares, .. } = reading;
    Some(Member { is_readable, value, shares })
}

#[cfg(test)]
mod tests;
