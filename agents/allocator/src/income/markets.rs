//! A strategy of ours over several markets, in which we are one of its holders.
//!
//! Others hold O of it, we hold p. What it holds in all, O + p, is spread over its markets by its own order
//! (`curves::Spread`), so between some positions only one market takes and gives, and all others earn the same whatever we
//! do. With C what the others earn and g(a) what the one does with a in it, our yearly income is
//!
//! p ÷ (O + p) × (C + g(a)), a growing with p unit by unit.
//!
//! That is neither concave nor convex in p where O is not zero: a unit that earns more than the mean earns it for all holders.
//! And the order is not by rate, so income may rise faster where the next market begins. The search sees both as pieces. The
//! certificate lays a straight line over short stretches ([`Markets::straight`]):
//!
//! - g lies below the tangent of its market's roof, so C + g(a) lies below a line α + β × (O + p) with β ≥ 0;
//! - so income lies below β × p + α × p ÷ (O + p), which is concave if α > 0, and below its tangent; and convex if not, and
//!   below its chord.

use alloy_primitives::U256;
use vagus_policy::{
    MorphoBlueMarketsCurve,
    math::{mul_div_down, mul_div_up},
};

use super::{Horizon, Market, roof::Straight};
use crate::{
    curves::{
        Change, Spread,
        slope::{DIGITS, fraction},
    },
    math::{CurveError, CurveResult, add, amount, div_down, mul},
    view::ROUNDING_UNITS,
};

/// The strategy over a horizon.
#[derive(Clone, Debug)]
pub(super) struct Markets {
    /// What others hold of the strategy.
    others: u128,
    spread: Spread,
    /// Each market with the strategy's own position in it.
    markets: Vec<Market>,
    /// Rising, at least one.
    stretches: Vec<Stretch>,
    /// Least that we can hold: nothing, if all but what rounding takes can leave.
    lowest: u128,
    kink: u128,
    breaks: Vec<(u128, u128)>,
}

/// Positions of ours between which one market takes and gives.
#[derive(Clone, Debug)]
struct Stretch {
    from: u128,
    to: u128,
    /// Its place.
    place: usize,
    /// What the strategy holds there when we hold `from`.
    held: u128,
    /// What it holds in all others, and what that earns in a year, in 10^-27 of the smallest unit.
    rest: u128,
    rest_income: U256,
    /// The yearly rate of that in native integers.
    rest_rate: i128,
}

impl Stretch {
    /// What the strategy holds in the market when we hold `target`, which lies on the stretch or before it.
    fn held_at(&self, target: u128) -> u128 {
        self.held.saturating_add(target.saturating_sub(self.from))
    }
}

impl Markets {
    pub(super) fn of(
        curve: &MorphoBlueMarketsCurve,
        position: u128,
        horizon: Horizon,
    ) -> CurveResult<Self> {
        let spread = Spread::at(curve, horizon.at)?;
        // Each position's value is rounded down by itself.
        if position > spread.total().saturating_add(rounding(&spread)) {
            return Err(CurveError::Inconsistent);
        }
        let others = spread.total().saturating_sub(position);
        let markets = spread.slots().iter();
        let markets = markets
            .map(|slot| Market::accrued(slot.market.clone(), slot.held, horizon.seconds))
            .collect::<CurveResult<Vec<_>>>()?;
        let (stretches, breaks) = (Vec::new(), Vec::new());
        let mut all = Self { others, spread, markets, stretches, lowest: 0, kink: 0, breaks };
        all.stretches = all.ways(position)?;
        let first = all.stretches.first().map_or(position, |stretch| stretch.from);
        let is_whole = first <= all.exit_rounding().saturating_add(ROUNDING_UNITS);
        all.lowest = if is_whole { 0 } else { first };
        all.kink = all.first_kink(position);
        all.breaks = all.breaks_of_all();
        Ok(all)
    }

