//! The last pass over a plan whose bound is not close: whether changing one strategy's move, or two strategies' moves at
//! once, earns more on the curves themselves.
//!
//! The search sees curves as segments. Where income neither rises nor falls in one bend, as over several markets or in a market
//! that is mostly ours, a segment misses peaks that lie inside it, and every rise is a piece of its own, of which branching
//! has to leave out most. Here a strategy's income is asked of its own formula, and the limits are those of the problem.
//!
//! It begins with what was found and with the best plan on a coarse grid, which a table over withdrawals and deposits in
//! whole steps finds exactly, and changes both as long as that helps.

mod table;

use alloy_primitives::{U256, map::HashMap};
use vagus_policy::math::mul_div_down;

use crate::{
    income::Earning,
    math::RAY,
    model::{DIGITS, Freedom, Model},
    program::{Problem, Value, Way, product},
    view::Venue,
};

/// Lengths of steps that a move is changed by, each a quarter of the one before, the first one half of turnover.
const SCALES: u32 = 8;
/// Most times that every strategy is looked at.
const MOST_ROUNDS: usize = 12;
/// Most changes that are tried: a count, never a clock.
const MOST_CHANGES: usize = 1 << 18;
/// Part of the search's tolerance, in binary digits, that a change has to be worth.
const WORTH_BITS: usize = 5;

/// A problem with the curves that it was cut from.
pub(crate) struct Exchange<'a> {
    venues: &'a [Venue],
    problem: &'a Problem,
    /// Most that each strategy takes in: the problem leaves out an end of a curve that it sees falling.
    rooms: Vec<i128>,
    /// What each unit deposited costs.
    entries: Vec<i128>,
    /// What each unit of the larger one of deposits and withdrawals costs.
    hurdle: i128,
    /// Whether income is the venues' own to the last digit, and not that of the search, which costs far less and is off by
    /// some thousandths where a rate changes fast.
    is_exact: bool,
    /// What moves are worth that were asked for.
    known: Vec<HashMap<i128, Value>>,
    /// Changes that may still be tried.
    left: usize,
}

/// What the limits that strategies share are drawn on by.
#[derive(Clone, Debug, Default)]
struct Drawn {
    net: i128,
    turnover: i128,
    legs: usize,
    groups: Vec<i128>,
}

/// Strategies whose move changes, with the new one.
type Change = [Option<(usize, i128)>; 2];

impl<'a> Exchange<'a> {
    /// Of a model that needs no repair, and a problem that it made.
    pub(crate) fn new(model: &Model<'a>, problem: &'a Problem, freedoms: &[Freedom]) -> Self {
        let venues = &model.view.venues[..];
        let room = |(venue, freedom): (&Venue, &Freedom)| {
            let is_free = venue.earning.is_some() && *freedom != Freedom::Barred;
            if is_free { (venue.highest - venue.position) as i128 } else { 0 }
        };
        Self {
            venues,
            problem,
            rooms: venues.iter().zip(freedoms).map(room).collect(),
            entries: venues.iter().map(|venue| model.entry_price(venue)).collect(),
            hurdle: model.hurdle_price(Way::In),
            is_exact: false,
            known: vec![HashMap::default(); venues.len()],
            left: MOST_CHANGES,
        }
    }

    /// The best plan that can be come to from one that was found, and from the grid's.
    pub(crate) fn best(&mut self, found: &[i128], group_prices: &[i128]) -> Vec<i128> {
        let found = self.changed(found.to_vec());
        let Some(other) = self.on_grid(group_prices) else { return found };
        let other = self.changed(other);
        if self.value(&other) > self.value(&found) { other } else { found }
    }

    /// What a plan is worth on the curves themselves.
    pub(crate) fn value(&mut self, moves: &[i128]) -> Value {
        let Drawn { net, turnover, .. } = self.drawn(moves);
        let gains = moves.iter().enumerate().map(|(place, moved)| self.gain(place, *moved));
        let gained = gains.fold(Value::ZERO, Value::saturating_add);
        gained.saturating_sub(self.hurdle(net, turnover))
    }

