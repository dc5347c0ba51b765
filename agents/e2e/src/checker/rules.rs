//! The limits as a reader of the policy understands them, asked of every block.

use std::{collections::BTreeMap, fmt};

use alloy::primitives::{Address, U256};

use super::{BlockFacts, Limits, Operation, Subject};

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Law {
    /// Capital was moved without a mandate in force, or past the guard.
    Mandate,
    /// A strategy that the policy does not list.
    Listed,
    /// Two operations of one agent too close to each other.
    Cooldown,
    /// More moved in a window than allowed.
    Turnover,
    /// A strategy deposited into holds more than its part.
    Weight,
    /// A strategy deposited into holds more than its cap.
    Cap,
    /// A strategy withdrawn from holds less than its part.
    Floor,
    /// Too little idle after depositing.
    Idle,
    /// An operation lost more than the budget.
    Loss,
    /// A touched strategy's share price is outside its band.
    Price,
    /// Assets or shares went to somebody who was not leaving.
    Stray,
    /// The conduit holds money between transactions.
    Conduit,
    /// The vault lets a strategy take its idle.
    Allowance,
    /// Deposits passed the cap.
    DepositCap,
}

/// One broken limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Where.
    pub block: u64,
    /// What.
    pub law: Law,
    /// In words, with figures.
    pub sentence: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}: {:?}: {}", self.block, self.law, self.sentence)
    }
}

/// What was in force from a block on.
#[derive(Clone, Debug)]
pub struct Era {
    /// First block after the change.
    pub from_block: u64,
    /// The policy.
    pub limits: Limits,
    /// Agents whose mandate ended before its expiry.
    pub revoked: Vec<Address>,
}

/// Values can have grown unrecognised by this much, bps, when a floor is measured.
const FLOOR_GRACE_BPS: u64 = 10;
/// Venues round a unit here and there.
const DUST: u64 = 4;
const BPS: u64 = 10_000;
const WAD: u64 = 1_000_000_000_000_000_000;
const DAY: u64 = 86_400;

/// All breaches of a stretch of blocks. The first block is only the state before.
#[must_use]
pub fn judge(subject: &Subject, facts: &[BlockFacts], eras: &[Era]) -> Vec<Breach> {
    let mut judge = Judge::default();
    for pair in facts.windows(2) {
        let [before, after] = pair else { continue };
        judge.custody(subject, after);
        let era = eras.iter().rev().find(|era| era.from_block <= after.number);
        let Some(era) = era else {
            for operation in &after.operations {
                judge.report(after, Law::Mandate, format!("{} before any policy", operation.hash));
            }
            continue;
        };
        judge.entries(after, era);
        for operation in &after.operations {
            judge.authority(subject, after, era, operation);
            judge.outcome(before, after, era, operation);
        }
    }
    judge.breaches
}

/// A leaky bucket in parts of its capacity, 10^18 = full.
#[derive(Clone, Copy, Debug, Default)]
struct Level {
    wad: U256,
    at: u64,
}

impl Level {
    fn add(&mut self, amount: U256, capacity: U256, window: u64, now: u64) -> bool {
        let leaked = U256::from(now - self.at) * U256::from(WAD) / U256::from(window.max(1));
        self.wad = self.wad.saturating_sub(leaked);
        self.at = now;
        if amount.is_zero() {
            return true;
        }
        if capacity.is_zero() {
            return false;
        }
        self.wad += amount * U256::from(WAD) / capacity;
        self.wad <= U256::from(WAD)
    }
}

#[derive(Debug, Default)]
struct Judge {
    breaches: Vec<Breach>,
    last_by_agent: BTreeMap<Address, u64>,
    turnover: Level,
    loss: Level,
}

impl Judge {
    fn report(&mut self, at: &BlockFacts, law: Law, sentence: String) {
        self.breaches.push(Breach { block: at.number, law, sentence });
    }

    fn custody(&mut self, subject: &Subject, after: &BlockFacts) {
        if !after.in_conduit.is_zero() {
            self.report(after, Law::Conduit, format!("{} lie in the conduit", after.in_conduit));
        }
        for (strategy, allowance) in &after.allowances {
            if !allowance.is_zero() {
                self.report(after, Law::Allowance, format!("{strategy} may take {allowance}"));
            }
        }
        for (token, to, amount) in &after.strays {
            // Assets go to strategies only through the conduit, shares go nowhere.
            if !(subject.strategies.contains(to) && subject.strategies.contains(token)) {
                self.report(after, Law::Stray, format!("{amount} of {token} went to {to}"));
            }
        }
    }

