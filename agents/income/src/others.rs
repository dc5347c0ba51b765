//! What others want at each step: drawn from the seed alone, so that every way to allocate meets the same people.

use alloy_primitives::U256;
use vagus_draw::Draw;

use crate::history::{Event, History, Venue, Wander};

/// Seconds between two steps.
pub const STEP_SECONDS: u64 = 8 * 3_600;
/// Steps of a year of 365 days.
pub const STEPS: u64 = 365 * 3;
/// Steps before the year, in which rates find their place.
pub const BEFORE: u64 = 30 * 3;
/// Steps of a day.
const DAY: u64 = 3;

/// One, where factors are multiplied.
const ONE: u64 = 1_000_000;
/// Factors stay between these.
const LOWEST: u64 = ONE / 5;
const HIGHEST: u64 = 5 * ONE;
/// Fair rate of the market that is in favour, of a thousand.
const FAVOURED: u64 = 1_500;
/// Chance that anybody acts at a market in a step, percent.
const VISITED_PERCENT: u64 = 60;
/// Part of the way to what they want that borrowers go in a visit, of a thousand.
const PART: (u64, u64) = (20, 80);
/// 10^6, the asset's decimals.
pub(crate) const WHOLE: u64 = 1_000_000;
/// 1 basis point, 10^18 = 100 %.
const BPS_WAD: u64 = 100_000_000_000_000;
const GWEI: u128 = 1_000_000_000;

/// A market as it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Of which kind.
    pub venue: Venue,
    /// What others lend to it, smallest unit.
    pub lent: U256,
    /// Aave's: utilisation at the kink and the rate there, and what is added above it, basis points.
    pub optimal_bps: u64,
    /// See `optimal_bps`.
    pub slope1_bps: u64,
    /// See `optimal_bps`.
    pub slope2_bps: u64,
    asked_bps: u64,
    fair_bps: u64,
}

/// What others want at one market in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// Its place.
    pub market: usize,
    /// What lenders want to have lent, smallest unit.
    pub lent: U256,
    /// What borrowers want to owe at the fair rate, smallest unit.
    pub wanted: U256,
    /// Yearly, 10^18 = 100 %.
    pub fair_rate_wad: u64,
    /// Part of the way to what they want that borrowers go now, of a thousand.
    pub part: u64,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// In the order of the markets; markets without a visit are left out.
    pub visits: Vec<Visit>,
    /// Base fee of its blocks.
    pub base_fee_wei: u128,
}

#[derive(Clone, Debug)]
struct Mood {
    opening: Opening,
    own: u64,
    lenders: u64,
    rush: u64,
    flight: u64,
}

/// The steps of a history, those before its year first. Never ends.
#[derive(Clone, Debug)]
pub struct Others {
    history: History,
    draw: Draw,
    moods: Vec<Mood>,
    common: u64,
    step: u64,
}

fn whole(units: u64) -> U256 {
    U256::from(units) * U256::from(WHOLE)
}

fn range(draw: &mut Draw, (first, last): (u64, u64)) -> u64 {
    draw.within(first, last)
}

/// The next value of a factor.
fn wandered(draw: &mut Draw, factor: u64, by: Wander) -> u64 {
    let step = by.step * ONE / 1_000;
    let up = draw.within(0, 2 * step);
    let back = factor.abs_diff(ONE) * by.back / 1_000;
    let returned = if factor > ONE { factor - back } else { factor + back };
    (returned + up).saturating_sub(step).clamp(LOWEST, HIGHEST)
}

/// Steps that an event still lasts.
fn going_on(draw: &mut Draw, left: u64, event: Event) -> u64 {
    let begins = draw.below(1_000) < event.chance;
    if left > 0 {
        left - 1
    } else if begins {
        event.steps
    } else {
        0
    }
}

impl Others {
    /// Begins a history.
    #[must_use]
    pub fn new(history: &History) -> Self {
        let mut draw = Draw::new(history.seed);
        let mood = |venue: &Venue| Mood {
            opening: Opening {
                venue: *venue,
                lent: whole(range(&mut draw, history.lent)),
                optimal_bps: draw.within(8_000, 9_200),
                slope1_bps: draw.within(350, 700),
                slope2_bps: draw.within(4_000, 9_000),
                asked_bps: range(&mut draw, history.asked_bps),
                fair_bps: range(&mut draw, history.fair_rate_bps),
            },
            own: ONE,
            lenders: ONE,
            rush: 0,
            flight: 0,
        };
        let moods = history.venues.iter().map(mood).collect();
        Self { history: *history, draw, moods, common: ONE, step: 0 }
    }

