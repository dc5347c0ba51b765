//! The best plan on a coarse grid, by a table of what is withdrawn and deposited so far (R. Bellman, "Dynamic Programming",
//! 1957).

use super::Exchange;
use crate::{model::DIGITS, program::product};

/// Steps that turnover is divided into.
const STEPS: usize = 16;
/// Less than any plan is worth.
const NEVER: i128 = i128::MIN / 4;
/// States: withdrawals and deposits in steps, each from zero on.
const STATES: usize = (STEPS + 1) * (STEPS + 1);

fn state(out: usize, inward: usize) -> usize {
    out * (STEPS + 1) + inward
}

impl Exchange<'_> {
    /// The best plan in whole steps of turnover, where the room of groups costs what it is worth at the prices; none if
    /// turnover has no steps.
    pub(super) fn on_grid(&mut self, group_prices: &[i128]) -> Option<Vec<i128>> {
        let (problem, step) = (self.problem, self.problem.turnover / STEPS as i128);
        if step == 0 {
            return None;
        }
        let mut best = [NEVER; STATES];
        best[state(0, 0)] = 0;
        let mut chosen: Vec<[i8; STATES]> = Vec::with_capacity(problem.strategies.len());
        for (place, strategy) in problem.strategies.iter().enumerate() {
            let price: i128 = strategy.groups.iter().map(|group| group_prices[*group]).sum();
            let steps = STEPS as i8;
            let options: Vec<(i8, i128)> = (-steps..=steps)
                .filter(|count| *count != 0)
                .filter_map(|count| {
                    let moved = i128::from(count) * step;
                    if !self.is_a_move(place, moved) {
                        return None;
                    }
                    let gain = self.gain(place, moved).saturating_sub(product(price, moved));
                    // In whole units of the asset.
                    let gain = i128::try_from(gain.asr(DIGITS)).ok()?;
                    Some((count, gain.clamp(NEVER / 64, -(NEVER / 64))))
                })
                .collect();
            let (mut next, mut how) = (best, [0_i8; STATES]);
            for out in 0..=STEPS {
                for inward in 0..=STEPS - out {
                    let value = best[state(out, inward)];
                    if value == NEVER {
                        continue;
                    }
                    let left = STEPS - out - inward;
                    for (count, gain) in &options {
                        let steps = usize::from(count.unsigned_abs());
                        if steps > left {
                            continue;
                        }
                        let to = if *count < 0 {
                            state(out + steps, inward)
                        } else {
                            state(out, inward + steps)
                        };
                        if value + gain > next[to] {
                            (next[to], how[to]) = (value + gain, *count);
                        }
                    }
                }
            }
            best = next;
            chosen.push(how);
        }
        let ends = (0..=STEPS).flat_map(|out| (0..=STEPS - out).map(move |inward| (out, inward)));
        let fits = |(out, inward): &(usize, usize)| {
            // Standing still is a plan whatever idle is.
            out + inward == 0 || (*inward as i128 - *out as i128) * step <= problem.idle
        };
        let worth = |(out, inward): &(usize, usize)| {
            let larger = (*out).max(*inward) as i128;
            let hurdle = product(self.hurdle, larger * step).asr(DIGITS);
            best[state(*out, *inward)].saturating_sub(i128::try_from(hurdle).unwrap_or(-NEVER))
        };
        let (mut out, mut inward) = ends
            .filter(fits)
            .max_by_key(|end @ (out, inward)| (worth(end), std::cmp::Reverse(out + inward)))?;
        let mut moves = vec![0; problem.strategies.len()];
        for (moved, how) in moves.iter_mut().zip(&chosen).rev() {
            let count = how[state(out, inward)];
            *moved = i128::from(count) * step;
            let steps = usize::from(count.unsigned_abs());
            if count < 0 { out -= steps } else { inward -= steps }
        }
        let drawn = self.drawn(&moves);
        let is_kept = drawn.groups.iter().zip(&problem.groups).all(|(drawn, room)| drawn <= room);
        (is_kept && self.fits(&drawn, &moves, [None; 2]).is_some()).then_some(moves)
    }
}