    fn entries(&mut self, after: &BlockFacts, era: &Era) {
        let cap = era.limits.deposit_cap;
        if after.has_entries && after.total() > cap + U256::from(DUST) {
            let total = after.total();
            self.report(after, Law::DepositCap, format!("{total} held, {cap} allowed to enter"));
        }
    }

    fn authority(
        &mut self,
        subject: &Subject,
        after: &BlockFacts,
        era: &Era,
        operation: &Operation,
    ) {
        let sender = operation.sender;
        let expires_at = era.limits.agents.get(&sender).copied();
        let revoked = era.revoked.contains(&sender);
        if operation.to != subject.guard
            || revoked
            || expires_at.is_none_or(|last| after.timestamp > last)
        {
            self.report(after, Law::Mandate, format!("{sender} has none (to {})", operation.to));
        }
        if let Some(last) = self.last_by_agent.insert(sender, after.timestamp)
            && after.timestamp < last + era.limits.cooldown_seconds
        {
            let passed = after.timestamp - last;
            self.report(after, Law::Cooldown, format!("{passed} s after {sender}'s last"));
        }
    }

    fn outcome(
        &mut self,
        before: &BlockFacts,
        after: &BlockFacts,
        era: &Era,
        operation: &Operation,
    ) {
        let limits = &era.limits;
        let total = after.total();
        let part = |bps: u64| total * U256::from(bps) / U256::from(BPS);
        let floor = |bps: u64| part(bps) * U256::from(BPS - FLOOR_GRACE_BPS) / U256::from(BPS);
        let dust = U256::from(DUST);
        let mut moved = U256::ZERO;
        for leg in &operation.legs {
            moved += leg.assets;
            let Some(strategy) = limits.strategies.get(&leg.strategy) else {
                self.report(after, Law::Listed, format!("{} is not listed", leg.strategy));
                continue;
            };
            let value = after.value(leg.strategy);
            if leg.is_deposit {
                let weight = part(if strategy.is_active { strategy.max_weight_bps } else { 0 });
                if value > weight + dust {
                    let text = format!("{} holds {value}, its part is {weight}", leg.strategy);
                    self.report(after, Law::Weight, text);
                }
                if value > strategy.cap + dust {
                    let text =
                        format!("{} holds {value}, its cap is {}", leg.strategy, strategy.cap);
                    self.report(after, Law::Cap, text);
                }
            } else if value + dust < floor(strategy.min_weight_bps) {
                self.report(after, Law::Floor, format!("{} is left with {value}", leg.strategy));
            }
            self.price(after, era, leg.strategy);
        }
        if operation.legs.iter().any(|leg| leg.is_deposit)
            && after.idle + dust < floor(limits.min_idle_bps)
        {
            let least = floor(limits.min_idle_bps);
            self.report(after, Law::Idle, format!("{} idle, {least} due", after.idle));
        }
        let (now, window) = (after.timestamp, limits.window_seconds);
        if !self.turnover.add(moved, part(limits.max_turnover_bps), window, now) {
            self.report(after, Law::Turnover, format!("{moved} moved, bucket overflows"));
        }
        // With people coming and going in the same block the difference of totals says nothing.
        if !after.has_flows {
            let lost = before.total().saturating_sub(total);
            if !self.loss.add(lost, part(limits.max_loss_bps), window, now) {
                self.report(after, Law::Loss, format!("{lost} lost, bucket overflows"));
            }
        }
    }

    fn price(&mut self, after: &BlockFacts, era: &Era, strategy: Address) {
        let Some(limits) = era.limits.strategies.get(&strategy) else { return };
        let Some((shares, value)) = after.positions.get(&strategy) else { return };
        if shares.is_zero() {
            return;
        }
        // The reference may have followed the price since the policy began.
        let days = U256::from(after.timestamp.saturating_sub(era.limits.began_at) / DAY + 1);
        let drift = U256::from(era.limits.max_growth_wad) * days;
        let band = U256::from(limits.price_band_bps) * U256::from(WAD / BPS) + drift;
        let wad = U256::from(WAD);
        // price = value ÷ shares against reference = assets ÷ shares, cross-multiplied; prices fit 128 bits each.
        let seen = value * limits.reference_shares;
        let due = shares * limits.reference_assets;
        let grace = limits.reference_shares + limits.reference_shares;
        let low = due / wad * wad.saturating_sub(band);
        let high = due / wad * (wad + band) + due % wad;
        if seen + grace < low || seen > high + grace {
            self.report(after, Law::Price, format!("{strategy} is at {value} for {shares} shares"));
        }
    }
}
