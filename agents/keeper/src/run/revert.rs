//! Why a rebalance reverted although it had been simulated.
//!
//! Whether somebody else is to blame is asked of the chain: the same call on the block it was decided at, at the time of
//! the block that mined it. If it fails there, time alone broke it, and the keeper checks up to the deadline. Otherwise what
//! differs between the two states says who came first. What nothing explains is the keeper's own.

use alloy::primitives::{B256, Bytes};
use vagus_chain::{
    BlockAt, ChainError, ChainReader as _, Header, guard::describe_revert, lifecycle::Inclusion,
};
use vagus_journal::{Revert, RevertCause, Simulation as SimulationNote};
use vagus_policy::{Refusal, Rule, VaultState};

use super::{ChainLoop, RunError};
use crate::world::VaultWorld;

/// What is known of a revert.
#[derive(Clone, Debug, Default)]
struct Evidence<'a> {
    /// Whether the block came after the deadline.
    is_late: bool,
    /// Whether it used up its gas.
    is_out_of_gas: bool,
    /// Whether it fails on the state it was decided on, at the time it was mined at.
    fails_where_decided: Option<bool>,
    /// What it said when it was made to fail on a later state; none if it goes through there.
    failure: Option<&'a SimulationNote>,
    /// The vault as it was decided on, and as it was when it failed.
    states: Option<(&'a VaultState, &'a VaultState)>,
}

impl Evidence<'_> {
    fn refusal(&self) -> Option<Refusal> {
        self.failure.and_then(|failure| failure.refusal)
    }

    fn cause(&self) -> RevertCause {
        if self.is_late {
            return RevertCause::Deadline;
        }
        if self.is_out_of_gas || self.fails_where_decided == Some(true) {
            return RevertCause::Ours;
        }
        let rule = self.refusal().map(|refusal| refusal.rule);
        let Some((before, after)) = self.states else {
            // The vault cannot be read there: the rule alone has to say it.
            return match rule {
                Some(Rule::Mode | Rule::Mandate) => RevertCause::Governance,
                Some(Rule::Price | Rule::Loss) => RevertCause::Price,
                _ => RevertCause::Ours,
            };
        };
        let in_force = |state: &VaultState| {
            let guard = &state.guard_state;
            let agent = &state.agent;
            (guard.policy_version, guard.policy_hash, guard.mode, agent.exists, agent.is_revoked)
        };
        let acts = |state: &VaultState| (state.guard_state.rebalance_count, state.agent.nonce);
        if in_force(before) != in_force(after) {
            RevertCause::Governance
        } else if acts(before) != acts(after) {
            RevertCause::OtherAgent
        } else if matches!(rule, Some(Rule::Price | Rule::Loss)) {
            RevertCause::Price
        } else if after.idle < before.idle || after.nav.supply < before.nav.supply {
            RevertCause::Exit
        } else if after.idle > before.idle {
            RevertCause::Entry
        } else if self.failure.is_some() {
            // It fails on what it was not decided on, and nothing of the vault's own has changed: the venues have.
            RevertCause::Price
        } else {
            RevertCause::Ours
        }
    }
}

/// A call inside another one gets at most 63 of 64 parts of what is left: a transaction that failed for want of gas has
/// used about so much of it.
const fn is_out_of_gas(gas_used: u64, gas_limit: u64) -> bool {
    gas_used >= gas_limit - gas_limit / 64
}

