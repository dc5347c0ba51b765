//! One case, asked of the rules in Rust and of the compiled contracts.

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{SolCall, SolError};
use vagus_evm::Answer;
use vagus_policy::{
    Checked, MemberReading, Rebalance, Receipt, Refusal, Rule, VaultState, authorise, check,
    predict, rebalance_digest,
};

use crate::{
    abi::{self, sol},
    agents,
    violations::{self, GroupFault},
    world::World,
};

/// A plan on a world at its present time.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) agent: Address,
    pub(crate) plan: Rebalance,
    /// Signed by the agent and brought by somebody else.
    pub(crate) is_relayed: bool,
    /// Somebody tries without a signature of the agent's first.
    pub(crate) is_forged: bool,
    /// Seconds until a moment for which the guard is asked as well.
    pub(crate) later: u64,
    /// All strategies keep to their share price and charge nothing, so that the prediction must hold.
    pub(crate) is_honest: bool,
    /// All strategies do what they preview, so that what the guard predicts must come true.
    pub(crate) is_previewed: bool,
    /// What is special about it, for the table.
    pub(crate) traits: Vec<&'static str>,
}

/// What both sides said.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Accepted(Box<Checked>),
    Refused {
        refusal: Refusal,
        /// All rules that the case breaks, as far as they could be asked.
        broken: Vec<Rule>,
        group_fault: Option<GroupFault>,
    },
    /// The vault could not carry it out; no rule was asked.
    Failed,
}

impl Case {
    /// What the guard answers, on a chain that is then as after it.
    fn submit(&mut self, digest: B256) -> Answer {
        if self.is_relayed {
            return self.world.relay(self.agent, &self.plan, agents::sign(self.agent, digest));
        }
        self.world.rebalance(self.agent, &self.plan)
    }

    /// A signature of somebody else, or over something else, opens nothing, whatever the plan is.
    fn forge(&mut self, digest: B256) -> Result<(), String> {
        let [first, second] = agents::named();
        let other = if self.agent == first { second } else { first };
        let error = sol::Guard::InvalidSignature { agent: self.agent }.abi_encode();
        for signature in [agents::sign(other, digest), agents::sign(self.agent, !digest)] {
            let answer = self.world.relay(self.agent, &self.plan, signature);
            same("forged signature", &Err(Bytes::from(error.clone())), &answer)?;
        }
        Ok(())
    }
}

/// Asks both sides. An accepted case's world is then as after it.
///
/// # Errors
/// If they differ in anything: what they differ in.
pub(crate) fn compare(case: &mut Case) -> Result<Verdict, String> {
    let (agent, at) = (case.agent, case.world.chain.now);
    let before = case.world.state(agent);
    let (policy, plan) = (case.world.policy.clone(), case.plan.clone());

    let digest = rebalance_digest(&plan, agent, 31_337, case.world.guard);
    same("digest", &digest, &case.world.digest(agent, &plan))?;
    if case.is_forged {
        case.forge(digest)?;
    }
    let mut broken = violations::before_execution(&policy, &before, &plan, at);
    let authorised = authorise(&policy, &before, &plan, at);
    let foreseen = case.world.first_refusal(agent, &plan, at);
    let other_at = at + case.later;
    let later = case.world.first_refusal(agent, &plan, other_at);
    for (at, foreseen) in [(at, foreseen), (other_at, later)] {
        let rust = authorise(&policy, &before, &plan, at).err();
        let early = foreseen.filter(|refusal| refusal.rule <= Rule::Shape);
        same("first refusal before execution", &rust, &early)?;
    }
    // What does not fit the list cannot be carried out, so nothing can be said of what it would do.
    let receipt = if broken.contains(&Rule::Shape) {
        Err(Bytes::new())
    } else {
        case.world.simulate(&plan.moves)
    };
    let receipt = receipt.map(|receipt| Receipt { members: members(case, &before), ..receipt });
    let mut group_fault = None;
    if let Ok(receipt) = &receipt {
        broken.extend(violations::after_execution(&policy, &before, &plan, at, receipt));
        group_fault = violations::group_fault(&policy, &before, &plan, receipt);
    }

    if let Err(refusal) = authorised {
        same("refusal", &Err(refused(refusal)), &case.submit(digest))?;
        same("lowest rule", &Some(refusal.rule), &broken.first().copied())?;
        return Ok(Verdict::Refused { refusal, broken, group_fault });
    }
    let receipt = match receipt {
        Ok(receipt) => receipt,
        Err(data) => {
            same("failure", &Err(data), &case.submit(digest))?;
            return Ok(Verdict::Failed);
        }
    };
    if case.is_honest {
        holds(&before, &plan, &predict(&policy, &before, &plan.moves), &receipt)?;
    }
    let verdict = check(&policy, &before, &plan, at, &receipt);
    if case.is_previewed {
        same("first refusal", &verdict.as_ref().err().copied(), &foreseen)?;
    }
    same("lowest rule", &verdict.as_ref().err().map(|r| r.rule), &broken.first().copied())?;
    match verdict {
        Err(refusal) => {
            same("refusal", &Err(refused(refusal)), &case.submit(digest))?;
            Ok(Verdict::Refused { refusal, broken, group_fault })
        }
        Ok(checked) => {
            let answer = case.submit(digest);
            let answer = answer.map_err(|data| {
                format!("Rust accepts, the guard reverts with {data} {:?}", refusal_of(&data))
            })?;
            let returned = sol::Guard::rebalanceCall::abi_decode_returns(&answer)
                .map_err(|error| error.to_string())?;
            same("receipt", &receipt, &abi::receipt(returned))?;
            left_behind(&checked, &before, &case.world.state(agent), at)?;
            Ok(Verdict::Accepted(Box::new(checked)))
        }
    }
}