    /// The stretches of withdrawals and deposits.
    fn ways(&self, position: u128) -> CurveResult<Vec<Stretch>> {
        let slots = self.spread.slots();
        let (mut low, mut high) = (position, position);
        let (mut found, mut deposits) = (Vec::new(), Vec::new());
        for (place, slot) in slots.iter().enumerate().rev() {
            let moved = slot.payable.min(low);
            if moved > 0 {
                found.push(self.stretch(
                    position,
                    (low - moved, low),
                    (place, slot.held - moved),
                )?);
                low -= moved;
            }
        }
        for (place, slot) in slots.iter().enumerate().filter(|(_, slot)| slot.room > 0) {
            let to = high.checked_add(slot.room).ok_or(CurveError::Overflow)?;
            deposits.push(self.stretch(position, (high, to), (place, slot.held))?);
            high = to;
        }
        found.reverse();
        found.append(&mut deposits);
        if found.is_empty() {
            // Nothing goes in or out.
            let held = slots.first().map_or(0, |slot| slot.held);
            found.push(self.stretch(position, (position, position), (0, held))?);
        }
        Ok(found)
    }

    fn stretch(
        &self,
        position: u128,
        (from, to): (u128, u128),
        (place, held): (usize, u128),
    ) -> CurveResult<Stretch> {
        // At the end that is nearer to the position the market itself may not have moved yet.
        let at = if to <= position { to } else { from };
        let spread = self.spread.after(change(position, at))?;
        let (mut rest, mut rest_income) = (0_u128, U256::ZERO);
        let others = spread.iter().zip(&self.markets).enumerate();
        for (_, (held, market)) in others.filter(|(other, _)| *other != place) {
            rest += held;
            rest_income = add(rest_income, mul(market.rate_ray(*held)?, amount(*held))?)?;
        }
        let mean = if rest == 0 { U256::ZERO } else { div_down(rest_income, amount(rest))? };
        let rest_rate = super::native(mean)?;
        Ok(Stretch { from, to, place, held, rest, rest_income, rest_rate })
    }

    /// Position at which the first market on the way out stands at its kink: above ours if it stands above it already, and
    /// zero if none would come there.
    fn first_kink(&self, position: u128) -> u128 {
        for stretch in self.stretches.iter().rev().filter(|way| way.to <= position) {
            let Some(market) = self.markets.get(stretch.place) else { continue };
            if stretch.held < market.kink {
                let before = stretch.held_at(stretch.to);
                let is_first = stretch.to == position;
                let left = before.saturating_sub(market.kink);
                let beyond = if is_first { market.kink.saturating_sub(before) } else { 0 };
                return (stretch.to - left).saturating_add(beyond);
            }
        }
        0
    }

    /// The breaks of each market where it takes and gives, and where the next one begins.
    fn breaks_of_all(&self) -> Vec<(u128, u128)> {
        let mut breaks = Vec::new();
        for (place, stretch) in self.stretches.iter().enumerate() {
            if place > 0 {
                breaks.push((stretch.from, stretch.from));
            }
            let (low, high) = (stretch.held, stretch.held_at(stretch.to));
            let own = self.markets.get(stretch.place).map_or(&[][..], |market| &market.breaks);
            let own = own.iter().filter(|(first, last)| low < *last && *first < high);
            breaks.extend(own.map(|(first, last)| {
                let ours = |held: u128| stretch.from + (held.clamp(low, high) - low);
                (ours(*first), ours(*last))
            }));
        }
        breaks
    }

    pub(super) fn kink(&self) -> u128 {
        self.kink
    }

    pub(super) fn breaks(&self) -> &[(u128, u128)] {
        &self.breaks
    }

    pub(super) fn withdraw_room(&self) -> U256 {
        amount(self.spread.withdraw_room())
    }

    pub(super) fn deposit_room(&self) -> U256 {
        amount(self.spread.deposit_room())
    }

    pub(super) fn exit_rounding(&self) -> u128 {
        rounding(&self.spread)
    }

    /// The mean yearly rate of all that the strategy holds, ray, rounded down; with nothing in it that of its first unit.
    pub(super) fn rate_ray(&self, target: u128) -> CurveResult<U256> {
        let (stretch, market) = self.exactly_at(target)?;
        let held = stretch.held_at(target);
        let rate = market.rate_ray(held)?;
        let total = self.others.saturating_add(target);
        if total == 0 {
            return Ok(rate);
        }
        div_down(add(stretch.rest_income, mul(rate, amount(held))?)?, amount(total))
    }

    /// The largest noise of the markets, and what the mean of them is rounded by.
    pub(super) fn rate_noise_ray(&self) -> U256 {
        let noises = self.markets.iter().map(Market::rate_noise_ray);
        noises.max().unwrap_or(U256::ZERO).saturating_add(U256::ONE)
    }

