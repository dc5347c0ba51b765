//! What is searched: strategies that each take or give along a curve, and the limits that they share.

use alloy_primitives::{I256, U256};

/// Yearly income in the asset's smallest unit, or anything priced like it, times 2^56; see [`Side::slopes`].
pub type Value = I256;

/// One direction in which a strategy may move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Least that a leg moves this way.
    pub least: i128,
    /// Ends of the segments as amounts moved, rising, smallest unit; below 2^113. Empty: it cannot move this way.
    pub ends: Vec<i128>,
    /// What one more unit moved adds to the yearly value on each segment, as a fraction with 56 binary digits; between
    /// −2^70 and 2^70. Costs that grow with the amount are subtracted already. They fall but where a kink is passed.
    pub slopes: Vec<i128>,
}

/// A strategy that may move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strategy {
    /// Deposits.
    pub inward: Side,
    /// Withdrawals.
    pub outward: Side,
    /// Places of the groups it is in.
    pub groups: Vec<usize>,
}

/// A limit that several strategies share and that counts what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Idle that may be given up.
    Idle,
    /// Room of a group, by its place.
    Group(usize),
}

/// Room in a limit that is worth something in itself: a shortage of idle is filled by leaving room, and so is a group that
/// holds too much brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// Where room is left.
    pub limit: Limit,
    /// As far as this.
    pub most: i128,
    /// What each unit of it adds to the yearly value; see [`Side::slopes`].
    pub slope: i128,
}

/// The whole question: which amounts to move, so that the value gained less the cost of legs is the most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// Those that may move.
    pub strategies: Vec<Strategy>,
    /// Deposits less withdrawals are at most this, smallest unit. Below zero every plan that moves anything has to bring in so
    /// much.
    pub idle: i128,
    /// Deposits and withdrawals together are at most this.
    pub turnover: i128,
    /// For each group, deposits less withdrawals of its members are at most this; never negative.
    pub groups: Vec<i128>,
    /// Room that is worth something.
    pub goals: Vec<Goal>,
    /// What a leg costs, whatever it moves.
    pub leg_cost: Value,
    /// Most legs.
    pub most_legs: usize,
    /// The search may end once no more value than this can be missing.
    pub tolerance: Value,
}

/// Which way a strategy moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A deposit.
    In,
    /// A withdrawal.
    Out,
}

impl Way {
    pub(crate) const fn sign(self) -> i8 {
        match self {
            Self::In => 1,
            Self::Out => -1,
        }
    }
}

/// Prices of the limits: what one more unit of each would add. From them alone anybody recomputes a bound; see
/// [`super::bound`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// Of a unit of idle; 56 binary digits, as all that follow.
    pub idle: i128,
    /// Of a unit of turnover.
    pub turnover: i128,
    /// Of a unit of room of each group.
    pub groups: Vec<i128>,
    /// Of a leg, beyond what it costs.
    pub leg: Value,
}

/// A plan with its worth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What each strategy moves: deposits positive, withdrawals negative.
    pub moves: Vec<i128>,
    /// Value gained less the cost of the legs; never less than that of standing still, which is a plan.
    pub value: Value,
    /// No plan is worth more, by these prices.
    pub bound: Value,
    /// Prices of the limits that prove the bound.
    pub prices: Prices,
    /// Programs that were solved.
    pub nodes: usize,
}

impl Strategy {
    /// The side of a way.
    #[must_use]
    pub const fn side(&self, way: Way) -> &Side {
        match way {
            Way::In => &self.inward,
            Way::Out => &self.outward,
        }
    }
}

impl Side {
    /// Most that can be moved.
    #[must_use]
    pub fn most(&self) -> i128 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Segments with their starts.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (i128, i128, i128)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).zip(&self.slopes).map(|((from, to), slope)| (from, *to, *slope))
    }

    /// What moving an amount adds.
    #[must_use]
    pub fn value(&self, amount: i128) -> Value {
        let parts = self.segments().take_while(|(from, ..)| *from < amount);
        parts.map(|(from, to, slope)| product(slope, to.min(amount) - from)).fold(Value::ZERO, sum)
    }

    /// The same way as one step: all of it or nothing, worth no more than it is.
    #[must_use]
    pub fn all_or_nothing(&self) -> Self {
        let most = self.most();
        let Some(mean) = self.value(most).checked_div(wide(most)) else { return Self::default() };
        // Towards zero, so that one less is below; a mean of slopes is one.
        let slope = i128::try_from(mean).unwrap_or(i128::MIN >> 8) - 1;
        Self { least: most, ends: vec![most], slopes: vec![slope] }
    }

    /// The concave stretches, as ranges of segments: the slopes fall inside each.
    pub(crate) fn pieces(&self) -> Vec<std::ops::Range<usize>> {
        let mut pieces = Vec::new();
        let mut from = 0;
        for place in 1..=self.slopes.len() {
            if place == self.slopes.len() || self.slopes[place] > self.slopes[place - 1] {
                pieces.push(from..place);
                from = place;
            }
        }
        pieces
    }
}

/// Of a slope and an amount, exact: of any two `i128` it is at most 2^254.
pub(crate) fn product(slope: i128, amount: i128) -> Value {
    const LOW: u128 = u64::MAX as u128;
    let (a, b) = (slope.unsigned_abs(), amount.unsigned_abs());
    // By halves, as on paper: the general multiplication of 256 bits takes several times as long, and this is what the
    // search does most.
    let (low, cross, other) = ((a & LOW) * (b & LOW), (a & LOW) * (b >> 64), (a >> 64) * (b & LOW));
    let middle = (low >> 64) + (cross & LOW) + (other & LOW);
    let high = (a >> 64) * (b >> 64) + (cross >> 64) + (other >> 64) + (middle >> 64);
    let low = (low & LOW) | ((middle & LOW) << 64);
    let magnitude = Value::from_raw((U256::from(high) << 128) | U256::from(low));
    if (slope < 0) == (amount < 0) { magnitude } else { magnitude.wrapping_neg() }
}

pub(crate) fn wide(value: i128) -> Value {
    // Every i128 is an I256.
    Value::try_from(value).unwrap_or(Value::ZERO)
}

pub(crate) fn sum(a: Value, b: Value) -> Value {
    a.saturating_add(b)
}
