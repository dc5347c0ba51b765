//! What the cases have touched: each rule at its limit and one past it.

use std::fmt;

use alloy_primitives::U256;
use vagus_policy::{Bound, Checked, Observation, Refusal, Rule};

use crate::compare::Verdict;

/// Rules that the guard enforces.
pub const ENFORCED: [Rule; 12] = [
    Rule::Mode,
    Rule::Mandate,
    Rule::Scope,
    Rule::Freshness,
    Rule::Cooldown,
    Rule::Shape,
    Rule::Turnover,
    Rule::Weight,
    Rule::Floor,
    Rule::Idle,
    Rule::Loss,
    Rule::Price,
];

/// What happened to one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Accepted cases in which the rule stood exactly at its limit.
    pub at_limit: u64,
    /// Refusals by the rule one past its limit: a unit, a second, a place.
    pub one_past: u64,
    /// All refusals by the rule.
    pub refused: u64,
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
    rules: [RuleTally; 15],
}

impl Tally {
    /// What happened to a rule.
    #[must_use]
    pub fn rule(&self, rule: Rule) -> RuleTally {
        self.rules[rule as usize]
    }

    /// Cells of the table that no case has touched.
    #[must_use]
    pub fn empty_cells(&self) -> Vec<String> {
        let mut empty = Vec::new();
        for rule in ENFORCED {
            let tally = self.rule(rule);
            if tally.at_limit == 0 {
                empty.push(format!("{rule} accepted at its limit"));
            }
            if tally.one_past == 0 {
                empty.push(format!("{rule} refused one past it"));
            }
        }
        empty
    }

    pub(crate) fn count(&mut self, verdict: &Verdict) {
        self.cases += 1;
        match verdict {
            Verdict::Failed => self.failed += 1,
            Verdict::Refused(refusal) => {
                let rule = &mut self.rules[refusal.rule as usize];
                rule.refused += 1;
                rule.one_past += u64::from(is_one_past(refusal));
            }
            Verdict::Accepted(checked) => {
                self.accepted += 1;
                for rule in ENFORCED {
                    self.rules[rule as usize].at_limit += u64::from(is_at_limit(rule, checked));
                }
            }
        }
    }
}

fn is_at_limit(rule: Rule, checked: &Checked) -> bool {
    checked.observations.iter().filter(|seen| seen.rule == rule).any(|seen| match seen.bound {
        // The lower end of a band has one unit of grace, and this is it.
        Bound::AtLeast if rule == Rule::Price => seen.observed + U256::ONE == seen.limit,
        // A floor of zero is no limit.
        Bound::AtLeast => seen.observed == seen.limit && !seen.limit.is_zero(),
        Bound::AtMost => seen.observed == seen.limit,
        Bound::Equal => true,
        Bound::Within => is_at_edge(seen),
    })
}

/// A touched strategy whose neighbour in the list is out of scope.
fn is_at_edge(seen: &Observation) -> bool {
    seen.observed & !seen.limit.wrapping_shr(1) != U256::ZERO
}

fn is_one_past(refusal: &Refusal) -> bool {
    let distance = refusal.observed.abs_diff(refusal.limit);
    match refusal.rule {
        // Observed is a place in the list, the limit a mask; the place before is in scope.
        Rule::Scope => {
            let place = refusal.observed.saturating_to::<usize>();
            place > 0 && place < 33 && refusal.limit.bit(place - 1)
        }
        // Below the band by one more than the unit of grace, or above its end.
        Rule::Price if refusal.observed < refusal.limit => distance == U256::from(2),
        _ => distance == U256::ONE,
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16}{:>20}{:>18}{:>10}",
            "rule", "accepted at limit", "refused one past", "refused"
        )?;
        for rule in ENFORCED {
            let RuleTally { at_limit, one_past, refused } = self.rule(rule);
            writeln!(f, "{:<16}{at_limit:>20}{one_past:>18}{refused:>10}", rule.to_string())?;
        }
        let share = (self.accepted * 1_000).checked_div(self.cases).unwrap_or_default();
        write!(
            f,
            "{} cases, {} accepted ({}.{} %), {} not carried out",
            self.cases,
            self.accepted,
            share / 10,
            share % 10,
            self.failed
        )
    }
}