/// An answer about an old block, or none if the endpoint cannot give one. Silence is waited out.
fn told<T>(answer: Result<T, RunError>) -> Result<Option<T>, RunError> {
    match answer {
        Err(error @ RunError::Chain(ChainError::Unreachable { .. })) => Err(error),
        Err(RunError::Chain(error)) => {
            tracing::debug!("a revert cannot be looked into yet: {error}");
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

impl ChainLoop {
    /// Why a rebalance reverted. None if what has to be asked cannot be answered yet; never at the last try.
    pub(super) async fn explain_revert(
        &self,
        decision: B256,
        word: Option<&Bytes>,
        inclusion: &Inclusion,
        mined: &Header,
        is_last_try: bool,
    ) -> Result<Option<Revert>, RunError> {
        let (record, rebalance) = self.rebalance_of(decision).await?;
        let address = record.header.vault;
        let vault = self.world.vaults.iter().find(|vault| vault.entry.vault == address);
        let at = mined.block.timestamp;
        let mut evidence = Evidence {
            is_late: at > rebalance.deadline,
            is_out_of_gas: is_out_of_gas(inclusion.gas_used, self.gas_limit(&record)),
            ..Evidence::default()
        };
        let Some(vault) = vault else {
            // It is not worked on any more; nothing can be asked about it.
            let cause = evidence.cause();
            return Ok(is_last_try.then_some(Revert { cause, refusal: None, message: None }));
        };
        let place = record.first().block();
        let decided = Header { block: place, base_fee_wei: record.first().snapshot.base_fee_wei };
        let call = self.rebalance_call(vault, record.header.agent, &rebalance, word);
        let where_decided = told(self.try_out(&call, &decided, at).await)?;
        evidence.fails_where_decided = where_decided.as_ref().map(|note| !note.is_success);
        let found = self.world.endpoints.header(BlockAt::Hash(mined.block.parent_hash)).await;
        let parent = told(found.map_err(RunError::from))?.flatten();
        // On the block before; else on the block itself, if what broke it came earlier in that one.
        let (mut failure, mut broken_at) = (None, None);
        for block in parent.iter().chain([mined]) {
            let note = told(self.try_out(&call, block, at).await)?;
            if let Some(note) = note.filter(|note| !note.is_success) {
                (failure, broken_at) = (Some(note), Some(block));
                break;
            }
        }
        let after = self.state_at(vault, broken_at.unwrap_or(mined)).await?;
        if !is_last_try && (where_decided.is_none() || after.is_none()) {
            return Ok(None);
        }
        evidence.failure = failure.as_ref();
        evidence.states = after.as_ref().map(|after| (&record.first().snapshot.vault, after));
        let shown = where_decided.as_ref().filter(|note| !note.is_success).or(failure.as_ref());
        Ok(Some(Revert {
            cause: evidence.cause(),
            refusal: shown.and_then(|note| note.refusal),
            message: shown.map(|note| match &note.message {
                Some(message) => message.clone(),
                None => describe_revert(&note.output),
            }),
        }))
    }

    async fn state_at(
        &self,
        vault: &VaultWorld,
        block: &Header,
    ) -> Result<Option<VaultState>, RunError> {
        let queries = [self.world.query(vault)];
        let seen = self.world.endpoints.snapshots(vault.entry.lens, &queries, block).await;
        let seen = told(seen.map_err(RunError::from))?;
        Ok(seen.and_then(|mut page| page.pop()).and_then(Result::ok).map(|snapshot| snapshot.vault))
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;
    use vagus_policy::Mode;

    use super::*;
    use crate::testing;

    fn failure(rule: Option<Rule>) -> SimulationNote {
        let refusal =
            rule.map(|rule| Refusal { rule, observed: U256::from(2), limit: U256::from(1) });
        SimulationNote {
            block_number: 1,
            block_hash: B256::ZERO,
            is_success: false,
            gas_used: None,
            refusal,
            output: Default::default(),
            message: None,
        }
    }

    fn cause(
        change: impl FnOnce(&mut VaultState),
        rule: Option<Option<Rule>>,
        adjust: impl FnOnce(&mut Evidence<'_>),
    ) -> RevertCause {
        let before = testing::snapshot(Default::default()).vault;
        let mut after = before.clone();
        change(&mut after);
        let note = rule.map(failure);
        let mut evidence = Evidence {
            fails_where_decided: Some(false),
            failure: note.as_ref(),
            states: Some((&before, &after)),
            ..Evidence::default()
        };
        adjust(&mut evidence);
        evidence.cause()
    }

    #[test]
    fn who_came_first_is_named() {
        use RevertCause::{Entry, Exit, Governance, OtherAgent, Ours, Price};
        let failed = Some(None);
        let one = U256::from(1);
        let none = |_: &mut Evidence<'_>| {};
        assert_eq!(cause(|s| s.guard_state.rebalance_count += 1, failed, none), OtherAgent);
        assert_eq!(cause(|s| s.agent.nonce += 1, failed, none), OtherAgent);
        assert_eq!(cause(|s| s.idle -= one, failed, none), Exit);
        assert_eq!(cause(|s| s.nav.supply -= one, failed, none), Exit);
        assert_eq!(cause(|s| s.idle += one, failed, none), Entry);
        assert_eq!(cause(|s| s.guard_state.mode = Mode::ExitOnly, failed, none), Governance);
        assert_eq!(cause(|s| s.guard_state.policy_version += 1, failed, none), Governance);
        assert_eq!(cause(|s| s.agent.is_revoked = true, failed, none), Governance);
        assert_eq!(cause(|_| {}, failed, none), Price);
        assert_eq!(cause(|s| s.idle -= one, Some(Some(Rule::Loss)), none), Price);
        assert_eq!(cause(|s| s.idle -= one, Some(Some(Rule::Idle)), none), Exit);
        assert_eq!(cause(|_| {}, None, none), Ours, "nothing explains it");
    }

    #[test]
    fn what_others_did_excuses_nothing_that_would_have_failed_anyway() {
        use RevertCause::{Deadline, Ours};
        let exit = |s: &mut VaultState| s.idle = U256::ZERO;
        let ours = cause(exit, Some(None), |e| e.fails_where_decided = Some(true));
        assert_eq!(ours, Ours);
        assert_eq!(cause(exit, Some(None), |e| e.is_out_of_gas = true), Ours);
        assert_eq!(cause(exit, Some(None), |e| e.is_late = true), Deadline);
    }

    #[test]
    fn a_vault_that_cannot_be_read_leaves_the_rule_or_us() {
        let unread = |e: &mut Evidence<'_>| e.states = None;
        let by = |rule| cause(|_| {}, Some(rule), unread);
        assert_eq!(by(Some(Rule::Mandate)), RevertCause::Governance);
        assert_eq!(by(Some(Rule::Price)), RevertCause::Price);
        assert_eq!(by(Some(Rule::Weight)), RevertCause::Ours);
        assert_eq!(by(None), RevertCause::Ours);
    }

    #[test]
    fn gas_is_used_up_at_63_of_64_parts() {
        assert!(is_out_of_gas(6_300, 6_400));
        assert!(!is_out_of_gas(6_299, 6_400));
    }
}
