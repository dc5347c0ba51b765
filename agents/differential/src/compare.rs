//! One case, asked of the rules in Rust and of the compiled contracts.

use alloy_primitives::{Address, Bytes, U256};
use alloy_sol_types::{SolCall, SolError};
use vagus_policy::{
    Checked, Rebalance, Receipt, Refusal, VaultState, authorise, check, predict, rebalance_digest,
};

use crate::{
    abi::{self, sol},
    world::World,
};

/// A plan on a world at its present time.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) world: World,
    pub(crate) agent: Address,
    pub(crate) plan: Rebalance,
    /// All strategies keep to their share price and charge nothing, so that the prediction must hold.
    pub(crate) is_honest: bool,
}

/// What both sides said.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Accepted(Box<Checked>),
    Refused(Refusal),
    /// The vault could not carry it out; no rule was asked.
    Failed,
}

/// Asks both sides. An accepted case's world is then as after it.
///
/// # Errors
/// If they differ in anything: what they differ in.
pub(crate) fn compare(case: &mut Case) -> Result<Verdict, String> {
    let Case { world, agent, plan, is_honest } = case;
    let (agent, at) = (*agent, world.chain.now);
    let before = world.state(agent);
    let policy = world.policy.clone();

    let digest = rebalance_digest(plan, agent, 31_337, world.guard);
    same("digest", &digest, &world.digest(agent, plan))?;
    for other_at in [at, at + 1, at + 100_000] {
        let rust = authorise(&policy, &before, plan, other_at).err();
        same("first refusal", &rust, &world.first_refusal(agent, plan, other_at))?;
    }
    if let Err(refusal) = authorise(&policy, &before, plan, at) {
        same("refusal", &Err(refused(refusal)), &world.rebalance(agent, plan))?;
        return Ok(Verdict::Refused(refusal));
    }

    let receipt = match world.simulate(&plan.moves) {
        Ok(receipt) => receipt,
        Err(data) => {
            same("failure", &Err(data), &world.rebalance(agent, plan))?;
            return Ok(Verdict::Failed);
        }
    };
    if *is_honest {
        holds(&predict(&policy, &before, &plan.moves), &receipt)?;
    }
    match check(&policy, &before, plan, at, &receipt) {
        Err(refusal) => {
            same("refusal", &Err(refused(refusal)), &world.rebalance(agent, plan))?;
            Ok(Verdict::Refused(refusal))
        }
        Ok(checked) => {
            let answer = world.rebalance(agent, plan);
            let answer = answer.map_err(|data| {
                format!("Rust accepts, the guard reverts with {data} {:?}", refusal_of(&data))
            })?;
            let returned = sol::Guard::rebalanceCall::abi_decode_returns(&answer)
                .map_err(|error| error.to_string())?;
            same("receipt", &receipt, &abi::receipt(returned))?;
            left_behind(&checked, &before, &world.state(agent), at)?;
            Ok(Verdict::Accepted(Box::new(checked)))
        }
    }
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
fn holds(predicted: &Receipt, real: &Receipt) -> Result<(), String> {
    let whole =
        |receipt: &Receipt| (receipt.nav, receipt.base, receipt.idle_before, receipt.idle_after);
    same("predicted idle, NAV and base", &whole(predicted), &whole(real))?;
    for (predicted, real) in predicted.legs.iter().zip(&real.legs) {
        let before = (predicted.assets, predicted.value_before, predicted.shares_before);
        let real_before = (real.assets, real.value_before, real.shares_before);
        same("predicted position", &before, &real_before)?;
        // Two shares' rounding and four units, all of them against us.
        let share = real.value_after.checked_div(real.shares_after).unwrap_or_default();
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
    Option<Refusal>,
    vagus_policy::Bucket,
    u64,
    alloy_primitives::B256,
    (U256, u64),
    (U256, U256, U256),
    (U256, U256, U256, U256)
);