    /// Makes income exact if that is needed: if what was come to is worth something else by it.
    pub(crate) fn becomes_exact(&mut self, moves: &[i128]) -> bool {
        let quick = self.value(moves);
        self.is_exact = true;
        self.known.iter_mut().for_each(HashMap::clear);
        let off = self.value(moves).saturating_sub(quick).saturating_abs();
        off > self.problem.tolerance.asr(WORTH_BITS)
    }

    /// The hurdle of a plan of which deposits less withdrawals and both together are known.
    fn hurdle(&self, net: i128, turnover: i128) -> Value {
        if self.hurdle == 0 {
            Value::ZERO
        } else {
            product(self.hurdle, (turnover + net.abs()) / 2)
        }
    }

    /// What a strategy's move adds to the yearly income, less what entering and the leg cost.
    fn gain(&mut self, place: usize, moved: i128) -> Value {
        if moved == 0 {
            return Value::ZERO;
        }
        if let Some(known) = self.known[place].get(&moved) {
            return *known;
        }
        let venue = &self.venues[place];
        let is_exact = self.is_exact;
        let income = |earning: &Earning, held: u128| {
            if !is_exact {
                return product(earning.quick_rate(held), held as i128);
            }
            let yearly = earning.income_ray(held).unwrap_or(U256::ZERO);
            Value::try_from(mul_div_down(yearly, U256::ONE << DIGITS, RAY)).unwrap_or(Value::ZERO)
        };
        let earned = venue.earning.as_ref().map_or(Value::ZERO, |earning| {
            let target = venue.position.saturating_add_signed(moved);
            income(earning, target).saturating_sub(income(earning, venue.position))
        });
        let mut gain = earned.saturating_sub(self.problem.leg_cost);
        if moved > 0 && self.entries[place] > 0 {
            gain = gain.saturating_sub(product(self.entries[place], moved));
        }
        self.known[place].insert(moved, gain);
        gain
    }

    /// A plan, changed for as long as that helps.
    fn changed(&mut self, mut moves: Vec<i128>) -> Vec<i128> {
        let least = self.problem.tolerance.asr(WORTH_BITS);
        for _ in 0..MOST_ROUNDS {
            let mut has_changed = false;
            for place in 0..moves.len() {
                let Some((gain, change)) = self.best_change(&moves, place) else { continue };
                if gain > least {
                    for (place, moved) in change.into_iter().flatten() {
                        moves[place] = moved;
                    }
                    has_changed = true;
                }
            }
            if !has_changed {
                break;
            }
        }
        moves
    }

    /// The change of a strategy's move, alone or with another one's, that gains most.
    fn best_change(&mut self, moves: &[i128], place: usize) -> Option<(Value, Change)> {
        let drawn = self.drawn(moves);
        let now: Vec<Value> = (0..moves.len()).map(|at| self.gain(at, moves[at])).collect();
        let hurdle = self.hurdle(drawn.net, drawn.turnover);
        let mut best: Option<(Value, Change)> = None;
        for moved in self.asked(moves, &drawn, place) {
            let Some(left) = self.left.checked_sub(3 * moves.len()) else { break };
            self.left = left;
            let gained = self.gain(place, moved).saturating_sub(now[place]);
            let alone = [Some((place, moved)), None];
            if let Some(cost) = self.fits(&drawn, moves, alone) {
                let gained = gained.saturating_sub(cost.saturating_sub(hurdle));
                if best.is_none_or(|(most, _)| gained > most) {
                    best = Some((gained, alone));
                }
            }
            let further = moved - moves[place];
            for other in (0..moves.len()).filter(|other| *other != place) {
                let before = moves[other];
                // What leaves the sum of all, or turnover, as it was; and in the other one's place.
                for instead in [before - further, before + further, 0] {
                    if instead == before || !self.is_a_move(other, instead) {
                        continue;
                    }
                    let change = [Some((place, moved)), Some((other, instead))];
                    let Some(cost) = self.fits(&drawn, moves, change) else { continue };
                    let gain = self.gain(other, instead).saturating_sub(now[other]);
                    let gained =
                        gained.saturating_add(gain).saturating_sub(cost.saturating_sub(hurdle));
                    if best.is_none_or(|(most, _)| gained > most) {
                        best = Some((gained, change));
                    }
                }
            }
        }
        best
    }

