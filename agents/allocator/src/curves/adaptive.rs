//! The adaptive curve of Morpho Blue: the mean rate of a time in which nobody acts.
//!
//! Integers and rounding are those of the published contract (`AdaptiveCurveIrm`; `venues/src/AdaptiveCurveIrm.sol` is ours
//! after the same formula): its `borrowRateView` gives this mean for the time since a market's last update, and the market's
//! interest is reckoned with it. Over a time of n seconds at a constant utilisation, e being its distance from the target
//! as in `morpho_blue`, λ = 50 per year × n, and E the model's own exponential:
//!
//! mean = (k × e + 1) × (start + clamp(start × E(λe)) + 2 × clamp(start × E(λe ÷ 2))) ÷ 4
//!
//! It never falls as utilisation grows, in integers as well: every step of it is monotone. E(x) = 2^q × (1 + r + r²/2) with
//! x = q ln 2 + r jumps upwards by a hundredth where q changes. Between such places, the target and the two ends of the
//! clamp — as long as the [`Phase`] is the same — the mean is the product of a rising straight line and a sum of rising
//! parabolas or constants, so it is a cubic in the utilisation, and convex.

use alloy_primitives::U256;

use crate::math::{CurveError, CurveResult, YEAR_SECONDS};

const WAD: i128 = 1_000_000_000_000_000_000;
/// Utilisation at which the rate at target stands still.
pub(crate) const TARGET_WAD: i128 = 900_000_000_000_000_000;
/// Adaptation at an error of 100 %, per second: 50 ÷ year.
const SPEED_WAD: i128 = 50 * WAD / YEAR_SECONDS as i128;
/// Rate at target of a market that was never used.
pub(crate) const INITIAL_RATE_WAD: u64 = 40_000_000_000_000_000 / YEAR_SECONDS;
const MIN_RATE_WAD: i128 = WAD / 1_000 / YEAR_SECONDS as i128;
const MAX_RATE_WAD: i128 = 2 * WAD / YEAR_SECONDS as i128;
const STEEPNESS_ABOVE_WAD: i128 = 3 * WAD;
const STEEPNESS_BELOW_WAD: i128 = WAD * 3 / 4;

const LN_2_WAD: i128 = 693_147_180_559_945_309;
/// ln(10^-18): below it exp is zero.
const EXP_LOWEST_WAD: i128 = -41_446_531_673_892_822_312;
/// Doublings after which any rate is past the largest one, as the least one is a 2,000th of it.
const MOST_DOUBLINGS: i128 = 24;
/// Largest utilisation that is looked at: a hundredfold of what there is.
const MAX_UTILISATION_WAD: i128 = 100 * WAD;

/// Which of the curve's pieces a mean lies on: as long as it is the same, the mean is a convex cubic in the utilisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    is_above_target: bool,
    end: Adapted,
    middle: Adapted,
}

/// Where an adapted rate at target comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adapted {
    Lowest,
    /// Doublings of the exponential.
    Between(i16),
    Highest,
}

/// What the model answers for a time in which nobody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// What borrowers pay on average, per second, WAD.
    pub borrow_wad: u64,
    /// Rate at target at the end of the time, per second, WAD.
    pub end_rate_at_target_wad: u64,
    /// The piece that the mean lies on.
    pub phase: Phase,
}

/// The mean of so many seconds at a utilisation. A rate at target of zero is that of a market that was never used.
///
/// # Errors
/// [`CurveError::Inconsistent`] if the rate is outside of what the model stores, [`CurveError::Overflow`] if the
/// utilisation or the time is beyond anything that happens.
pub(crate) fn mean(
    rate_at_target_wad: u64,
    utilisation_wad: U256,
    seconds: u64,
) -> CurveResult<Mean> {
    let utilisation = i128::try_from(utilisation_wad)
        .ok()
        .filter(|fits| *fits <= MAX_UTILISATION_WAD)
        .ok_or(CurveError::Overflow)?;
    let start = i128::from(rate_at_target_wad);
    let is_new = start == 0;
    if !is_new && !(MIN_RATE_WAD..=MAX_RATE_WAD).contains(&start) {
        return Err(CurveError::Inconsistent);
    }
    // The first answer to a market that was never asked does not adapt.
    let start = if is_new { i128::from(INITIAL_RATE_WAD) } else { start };
    let seconds = if is_new { 0 } else { i128::from(seconds) };
    let error = error_wad(utilisation);
    // Below 2^41 × 2^7 × 2^64.
    let adaptation = SPEED_WAD * error / WAD * seconds;
    let (end, at_end) = adapted(start, adaptation);
    let (middle, at_middle) = adapted(start, adaptation / 2);
    let average = (start + end + 2 * middle) / 4;
    let steepness = if error < 0 { STEEPNESS_BELOW_WAD } else { STEEPNESS_ABOVE_WAD };
    let borrow = (steepness * error / WAD + WAD) * average / WAD;
    let word = |value: i128| u64::try_from(value).map_err(|_| CurveError::Overflow);
    Ok(Mean {
        borrow_wad: word(borrow)?,
        end_rate_at_target_wad: word(end)?,
        phase: Phase { is_above_target: error > 0, end: at_end, middle: at_middle },
    })
}

