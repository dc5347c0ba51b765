//! What the cases have touched: each rule at its limit and one past it, and what was special about them.
//!
//! Where a rule is about an amount or a time, *at its limit* is an accepted case in which observed and limit are equal,
//! and *one past* a refusal in which they differ by one unit or second. The others:
//!
//! - R1: accepted in ExitOnly, the last mode in which a plan without deposits passes; refused one mode further, with a
//!   deposit in ExitOnly or without one in Paused.
//! - R3: a touched strategy is in scope and the next in the list is not; refused for a strategy whose predecessor is in
//!   scope.
//! - R4: accepted in the last second before the deadline has passed; refused one second later, or for a version, nonce
//!   or count that is one off.
//! - R6: 16 moves; 17 moves.
//! - R7, R8, R9, R12: the smaller limit, if there are two. A limit of zero counts.
//! - R10, R11: a floor of zero is no limit and does not count.
//! - R13 and prices under R9: either end of the band, with its unit of grace.

use std::{collections::BTreeMap, fmt};

use alloy_primitives::U256;
use vagus_policy::{
    Bound, Checked, MAX_MOVES, Mode, Observation, Rebalance, Refusal, Rule, Subject,
};

use crate::{compare::Verdict, follows::Follows, violations::GroupFault};

/// The rules.
pub const RULES: [Rule; 14] = [
    Rule::Mode,
    Rule::Mandate,
    Rule::Scope,
    Rule::Freshness,
    Rule::Cooldown,
    Rule::Shape,
    Rule::Turnover,
    Rule::Weight,
    Rule::Group,
    Rule::Floor,
    Rule::Idle,
    Rule::Loss,
    Rule::Price,
    Rule::Objective,
];

/// What cases are told apart by.
const TRAITS: [&str; 25] = [
    "0 decimals",
    "6 decimals",
    "8 decimals",
    "18 decimals",
    "27 decimals",
    "first agent",
    "second agent",
    "sent by the agent",
    "relayed",
    "forged signature first",
    "vault with fees",
    "checkpoint to be refreshed",
    "checkpoint as it stands",
    "17 strategies or more",
    "groups",
    "groups that overlap",
    "target weights",
    "falling share price",
    "rising share price",
    "strategy with fees",
    "strategy that keeps back",
    "strategy that claims",
    "leg that changes no shares",
    "member at the end of its band",
    "member that cannot be read",
];
/// Of these no case can be accepted.
const NEVER_ACCEPTED: [&str; 1] = ["member that cannot be read"];

/// What happened to one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Accepted cases in which the rule stood exactly at its limit.
    pub at_limit: u64,
    /// Refusals by the rule one past its limit.
    pub one_past: u64,
    /// All refusals by the rule.
    pub refused: u64,
}

impl RuleTally {
    fn add(&mut self, other: &Self) {
        self.at_limit += other.at_limit;
        self.one_past += other.one_past;
        self.refused += other.refused;
    }
}

/// What happened in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cases on which both sides agreed.
    pub cases: u64,
    /// Of these, accepted.
    pub accepted: u64,
    /// Of these, not carried out by the vault for a reason that is no rule.
    pub failed: u64,
    /// Of these, refused by the lowest of several rules that they break.
    pub several: u64,
    rules: [RuleTally; 15],
    /// R9's prices of members; its row in the table is about sums.
    member_price: RuleTally,
    unreadable: u64,
    follows: Follows,
    /// Cases, and accepted ones.
    traits: BTreeMap<&'static str, (u64, u64)>,
}

impl Tally {
    /// What happened to a rule.
    #[must_use]
    pub fn rule(&self, rule: Rule) -> RuleTally {
        self.rules[rule as usize]
    }

