//! What the relaxation sees of a side: the least concave curve above it, the cost of its leg spread over what it moves.

use std::ops::Range;

use super::{
    problem::{Side, Strategy, Value, product, sum, wide},
    simplex::Column,
};

/// What the relaxation sees of a strategy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Envelope {
    /// What it is worth to stand still: more than nothing where a curve is not concave and standing still is below the line
    /// from one side to the other.
    pub(crate) base: Value,
    /// Of deposits.
    pub(crate) inward: Column,
    /// Of withdrawals.
    pub(crate) outward: Column,
}

/// A corner of a curve: what is moved, deposits positive, and what that is worth.
type Corner = (i128, Value);

/// The least concave curve above standing still and above every move of at least the smallest one, the leg's cost taken off.
/// It is made over both ways at once, so that going both ways never pays. Slopes are rounded up.
pub(crate) fn envelope(strategy: &Strategy, leg: Value) -> Envelope {
    let falls = |side: &Side| side.slopes.windows(2).all(|pair| pair[1] <= pair[0]);
    let (inward, outward) = (&strategy.inward, &strategy.outward);
    let is_concave = falls(inward) && falls(outward) && {
        let gained = inward.slopes.first().copied().unwrap_or(i128::MIN);
        let lost = outward.slopes.first().map_or(i128::MAX, |slope| -slope);
        gained <= lost
    };
    if is_concave {
        let (inward, outward) = (tangent(inward, leg), tangent(outward, leg));
        return Envelope { base: Value::ZERO, inward, outward };
    }
    let mut corners: Vec<Corner> = corners(outward, leg);
    for (moved, _) in &mut corners {
        *moved = -*moved;
    }
    corners.reverse();
    corners.push((0, Value::ZERO));
    corners.extend(self::corners(inward, leg));
    joint(&hull(corners))
}

/// Where a side can be left: the smallest move and every end after it.
fn corners(side: &Side, leg: Value) -> Vec<Corner> {
    let least = side.least;
    let mut found = Vec::with_capacity(side.ends.len() + 1);
    let mut value = leg.saturating_neg();
    for (from, to, slope) in side.segments() {
        if from < least && least < to {
            found.push((least, sum(value, product(slope, least - from))));
        }
        value = sum(value, product(slope, to - from));
        if to >= least {
            found.push((to, value));
        }
    }
    found
}

/// The envelope of a concave side: a line from standing still to where it touches the curve, and then the curve.
fn tangent(side: &Side, leg: Value) -> Column {
    let least = side.least;
    let mut column = Column::with_segments(side.ends.len() + 1);
    let mut value = leg.saturating_neg();
    let mut has_touched = false;
    for (place, (from, to, slope)) in side.segments().enumerate() {
        if has_touched {
            column.ends.push(to);
            column.slopes.push(slope);
            continue;
        }
        if from < least && least < to {
            let at_least = sum(value, product(slope, least - from));
            // The curve beyond the smallest move may already rise more slowly than the line up to it.
            if product(slope, least) <= at_least {
                column.ends.extend([least, to]);
                let line = ceiling(at_least, wide(least));
                column.slopes.extend([line, slope.min(line)]);
                has_touched = true;
                continue;
            }
        }
        value = sum(value, product(slope, to - from));
        let next = side.slopes.get(place + 1);
        if to >= least && next.is_none_or(|next| product(*next, to) <= value) {
            column.ends.push(to);
            column.slopes.push(ceiling(value, wide(to)));
            has_touched = true;
        }
    }
    // Rounding up must not make the line rise less than what follows.
    if let [first, second, ..] = column.slopes[..] {
        column.slopes[0] = first.max(second);
    }
    column
}

/// Upper hull of corners that lie from left to right.
fn hull(corners: Vec<Corner>) -> Vec<Corner> {
    let mut hull: Vec<Corner> = Vec::with_capacity(corners.len());
    for corner in corners {
        while let [.., before, last] = hull[..]
            && is_below(before, last, corner)
        {
            hull.pop();
        }
        hull.push(corner);
    }
    hull
}

/// A hull over both ways, as it looks from standing still.
fn joint(hull: &[Corner]) -> Envelope {
    let mut envelope = Envelope::default();
    let lines = hull.windows(2).filter_map(|pair| {
        let [(from, low), (to, high)] = pair else { return None };
        Some((*from, *to, *low, ceiling(high.saturating_sub(*low), wide(to - from))))
    });
    let mut outward = Vec::new();
    for (from, to, low, slope) in lines {
        if from < 0 {
            outward.push((-from, -slope));
            if to >= 0 {
                // From the corner before standing still along the line, which is rounded up.
                envelope.base = sum(low, product(slope, -from)).max(Value::ZERO);
            }
        }
        if to > 0 {
            let before = envelope.inward.slopes.last();
            envelope.inward.slopes.push(before.map_or(slope, |before| slope.min(*before)));
            envelope.inward.ends.push(to);
        }
    }
    for (end, slope) in outward.into_iter().rev() {
        // Rounded up as a slope to the right, and so down as one to the left: one more is above.
        let slope = slope + 1;
        let before = envelope.outward.slopes.last();
        envelope.outward.slopes.push(before.map_or(slope, |before| slope.min(*before)));
        envelope.outward.ends.push(end);
    }
    envelope
}

/// Whether the middle corner lies on or below the line between the outer ones.
fn is_below(a: Corner, b: Corner, c: Corner) -> bool {
    let rise = |from: Corner, to: Corner| (to.1.saturating_sub(from.1), to.0 - from.0);
    let ((first, over), (second, under)) = (rise(a, b), rise(b, c));
    first.saturating_mul(wide(under)) <= second.saturating_mul(wide(over))
}

fn ceiling(over: Value, under: Value) -> i128 {
    let down = over.checked_div(under).unwrap_or(Value::ZERO);
    let is_exact = down.saturating_mul(under) == over;
    let up = if is_exact || over.is_negative() { down } else { sum(down, Value::ONE) };
    i128::try_from(up).unwrap_or(i128::MAX >> 8)
}

/// One concave stretch of a side: what has to be moved at least to be on it, and the rest of it as a column.
pub(crate) fn stretch(side: &Side, piece: Range<usize>) -> Option<(i128, Column)> {
    let start = piece.start.checked_sub(1).map_or(0, |before| side.ends[before]);
    let from = start.max(side.least);
    if side.ends[piece.end - 1] < from {
        return None;
    }
    let mut column = Column::with_segments(piece.len());
    for place in piece {
        let end = side.ends[place];
        if end > from {
            column.ends.push(end - from);
            column.slopes.push(side.slopes[place]);
        }
    }
    Some((from, column))
}