    /// Other moves that a strategy is asked about, rising.
    fn asked(&self, moves: &[i128], drawn: &Drawn, place: usize) -> Vec<i128> {
        let (venue, before) = (&self.venues[place], moves[place]);
        let strategy = &self.problem.strategies[place];
        let steps = (0..SCALES).map(|scale| (self.problem.turnover >> (2 * scale + 1)).max(1));
        let mut asked: Vec<i128> = steps.flat_map(|step| [before - step, before + step]).collect();
        asked.extend([0, self.rooms[place], -strategy.outward.most()]);
        let breaks = venue.earning.as_ref().map_or(&[][..], Earning::breaks);
        asked.extend(breaks.iter().flat_map(|(first, last)| {
            [*first as i128, *last as i128].map(|held| held - venue.position as i128)
        }));
        // As far as the limits go.
        let turnover = self.problem.turnover - drawn.turnover + before.abs();
        let groups =
            strategy.groups.iter().map(|group| self.problem.groups[*group] - drawn.groups[*group]);
        let room = groups.fold(self.problem.idle - drawn.net, i128::min) + before;
        asked.extend([turnover.min(room), -turnover, turnover]);
        asked.retain(|moved| *moved != before && self.is_a_move(place, *moved));
        asked.sort_unstable();
        asked.dedup();
        asked
    }

    /// Whether a strategy may move an amount.
    fn is_a_move(&self, place: usize, moved: i128) -> bool {
        let strategy = &self.problem.strategies[place];
        let most = if moved > 0 { self.rooms[place] } else { strategy.outward.most() };
        let way = if moved > 0 { Way::In } else { Way::Out };
        moved == 0 || (strategy.side(way).least..=most).contains(&moved.saturating_abs())
    }

    fn drawn(&self, moves: &[i128]) -> Drawn {
        let groups = vec![0; self.problem.groups.len()];
        let mut drawn = Drawn { groups, ..Drawn::default() };
        for (moved, strategy) in moves.iter().zip(&self.problem.strategies) {
            drawn.net += moved;
            drawn.turnover += moved.abs();
            drawn.legs += usize::from(*moved != 0);
            for group in &strategy.groups {
                drawn.groups[*group] += moved;
            }
        }
        drawn
    }

    /// The hurdle of a plan that is changed, if it keeps the limits that strategies share.
    fn fits(&self, drawn: &Drawn, moves: &[i128], change: Change) -> Option<Value> {
        let problem = self.problem;
        let (mut net, mut turnover, mut legs) = (drawn.net, drawn.turnover, drawn.legs);
        let changes = || change.into_iter().flatten();
        for (place, moved) in changes() {
            net += moved - moves[place];
            turnover += moved.abs() - moves[place].abs();
            legs = legs + usize::from(moved != 0) - usize::from(moves[place] != 0);
        }
        let is_within = |group: usize| {
            let of =
                changes().filter(|(place, _)| problem.strategies[*place].groups.contains(&group));
            let drawn =
                drawn.groups[group] + of.map(|(place, moved)| moved - moves[place]).sum::<i128>();
            drawn <= problem.groups[group]
        };
        let is_kept = (legs == 0 || net <= problem.idle)
            && turnover <= problem.turnover
            && legs <= problem.most_legs
            && changes().all(|(place, _)| {
                problem.strategies[place].groups.iter().all(|group| is_within(*group))
            });
        is_kept.then(|| self.hurdle(net, turnover))
    }
}