    /// The stretch that a position lies on, the upper one where two meet.
    fn at(&self, target: u128) -> Option<(&Stretch, &Market)> {
        let place = self.stretches.partition_point(|stretch| stretch.from <= target);
        let stretch = self.stretches.get(place.saturating_sub(1))?;
        Some((stretch, self.markets.get(stretch.place)?))
    }

    fn exactly_at(&self, target: u128) -> CurveResult<(&Stretch, &Market)> {
        let found = self.at(target).filter(|(way, _)| target <= way.to);
        found.filter(|_| self.lowest <= target).ok_or(CurveError::Inconsistent)
    }

    pub(super) fn quick_rate(&self, target: u128) -> i128 {
        self.at(target).map_or(0, |(stretch, market)| {
            let held = stretch.held_at(target);
            self.quick_mean(stretch, held, market.slope.rate(held))
        })
    }

    /// d/dp of p × mean(O + p) = mean × O ÷ (O + p) + g' × p ÷ (O + p).
    pub(super) fn quick_marginal(&self, target: u128) -> i128 {
        self.at(target).map_or(0, |(stretch, market)| {
            let held = stretch.held_at(target);
            let marginal = market.slope.marginal(held);
            if self.others == 0 {
                return marginal;
            }
            let mean = self.quick_mean(stretch, held, market.slope.rate(held));
            let ours = fraction(target, self.others.saturating_add(target));
            mean + times(marginal - mean, ours)
        })
    }

    fn quick_mean(&self, stretch: &Stretch, held: u128, rate: i128) -> i128 {
        let total = stretch.rest.saturating_add(held);
        if total == 0 {
            return rate;
        }
        stretch.rest_rate + times(rate - stretch.rest_rate, fraction(held, total))
    }

    /// A straight line on or above income between two positions of one stretch, on which the market's formula is one smooth
    /// piece.
    ///
    /// # Errors
    /// [`CurveError::Inconsistent`] if they are not on one stretch, otherwise as [`super::Earning::rate_ray`].
    pub(super) fn straight(&self, from: u128, to: u128) -> CurveResult<Straight> {
        let (stretch, market) = self.exactly_at(from)?;
        if to < from || to > stretch.to {
            return Err(CurveError::Inconsistent);
        }
        let ends = (stretch.held_at(from), stretch.held_at(to));
        let (low, high) = under_tangent(market, ends)?;
        let (low, high) = (add(stretch.rest_income, low)?, add(stretch.rest_income, high)?);
        let [total_low, total_high] =
            [from, to].map(|held| amount(self.others.saturating_add(held)));
        // α; zero where it would be negative, since the chord is above.
        let span = amount(to - from).max(U256::ONE);
        let bend = low.saturating_sub(mul_div_down(total_low, high.saturating_sub(low), span));
        let half = amount((to - from).div_ceil(2));
        let middle = add(total_low, half)?.max(U256::ONE);
        let end = |held: u128, total: U256, income: U256| {
            if self.others == 0 {
                return income;
            }
            // The tangent in the middle is above the curve's ends by α × O × (half)² ÷ (end × middle²).
            let mut above = mul_div_up(bend, amount(self.others), total);
            above = mul_div_up(mul_div_up(above, half, middle), half, middle);
            mul_div_up(income, amount(held), total).saturating_add(above)
        };
        Ok(Straight {
            from: (from, end(from, total_low, low)),
            to: (to, end(to, total_high, high)),
        })
    }
}

/// Incomes at the ends of a straight line on or above that of a market between two positions, the higher one not below the
/// lower one.
fn under_tangent(market: &Market, (from, to): (u128, u128)) -> CurveResult<(U256, U256)> {
    let roof = market.roof(from, to)?;
    if from == to {
        let income = roof.income_ray(from)?;
        return Ok((income, income));
    }
    for place in [from + (to - from) / 2, from] {
        let slope = roof.marginal_ray(place)?;
        if slope.is_negative() {
            continue;
        }
        let (income, slope) = (roof.income_ray(place)?, slope.unsigned_abs());
        let before = mul(slope, amount(place - from))?;
        let after = mul(slope, amount(to - place))?;
        return Ok((income.saturating_sub(before), add(income, after)?));
    }
    // It falls from the lower end on.
    let income = roof.income_ray(from)?;
    Ok((income, income))
}