/// What the guard will read besides the legs: positions that no leg touches stand after the legs as they stood before.
/// Which ones it has to read is for Rust to say, and the guard's receipt to confirm.
fn members(case: &Case, before: &VaultState) -> Vec<MemberReading> {
    let indices = vagus_policy::groups::untouched_members(&case.world.policy, &case.plan.moves);
    indices
        .into_iter()
        .map(|index| {
            let position = &before.strategies[usize::from(index)];
            let (is_readable, value) = (position.is_readable, position.redeem_assets);
            MemberReading { index, is_readable, value, shares: position.shares }
        })
        .collect()
}

/// Whether the guard's state after the rebalance is the one that Rust gives.
fn left_behind(
    checked: &Checked,
    before: &VaultState,
    after: &VaultState,
    at: u64,
) -> Result<(), String> {
    let (guard, agent) = (&after.guard_state, &after.agent);
    same("vault turnover", &checked.vault_turnover, &guard.turnover)?;
    same("vault loss", &checked.vault_loss, &guard.loss)?;
    same("agent turnover", &checked.agent_turnover, &agent.turnover)?;
    same("agent loss", &checked.agent_loss, &agent.loss)?;
    same("count", &checked.rebalance_count, &guard.rebalance_count)?;
    same("nonce", &checked.nonce, &agent.nonce)?;
    same("time", &at, &agent.last_rebalance_at)?;
    for (old, new) in before.strategies.iter().zip(&after.strategies) {
        let moved = checked.references.iter().find(|moved| moved.strategy == new.strategy);
        let expected =
            moved.map_or((old.reference_price, old.reference_at), |moved| (moved.price, moved.at));
        same("reference", &expected, &(new.reference_price, new.reference_at))?;
    }
    Ok(())
}

/// Whether a prediction is what happened, but for roundings against us.
fn holds(
    before: &VaultState,
    plan: &Rebalance,
    predicted: &Receipt,
    real: &Receipt,
) -> Result<(), String> {
    let whole =
        |receipt: &Receipt| (receipt.nav, receipt.base, receipt.idle_before, receipt.idle_after);
    same("predicted idle, NAV and base", &whole(predicted), &whole(real))?;
    same("predicted members", &predicted.members, &real.members)?;
    for (asked, (predicted, real)) in plan.moves.iter().zip(predicted.legs.iter().zip(&real.legs)) {
        let position = (predicted.assets, predicted.value_before, predicted.shares_before);
        let real_position = (real.assets, real.value_before, real.shares_before);
        same("predicted position", &position, &real_position)?;
        // Two shares' rounding and four units, all of them against us. Where nothing was held, a share is predicted to be
        // worth what the reference says.
        let reference = before.strategies[usize::from(asked.index)].reference_price >> 128_usize;
        let share = real.value_after.checked_div(real.shares_after).unwrap_or_default();
        let share = share.max(reference) + U256::ONE;
        let slack = share * U256::from(2) + U256::from(4);
        if predicted.value_after > real.value_after
            || predicted.value_after + slack < real.value_after
        {
            return Err(format!(
                "predicted value {} after, real {}",
                predicted.value_after, real.value_after
            ));
        }
    }
    Ok(())
}

fn refused(refusal: Refusal) -> Bytes {
    let (observed, limit) = (refusal.observed, refusal.limit);
    sol::Guard::Refused { rule: refusal.rule as u8, observed, limit }.abi_encode().into()
}

fn refusal_of(data: &Bytes) -> Option<Refusal> {
    let error = sol::Guard::Refused::abi_decode(data).ok()?;
    abi::refusal(error.rule, error.observed, error.limit)
}

/// `rust` is what the crate says, `chain` what the contracts say.
fn same<T: PartialEq + Show>(what: &str, rust: &T, chain: &T) -> Result<(), String> {
    if rust == chain {
        return Ok(());
    }
    Err(format!("{what}: Rust says {}, the contracts say {}", rust.show(), chain.show()))
}

/// As `Debug`, but reverts by name.
trait Show {
    fn show(&self) -> String;
}

impl Show for Result<Bytes, Bytes> {
    fn show(&self) -> String {
        match self {
            Ok(_) => "accepted".to_owned(),
            Err(data) => match refusal_of(data) {
                Some(refusal) => refusal.to_string(),
                None => format!("revert {data}"),
            },
        }
    }
}

macro_rules! show_as_debug {
    ($($name:ty),*) => { $(impl Show for $name { fn show(&self) -> String { format!("{self:?}") } })* };
}

show_as_debug!(
    Receipt,
    Vec<MemberReading>,
    Option<Refusal>,
    Option<Rule>,
    vagus_policy::Bucket,
    u64,
    B256,
    (U256, u64),
    (U256, U256, U256),
    (U256, U256, U256, U256)
);