    /// What the run owes: cells of the table that fewer cases touched than there should have been. Of 100,000 cases there
    /// must be 1,000 at each rule's limit and 1,000 one past it; shorter runs, in which chance weighs more, owe three
    /// fifths of that in proportion.
    #[must_use]
    pub fn shortfalls(&self) -> Vec<String> {
        let per_rule = if self.cases < 100_000 { self.cases * 6 / 1_000 } else { self.cases / 100 };
        let mut missing = Vec::new();
        let mut owe = |what: String, found: u64, least: u64| {
            if found < least.max(1) {
                missing.push(format!("{what}: {found} of {}", least.max(1)));
            }
        };
        for rule in RULES {
            let tally = self.rule(rule);
            owe(format!("{rule} accepted at its limit"), tally.at_limit, per_rule);
            owe(format!("{rule} refused one past it"), tally.one_past, per_rule);
        }
        let members = self.member_price;
        owe(
            "member's price accepted at its limit".to_owned(),
            members.at_limit,
            self.cases / 2_000,
        );
        owe("member's price refused one past it".to_owned(), members.one_past, self.cases / 2_000);
        owe("member that cannot be read".to_owned(), self.unreadable, self.cases / 2_000);
        for name in TRAITS {
            let (cases, accepted) = self.traits.get(name).copied().unwrap_or_default();
            owe(format!("{name}, refused"), cases - accepted, self.cases / 2_000);
            if !NEVER_ACCEPTED.contains(&name) {
                owe(format!("{name}, accepted"), accepted, self.cases / 2_000);
            }
        }
        owe("references that follow".to_owned(), self.follows.followed, self.cases / 10);
        owe("references that reach the price".to_owned(), self.follows.arrived, self.cases / 20);
        let short = self.follows.followed - self.follows.arrived;
        owe("references that do not reach it".to_owned(), short, self.cases / 100);
        owe(
            "references that followed within the day".to_owned(),
            self.follows.early,
            self.cases / 20,
        );
        owe("accepted".to_owned(), self.accepted, self.cases * 30 / 100);
        owe("refused".to_owned(), self.cases - self.accepted, self.cases * 25 / 100);
        owe("several rules at once".to_owned(), self.several, self.cases * 5 / 100);
        owe("carried out or refused".to_owned(), self.cases - self.failed, self.cases * 90 / 100);
        missing
    }

    /// Adds what another part of the run has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.cases += other.cases;
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.several += other.several;
        self.rules.iter_mut().zip(&other.rules).for_each(|(rule, other)| rule.add(other));
        self.member_price.add(&other.member_price);
        self.unreadable += other.unreadable;
        self.follow(other.follows);
        for (name, (cases, accepted)) in &other.traits {
            let entry = self.traits.entry(name).or_default();
            *entry = (entry.0 + cases, entry.1 + accepted);
        }
    }

    /// Adds how references followed.
    pub(crate) fn follow(&mut self, other: Follows) {
        self.follows.followed += other.followed;
        self.follows.arrived += other.arrived;
        self.follows.early += other.early;
    }

    pub(crate) fn count(
        &mut self,
        verdict: &Verdict,
        mode: Mode,
        plan: &Rebalance,
        traits: &[&'static str],
    ) {
        self.cases += 1;
        let is_accepted = matches!(verdict, Verdict::Accepted(_));
        for name in traits {
            let entry = self.traits.entry(name).or_default();
            *entry = (entry.0 + 1, entry.1 + u64::from(is_accepted));
        }
        match verdict {
            Verdict::Failed => self.failed += 1,
            Verdict::Refused { refusal, broken, group_fault } => {
                self.several += u64::from(broken.len() > 1);
                let one_past = is_one_past(refusal, mode, plan);
                let fault = group_fault.filter(|_| refusal.rule == Rule::Group);
                let tally = match fault {
                    Some(GroupFault::Unreadable) => {
                        self.unreadable += 1;
                        return;
                    }
                    Some(GroupFault::Price) => &mut self.member_price,
                    _ => &mut self.rules[refusal.rule as usize],
                };
                tally.refused += 1;
                tally.one_past += u64::from(one_past);
            }
            Verdict::Accepted(checked) => {
                self.accepted += 1;
                for rule in RULES {
                    let is_at_limit = is_at_limit(rule, mode, checked);
                    self.rules[rule as usize].at_limit += u64::from(is_at_limit);
                }
                let is_price = |seen: &&Observation| {
                    seen.rule == Rule::Group && matches!(seen.subject, Subject::Strategy(_))
                };
                let prices = checked.observations.iter().filter(is_price);
                self.member_price.at_limit += u64::from(prices.clone().any(is_at_end_of_band));
            }
        }
    }
}