    /// The markets as they are opened.
    pub fn openings(&self) -> impl Iterator<Item = &Opening> {
        self.moods.iter().map(|mood| &mood.opening)
    }

    /// Where the fair rates of all markets are now, for the trend of the year alone.
    fn trend(&self) -> u64 {
        let passed = self.step.saturating_sub(BEFORE).min(STEPS);
        (1_000 * (STEPS - passed) + self.history.trend * passed) * ONE / (1_000 * STEPS)
    }

    /// The market that is in favour.
    fn favoured(&self) -> Option<usize> {
        let turn = self.step.checked_div(self.history.favour_days * DAY)?;
        usize::try_from(turn).ok().map(|turn| turn % self.moods.len())
    }
}

impl Iterator for Others {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (history, trend, favoured) = (self.history, self.trend(), self.favoured());
        let draw = &mut self.draw;
        self.common = wandered(draw, self.common, history.common);
        let same_part = range(draw, PART);
        let mut visits = Vec::new();
        for (market, mood) in self.moods.iter_mut().enumerate() {
            mood.own = wandered(draw, mood.own, history.own);
            mood.lenders = wandered(draw, mood.lenders, history.lenders);
            mood.rush = going_on(draw, mood.rush, history.rush);
            mood.flight = going_on(draw, mood.flight, history.flight);
            let (part, is_visited) = (range(draw, PART), draw.chance(VISITED_PERCENT));
            let (part, is_visited) =
                if history.is_alike() { (same_part, true) } else { (part, is_visited) };
            let of = |event: Event, left: u64| if left > 0 { event.factor } else { 1_000 };
            let favour = if favoured == Some(market) { FAVOURED } else { 1_000 };
            let parts = |amount: U256, factors: &[(u64, u64)]| {
                factors.iter().fold(amount, |amount, (factor, one)| {
                    amount * U256::from(*factor) / U256::from(*one)
                })
            };
            let opening = &mood.opening;
            let asked = parts(opening.lent, &[(opening.asked_bps, 10_000)]);
            let fair = U256::from(opening.fair_bps * BPS_WAD);
            let factors = [(trend, ONE), (self.common, ONE), (mood.own, ONE), (favour, 1_000)];
            if is_visited {
                visits.push(Visit {
                    market,
                    lent: parts(
                        opening.lent,
                        &[(mood.lenders, ONE), (of(history.flight, mood.flight), 1_000)],
                    ),
                    wanted: parts(asked, &[(of(history.rush, mood.rush), 1_000)]),
                    fair_rate_wad: parts(fair, &factors).saturating_to(),
                    part,
                });
            }
        }
        let base_fee_wei = u128::from(range(draw, history.base_fee_gwei)) * GWEI;
        self.step += 1;
        Some(Step { visits, base_fee_wei })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HISTORIES;

    #[test]
    fn a_seed_decides_everything_and_factors_keep_their_bounds() {
        for history in &HISTORIES {
            let steps: Vec<Step> = Others::new(history).take(300).collect();
            let again: Vec<Step> = Others::new(history).take(300).collect();
            let other = History { seed: history.seed + 1_000, ..*history };
            assert_eq!(steps, again);
            assert_ne!(steps, Others::new(&other).take(300).collect::<Vec<_>>());
            let (lowest, highest) = history.base_fee_gwei;
            for step in &steps {
                let gwei = step.base_fee_wei / GWEI;
                assert!((u128::from(lowest)..=u128::from(highest)).contains(&gwei));
                for visit in &step.visits {
                    assert!(visit.fair_rate_wad > 0 && !visit.wanted.is_zero());
                    assert!(!visit.lent.is_zero() && (PART.0..=PART.1).contains(&visit.part));
                }
            }
        }
    }

    #[test]
    fn the_trend_ends_where_it_is_said() {
        for history in &HISTORIES {
            let mut others = Others::new(history);
            assert_eq!(others.trend(), ONE);
            others.step = BEFORE + STEPS;
            assert_eq!(others.trend(), history.trend * ONE / 1_000);
        }
    }
}
