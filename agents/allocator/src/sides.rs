//! A strategy's income curve cut into segments, finely where a plan was found to end.

use crate::{
    income::Earning,
    program::{Side, Way},
};

/// Segments that a way is cut into at first.
pub(crate) const CELLS: u128 = 16;
/// Each closer look cuts segments by this.
pub(crate) const FINER: u128 = 8;
/// Rises of a slope below this are rounding, in last digits of 56.
const NOISE: i128 = 1 << 20;

/// Where a curve is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Evenly.
    Whole,
    /// In steps around a target, wider ones further away.
    Around {
        /// What would be held.
        target: u128,
        /// Least distance between two cuts.
        step: u128,
    },
}

/// A way from a position, as far as it goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach<'a> {
    pub(crate) earning: Option<&'a Earning>,
    pub(crate) position: u128,
    pub(crate) way: Way,
    /// Most that may be moved.
    pub(crate) most: u128,
}

impl Reach<'_> {
    /// What is held after moving an amount.
    fn target(&self, amount: u128) -> u128 {
        match self.way {
            Way::In => self.position + amount,
            Way::Out => self.position.saturating_sub(amount),
        }
    }

    /// Amounts at which the curve is cut, rising, the last one the most; `breaks` and those of the curve are among them.
    fn cuts(&self, grid: Grid, breaks: &[u128]) -> Vec<u128> {
        let mut ends = breaks.to_vec();
        let of_curve = self.earning.map_or(&[][..], Earning::breaks).iter();
        ends.extend(of_curve.map(|(_, place)| match self.way {
            Way::In => place.saturating_sub(self.position),
            Way::Out => self.position.saturating_sub(*place),
        }));
        ends.push(self.most);
        ends.retain(|end| (1..=self.most).contains(end));
        ends.sort_unstable();
        ends.dedup();
        let mut cuts: Vec<u128> = match grid {
            Grid::Whole => {
                let starts = std::iter::once(0).chain(ends.iter().copied());
                let pieces = starts.zip(ends.clone());
                let cells = match ends.len() {
                    0 | 1 => CELLS,
                    2 => CELLS / 2,
                    _ => CELLS / 4,
                };
                // Income bends most where a piece begins. Amounts are below 2^113.
                let cut = |from: u128, to: u128, cell: u128| {
                    from + (to - from) / (cells * cells) * (cell * cell)
                };
                let cuts =
                    pieces.flat_map(|(from, to)| (1..cells).map(move |cell| cut(from, to, cell)));
                cuts.collect()
            }
            Grid::Around { target, step } => {
                let centre = match self.way {
                    Way::In => target as i128 - self.position as i128,
                    Way::Out => self.position as i128 - target as i128,
                };
                let mut cuts = Vec::new();
                let mut distance = 0;
                while distance <= self.most as i128 {
                    for place in [centre - distance, centre + distance] {
                        cuts.extend(u128::try_from(place));
                    }
                    let step = step.max(1) as i128;
                    let is_near = distance < step * FINER as i128;
                    distance = if is_near { distance + step } else { distance * FINER as i128 };
                }
                cuts
            }
        };
        cuts.extend(ends);
        cuts.retain(|cut| (1..=self.most).contains(cut));
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// What a unit moved adds to our yearly income between two amounts: the mean of two places (Gauss), 56 binary digits.
    fn slope(&self, from: u128, to: u128) -> i128 {
        let Some(earning) = self.earning else { return 0 };
        let span = to - from;
        // 1/2 ± 1/√12.
        let places = [span / 1_000 * 211 + span % 1_000 * 211 / 1_000, span - span * 211 / 1_000];
        let marginal = |place: u128| earning.quick_marginal(self.target(from + place));
        let mean = (marginal(places[0]) + marginal(places[1])) / 2;
        match self.way {
            Way::In => mean,
            Way::Out => -mean,
        }
    }

    /// The way as a side of a problem. `adds` says what else a unit of the segment that ends at an amount adds, given what it
    /// adds to income.
    pub(crate) fn side(
        &self,
        grid: Grid,
        breaks: &[u128],
        least: u128,
        adds: impl Fn(u128, i128) -> i128,
    ) -> Side {
        let mut side = Side { least: least as i128, ..Side::default() };
        if self.most < least {
            return side;
        }
        let (mut from, mut before) = (0, None::<i128>);
        for to in self.cuts(grid, breaks) {
            let slope = adds(to, self.slope(from, to));
            let slope = match before {
                Some(before) if slope > before && slope - before < NOISE => before,
                _ => slope,
            };
            side.ends.push(to as i128);
            side.slopes.push(slope);
            (from, before) = (to, Some(slope));
        }
        side
    }
}
