//! Groups: which strategies the guard looks at when a rebalance deposits into one of them.

use crate::{
    document::{Policy, StrategyStatus},
    rebalance::Move,
};

/// The groups, by place, that a strategy of this mask is in.
pub fn groups_of(mask: u16) -> impl Iterator<Item = usize> {
    (0..16).filter(move |place| mask >> place & 1 == 1)
}

/// The members of the groups in `mask` that count: not written off, in policy order, each once.
pub fn members(policy: &Policy, mask: u16) -> impl Iterator<Item = u8> {
    (0_u8..).zip(&policy.strategies).filter_map(move |(index, entry)| {
        let counts = entry.groups & mask != 0 && entry.status != StrategyStatus::WrittenOff;
        counts.then_some(index)
    })
}

/// The members that no move touches of the groups that some move deposits into, in policy order: what the guard reads
/// beyond the legs.
pub fn untouched_members(policy: &Policy, moves: &[Move]) -> Vec<u8> {
    let deposits = moves.iter().filter(|leg| leg.is_deposit);
    let entries = deposits.filter_map(|leg| policy.strategies.get(usize::from(leg.index)));
    let reached = entries.fold(0, |mask, entry| mask | entry.groups);
    let is_untouched = |index: &u8| moves.iter().all(|leg| leg.index != *index);
    members(policy, reached).filter(is_untouched).collect()
}
