//! What a document changes, and what of that takes effect at once: the rule of `contracts/guard/PolicyComparison.sol`.
//!
//! A document takes effect as a whole: at once if every change in it is a member of one closed list, in the closing
//! direction; otherwise all of it waits. [`takes_effect_at_once`] is the guard's rule as the guard has it, over the
//! whole document. [`changes`] tells limit by limit; both agree, and the tests compare them.

mod entries;
mod limits;

use serde::Serialize;

use crate::{
    document::{AgentPolicy, Limits, Mode, Policy, StrategyPolicy, StrategyStatus},
    toml::Context,
};

/// What is in force: a document, and what guardian, owner and agents have done to it since.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// The document as it was adopted.
    pub policy: &'a Policy,
    /// Mode in force, at least as closed as the document's.
    pub mode: Mode,
    /// Bit i set: the mandate of the i-th agent was revoked or resigned.
    pub ended_mandates: u16,
}

impl<'a> InForce<'a> {
    /// A document to which nothing has happened.
    #[must_use]
    pub const fn untouched(policy: &'a Policy) -> Self {
        Self { policy, mode: policy.limits.mode, ended_mandates: 0 }
    }

    /// Agents whose mandate holds, in the document's order.
    pub fn agents(&self) -> impl Iterator<Item = &'a AgentPolicy> {
        let ended = self.ended_mandates;
        let agents = self.policy.agents.iter().enumerate();
        agents.filter(move |(place, _)| *place >= 16 || ended >> place & 1 == 0).map(|(_, it)| it)
    }
}

/// When a change takes effect by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is a tightening of the closed list: at once, unless the document holds one that waits.
    AtOnce,
    /// It waits for the policy's delay, whichever direction it has, and all of the document with it.
    Waits,
}

/// One limit that differs. Values are as a file writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Whose limit: `limits`, `objective`, `strategy aave_a`, `group aave`, `agent keeper`.
    pub of: String,
    /// The key, such as `max_weight`; `entry` for one that is new or gone, `order` for another order.
    pub limit: String,
    /// What is in force; none if it is new.
    pub before: Option<String>,
    /// What the document says; none if it is gone.
    pub after: Option<String>,
    /// When this change takes effect by itself.
    pub effect: Effect,
}

/// Whether a document would take effect at once. Under no document nothing is allowed, so each one waits.
#[must_use]
pub fn takes_effect_at_once(in_force: Option<InForce<'_>>, next: &Policy) -> bool {
    let Some(in_force) = in_force else { return false };
    let now = in_force.policy;
    frame(now) == frame(next)
        && are_limits_tighter(in_force.mode, &now.limits, &next.limits)
        // Equal frames mean equal lists, so entries are compared place by place.
        && now.strategies.iter().zip(&next.strategies).all(|(now, next)| is_strategy_tighter(now, next))
        && now.groups.iter().zip(&next.groups).all(|(now, next)| {
            next.max_weight_bps <= now.max_weight_bps && next.cap <= now.cap
        })
        && in_force.agents().count() == next.agents.len()
        && in_force.agents().zip(&next.agents).all(|(now, next)| is_agent_tighter(now, next))
}

/// Everything that a document may not change at once: the document with the members of the closed list set to zero
/// and the agents left out.
fn frame(policy: &Policy) -> Policy {
    let mut frame = policy.clone();
    frame.limits = Limits {
        mode: Mode::Active,
        cooldown_seconds: 0,
        window_seconds: 0,
        max_turnover_bps: 0,
        max_loss_bps: 0,
        min_idle_bps: 0,
        seasoning_seconds: 0,
        deposit_cap: 0,
        management_fee_bps: 0,
        performance_fee_bps: 0,
        ..frame.limits
    };
    for entry in &mut frame.strategies {
        entry.status = StrategyStatus::Active;
        entry.max_weight_bps = 0;
        entry.cap = 0;
    }
    for group in &mut frame.groups {
        group.max_weight_bps = 0;
        group.cap = 0;
    }
    frame.agents.clear();
    frame
}

fn are_limits_tighter(mode: Mode, now: &Limits, next: &Limits) -> bool {
    next.mode >= mode
        && next.cooldown_seconds >= now.cooldown_seconds
        && next.window_seconds >= now.window_seconds
        && next.max_turnover_bps <= now.max_turnover_bps
        && next.max_loss_bps <= now.max_loss_bps
        && next.min_idle_bps >= now.min_idle_bps
        && next.seasoning_seconds >= now.seasoning_seconds
        && next.deposit_cap <= now.deposit_cap
        && next.management_fee_bps <= now.management_fee_bps
        && next.performance_fee_bps <= now.performance_fee_bps
}

fn is_status_tighter(now: StrategyStatus, next: StrategyStatus) -> bool {
    next == now || (now, next) == (StrategyStatus::Active, StrategyStatus::ExitOnly)
}

fn is_strategy_tighter(now: &StrategyPolicy, next: &StrategyPolicy) -> bool {
    is_status_tighter(now.status, next.status)
        && next.max_weight_bps <= now.max_weight_bps
        && next.cap <= now.cap
}

fn is_agent_tighter(now: &AgentPolicy, next: &AgentPolicy) -> bool {
    next.agent == now.agent
        && next.expires_at <= now.expires_at
        && next.scope & !now.scope == 0
        && next.max_turnover_bps <= now.max_turnover_bps
        && next.max_loss_bps <= now.max_loss_bps
}

/// Limit by limit what a document changes, in the document's order; empty if it changes nothing.
#[must_use]
pub fn changes(in_force: InForce<'_>, next: &Policy, context: &Context) -> Vec<Change> {
    let mut found = Changes { context, all: Vec::new() };
    limits::limits(&mut found, in_force, &next.limits);
    entries::strategies(&mut found, in_force.policy, next);
    entries::groups(&mut found, &in_force.policy.groups, &next.groups);
    entries::agents(&mut found, in_force, next);
    limits::objective(&mut found, in_force.policy, next);
    found.all
}

/// What was found so far, and how values are written.
struct Changes<'a> {
    context: &'a Context,
    all: Vec<Change>,
}

impl Changes<'_> {
    /// Notes a limit if it differs; `tightens` says whether the change is of the closed list.
    fn note<T: PartialEq + Copy>(
        &mut self,
        (of, limit): (&str, &str),
        (now, next): (T, T),
        tightens: impl FnOnce(T, T) -> bool,
        write: impl Fn(T) -> String,
    ) {
        if now != next {
            let effect = if tightens(now, next) { Effect::AtOnce } else { Effect::Waits };
            self.push((of, limit), Some(write(now)), Some(write(next)), effect);
        }
    }

    /// As [`Self::note`], for what always waits.
    fn waits<T: PartialEq + Copy>(
        &mut self,
        at: (&str, &str),
        values: (T, T),
        write: impl Fn(T) -> String,
    ) {
        self.note(at, values, |_, _| false, write);
    }

    fn push(
        &mut self,
        (of, limit): (&str, &str),
        before: Option<String>,
        after: Option<String>,
        effect: Effect,
    ) {
        let (of, limit) = (of.to_owned(), limit.to_owned());
        self.all.push(Change { of, limit, before, after, effect });
    }
}

fn lower<T: PartialOrd>(now: T, next: T) -> bool {
    next < now
}

fn higher<T: PartialOrd>(now: T, next: T) -> bool {
    next > now
}

#[cfg(test)]
mod tests;