/// Distance of the utilisation from the target, divided by what is left on that side; 10^18 at full utilisation.
fn error_wad(utilisation: i128) -> i128 {
    let side = if utilisation > TARGET_WAD { WAD - TARGET_WAD } else { TARGET_WAD };
    (utilisation - TARGET_WAD) * WAD / side
}

/// start × exp(adaptation) within the model's limits; an adaptation of zero leaves the rate as it is.
fn adapted(start: i128, adaptation: i128) -> (i128, Adapted) {
    if adaptation < EXP_LOWEST_WAD {
        return (MIN_RATE_WAD, Adapted::Lowest);
    }
    // q is rounded half towards zero.
    let half = if adaptation < 0 { -(LN_2_WAD / 2) } else { LN_2_WAD / 2 };
    let doublings = (adaptation + half) / LN_2_WAD;
    if doublings >= MOST_DOUBLINGS {
        return (MAX_RATE_WAD, Adapted::Highest);
    }
    let rest = adaptation - doublings * LN_2_WAD;
    let base = WAD + rest + rest * rest / WAD / 2;
    // |q| is at most 60. The rate is below 2^36 and the exponential below 2^86.
    let power = if doublings < 0 { base >> -doublings } else { base << doublings };
    let grown = start * power / WAD;
    if grown < MIN_RATE_WAD {
        (MIN_RATE_WAD, Adapted::Lowest)
    } else if grown > MAX_RATE_WAD {
        (MAX_RATE_WAD, Adapted::Highest)
    } else {
        (grown, Adapted::Between(doublings as i16))
    }
}

/// Bound on how far [`breaks_wad`] lie from where the phase changes, WAD: the model's speed is a whole number of 10^-18 per
/// second, and a break of 10^-12.
pub(crate) const BREAK_WAD: i128 = 4_000_000;

/// Utilisations, WAD, rising, about which the phase changes.
pub(crate) fn breaks_wad(rate_at_target_wad: u64, seconds: u64) -> Vec<i128> {
    let start =
        i128::from(if rate_at_target_wad == 0 { INITIAL_RATE_WAD } else { rate_at_target_wad });
    let span = SPEED_WAD * i128::from(seconds);
    let mut breaks = vec![TARGET_WAD];
    for side in [-1, 1] {
        let mut exponents: Vec<i128> = Vec::new();
        let clamped = clamp_exponent(start, side);
        // Of the end and, at twice the exponent, of the middle.
        for factor in [1, 2] {
            let within = clamped.min(span / factor);
            let halves = (0..).map(|count| LN_2_WAD / 2 + count * LN_2_WAD);
            exponents.extend(halves.take_while(|at| *at < within).map(|at| factor * at));
            if clamped < span / factor {
                exponents.push(factor * clamped);
            }
        }
        let room = if side < 0 { TARGET_WAD } else { WAD - TARGET_WAD };
        // Exponents are below 2^67, and the span is zero only if there are none.
        breaks.extend(
            exponents
                .into_iter()
                .map(|at| TARGET_WAD + side * (at * (room / 1_000_000) / span * 1_000_000)),
        );
    }
    breaks.sort_unstable();
    breaks.dedup();
    breaks
}

/// Least exponent of a sign at which a rate is clamped.
fn clamp_exponent(start: i128, side: i128) -> i128 {
    let is_clamped =
        |exponent: i128| !matches!(adapted(start, side * exponent).1, Adapted::Between(_));
    let (mut low, mut high) = (0, -EXP_LOWEST_WAD);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if is_clamped(middle) { high = middle } else { low = middle }
    }
    high
}