/// Units that may be lost where all of a strategy leaves.
fn rounding(spread: &Spread) -> u128 {
    spread.slots().iter().filter(|slot| slot.held > 0).map(|slot| slot.rounding).sum()
}

fn change(position: u128, target: u128) -> Change {
    if target >= position {
        Change::Deposit(amount(target - position))
    } else {
        Change::Withdrawal(amount(position - target))
    }
}

/// Of numbers with [`DIGITS`] binary digits; the second one is at most 1.
fn times(rate: i128, part: u128) -> i128 {
    (rate * part as i128) >> DIGITS
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that fails here says so")]
mod tests {
    use alloy_primitives::{B256, I256};
    use proptest::prelude::*;
    use vagus_policy::{MorphoBlueCurve, MorphoBlueHolding};

    use super::*;
    use crate::income::{Base, Earning};

    const NOW: u64 = 1_800_000_000;

    /// Others' lending, ours and others' through the strategy, cap, usage and rate of a market.
    type Drawn = (u128, u128, u128, u128, u128);

    fn curve(drawn: &[Drawn]) -> MorphoBlueMarketsCurve {
        let holding = |(others, held, cap, usage_bps, rate_bps): &Drawn| {
            let (supplied, wide) = (others + held, |value: u128| U256::from(value));
            let rate = I256::try_from(rate_bps * 100_000_000_000_000 / 31_536_000);
            MorphoBlueHolding {
                market_id: B256::ZERO,
                cap: wide(*cap),
                supply_shares: wide(held * 1_000_000),
                curve: MorphoBlueCurve {
                    total_supply_assets: wide(supplied),
                    total_supply_shares: wide(supplied * 1_000_000),
                    total_borrow_assets: wide(supplied * usage_bps / 10_000),
                    total_borrow_shares: wide(supplied * usage_bps / 10_000 * 1_000_000),
                    last_update_at: NOW,
                    fee_wad: U256::ZERO,
                    rate_at_target_wad: rate.unwrap(),
                },
            }
        };
        MorphoBlueMarketsCurve { markets: drawn.iter().map(holding).collect() }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn a_straight_line_lies_above_income(
            drawn in prop::collection::vec(
                (1_000_u128..1 << 50, 0_u128..1 << 48, 1_u128..1 << 50, 0_u128..=10_000, 10_u128..=20_000), 1..=5,
            ),
            part_bps in 0_u128..=10_000, days in 0_u64..400,
            ends in any::<[u32; 2]>(), places in any::<[u32; 12]>(),
        ) {
            let curve = curve(&drawn);
            let held: u128 = drawn.iter().map(|market| market.1).sum();
            let position = held / 10_000 * part_bps;
            let horizon = Horizon { at: NOW + 12, seconds: days * 86_400 };
            let markets = Markets::of(&curve, position, horizon).unwrap();
            let (low, high) = (markets.lowest, markets.stretches.last().unwrap().to);
            let base = Base::Markets(Box::new(markets.clone()));
            let earning = Earning { position, base, reward_ray: U256::ZERO, reward: 0 };
            let breaks = markets.breaks.iter().flat_map(|(first, last)| [*first, *last]);
            let mut starts: Vec<u128> = breaks.filter(|place| low < *place && *place <= high).collect();
            starts.insert(0, low);
            prop_assert!(starts.is_sorted(), "{starts:?}");
            starts.dedup();
            let last = starts.iter().skip(1).map(|start| start - 1).chain([high]);
            for (start, end) in starts.iter().copied().zip(last) {
                let on = |from: u128, to: u128, part: u32| {
                    from + (to - from) / u128::from(u32::MAX) * u128::from(part)
                        + (to - from) % u128::from(u32::MAX) * u128::from(part) / u128::from(u32::MAX)
                };
                let (a, b) = (on(start, end, ends[0]), on(start, end, ends[1]));
                for (from, to) in [(start, end), (a.min(b), a.max(b))] {
                    let straight = earning.roof(from, to).unwrap();
                    for place in places.iter().map(|part| on(from, to, *part)).chain([from, to]) {
                        let income = earning.income_ray(place).unwrap();
                        let above = straight.income_ray(place).unwrap()
                            + U256::from(4) * earning.noise_ray(place);
                        prop_assert!(income <= above, "{place} of {from} to {to}");
                    }
                }
            }
        }
    }
}