fn is_at_limit(rule: Rule, mode: Mode, checked: &Checked) -> bool {
    let mut seen = checked.observations.iter().filter(|seen| seen.rule == rule);
    match rule {
        Rule::Mode => mode == Mode::ExitOnly,
        Rule::Scope => seen.any(is_at_edge_of_scope),
        Rule::Freshness => {
            seen.any(|seen| seen.subject == Subject::Deadline && seen.observed == seen.limit)
        }
        Rule::Price => seen.any(is_at_end_of_band),
        Rule::Group => seen
            .any(|seen| matches!(seen.subject, Subject::Group(_)) && seen.observed == seen.limit),
        _ => seen.any(|seen| {
            let is_limit = seen.bound == Bound::AtMost || !seen.limit.is_zero();
            is_limit && seen.observed == seen.limit
        }),
    }
}

/// The lower end has one unit of grace, and this is it.
fn is_at_end_of_band(seen: &Observation) -> bool {
    match seen.bound {
        Bound::AtLeast => seen.observed + U256::ONE == seen.limit,
        _ => seen.observed == seen.limit,
    }
}

/// A touched strategy whose neighbour in the list is out of scope.
fn is_at_edge_of_scope(seen: &Observation) -> bool {
    seen.observed & !seen.limit.wrapping_shr(1) != U256::ZERO
}

fn is_one_past(refusal: &Refusal, mode: Mode, plan: &Rebalance) -> bool {
    let distance = refusal.observed.abs_diff(refusal.limit);
    match refusal.rule {
        Rule::Mode => {
            let has_deposit = plan.moves.iter().any(|leg| leg.is_deposit);
            mode == if has_deposit { Mode::ExitOnly } else { Mode::Paused }
        }
        // Observed is a place in the list, the limit a mask; the place before is in scope.
        Rule::Scope => {
            let place = refusal.observed.saturating_to::<usize>();
            place > 0 && place < 33 && refusal.limit.bit(place - 1)
        }
        Rule::Shape => plan.moves.len() == MAX_MOVES + 1,
        // Below the band by one more than the unit of grace, or above its end.
        Rule::Group | Rule::Price if refusal.observed < refusal.limit => distance == U256::from(2),
        // A limit of zero that refuses zero is passed as narrowly as can be.
        Rule::Weight if refusal.limit.is_zero() => refusal.observed <= U256::ONE,
        _ => distance == U256::ONE,
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["rule", "accepted at limit", "refused one past", "refused"];
        writeln!(f, "{:<30}{:>20}{:>18}{:>10}", head[0], head[1], head[2], head[3])?;
        let mut row = |name: &str, tally: RuleTally| {
            let RuleTally { at_limit, one_past, refused } = tally;
            writeln!(f, "{name:<30}{at_limit:>20}{one_past:>18}{refused:>10}")
        };
        for rule in RULES {
            row(&rule.to_string(), self.rule(rule))?;
            if rule == Rule::Group {
                row("   price of a member", self.member_price)?;
            }
        }
        writeln!(f, "{:<30}{:>48}", "   member that cannot be read", self.unreadable)?;
        let Follows { followed, arrived, early } = self.follows;
        writeln!(
            f,
            "\n{followed} references followed, {arrived} to the price; {early} had within the day"
        )?;
        writeln!(f, "\n{:<30}{:>20}{:>18}", "cases", "accepted", "not accepted")?;
        for name in TRAITS {
            let (cases, accepted) = self.traits.get(name).copied().unwrap_or_default();
            writeln!(f, "{name:<30}{accepted:>20}{:>18}", cases - accepted)?;
        }
        let percent = |part: u64| {
            let share = (part * 1_000).checked_div(self.cases).unwrap_or_default();
            format!("{part} ({}.{} %)", share / 10, share % 10)
        };
        write!(
            f,
            "\n{} cases, {} accepted, {} refused by the lowest of several rules, {} not carried out",
            self.cases,
            percent(self.accepted),
            percent(self.several),
            percent(self.failed)
        )
    }
}
