//! What is said to the guard and what it says: the rebalance call, refusals, and its events.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{SolCall, SolError, SolEvent},
};
use serde::{Deserialize, Serialize};
use vagus_policy::{
    Ceilings, LegReceipt, MemberReading, Rebalance, Receipt, Refusal, Rule, decimal,
};

use crate::{
    EventLog,
    bindings::{
        guard::IPolicyGuard::{self, Move as GuardMove, Rebalance as GuardRebalance},
        vault::ITreasuryVault,
    },
};

/// The event of an executed rebalance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rebalanced {
    /// Who acted.
    pub agent: Address,
    /// With which nonce of the guard.
    pub nonce: u64,
    /// Hash of the decision behind it.
    pub decision: B256,
    /// Rebalances of the vault, this one included.
    pub rebalance_count: u64,
    /// Sum over all legs, smallest unit.
    #[serde(with = "decimal")]
    pub turnover_assets: U256,
    /// Measured loss, smallest unit.
    #[serde(with = "decimal")]
    pub loss_assets: U256,
}

fn of_guard(rebalance: &Rebalance) -> GuardRebalance {
    let moves = rebalance.moves.iter().map(|leg| GuardMove {
        index: leg.index,
        isDeposit: leg.is_deposit,
        assets: leg.assets,
    });
    GuardRebalance {
        policyVersion: rebalance.policy_version,
        nonce: rebalance.nonce,
        vaultCount: rebalance.vault_count,
        deadline: rebalance.deadline,
        decision: rebalance.decision,
        moves: moves.collect(),
    }
}

/// Call data of a rebalance.
#[must_use]
pub fn encode_rebalance(rebalance: &Rebalance) -> Bytes {
    IPolicyGuard::rebalanceCall { rebalance_: of_guard(rebalance) }.abi_encode().into()
}

/// Call data of a rebalance that an agent gave its word on, whoever brings it.
#[must_use]
pub fn encode_rebalance_for(rebalance: &Rebalance, agent: Address, word: &Bytes) -> Bytes {
    let (rebalance_, signature) = (of_guard(rebalance), word.clone());
    IPolicyGuard::rebalanceForCall { rebalance_, agent, signature }.abi_encode().into()
}

/// Call data of the question what would refuse a rebalance by an agent at a time.
#[must_use]
pub fn encode_first_refusal(rebalance: &Rebalance, agent: Address, at: u64) -> Bytes {
    let rebalance_ = of_guard(rebalance);
    IPolicyGuard::firstRefusalCall { rebalance_, agent, at: U256::from(at) }.abi_encode().into()
}

/// The guard's answer to that question: the refusal, or none if nothing refuses. None if it is something else.
#[must_use]
pub fn decode_first_refusal(output: &[u8]) -> Option<Option<Refusal>> {
    let said = IPolicyGuard::firstRefusalCall::abi_decode_returns(output).ok()?;
    let (observed, limit) = (said.observed, said.limit);
    match said.rule {
        0 => Some(None),
        number => Rule::from_number(number).map(|rule| Some(Refusal { rule, observed, limit })),
    }
}

/// Call data of the vault's `checkpoint`.
#[must_use]
pub fn encode_checkpoint() -> Bytes {
    ITreasuryVault::checkpointCall {}.abi_encode().into()
}

/// Call data of `trim`.
#[must_use]
pub fn encode_trim(index: u8) -> Bytes {
    IPolicyGuard::trimCall { index }.abi_encode().into()
}

/// Call data of `followPrice`.
#[must_use]
pub fn encode_follow_price(index: u8) -> Bytes {
    IPolicyGuard::followPriceCall { index }.abi_encode().into()
}

/// Call data of the question which policy waits.
#[must_use]
pub fn encode_pending_policy() -> Bytes {
    IPolicyGuard::pendingPolicyCall {}.abi_encode().into()
}

/// A policy that was submitted and is not in force yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingPolicy {
    /// Hash of the document.
    pub hash: B256,
    /// Block whose event carries the document.
    pub submitted_block: u64,
    /// First second at which it may be put in force.
    pub activatable_at: u64,
    /// Last second at which it may.
    pub expires_at: u64,
}

/// The guard's answer to that question: the policy that waits, or none if none does. None if it is something else.
#[must_use]
pub fn decode_pending_policy(output: &[u8]) -> Option<Option<PendingPolicy>> {
    let said = IPolicyGuard::pendingPolicyCall::abi_decode_returns(output).ok()?;
    Some((said.hash != B256::ZERO).then(|| PendingPolicy {
        hash: said.hash,
        submitted_block: said.submittedBlock,
        activatable_at: said.activatableAt.to(),
        expires_at: said.expiresAt.to(),
    }))
}

/// Call data of `ceilings`.
#[must_use]
pub fn encode_ceilings() -> Bytes {
    IPolicyGuard::ceilingsCall {}.abi_encode().into()
}

/// What no vote can lift; none if the answer is something else.
#[must_use]
pub fn decode_ceilings(output: &[u8]) -> Option<Ceilings> {
    let said = IPolicyGuard::ceilingsCall::abi_decode_returns_validate(output).ok()?;
    Some(Ceilings {
        max_turnover_bps: said.maxTurnoverBps,
        max_loss_bps: said.maxLossBps,
        min_window_seconds: said.minWindowSeconds,
        min_policy_delay_seconds: said.minPolicyDelaySeconds,
        max_policy_delay_seconds: said.maxPolicyDelaySeconds,
        max_management_fee_bps: said.maxManagementFeeBps,
        max_performance_fee_bps: said.maxPerformanceFeeBps,
        grace_seconds: said.graceSeconds,
    })
}

/// Call data of `activatePolicy` with the encoding of a document: a call of one argument is encoded as that argument is.
#[must_use]
pub fn encode_activate_policy(encoding: &[u8]) -> Bytes {
    let mut data = IPolicyGuard::activatePolicyCall::SELECTOR.to_vec();
    data.extend_from_slice(encoding);
    data.into()
}

/// Call data of `submitPolicy` with the encoding of a document.
#[must_use]
pub fn encode_submit_policy(encoding: &[u8]) -> Bytes {
    let mut data = IPolicyGuard::submitPolicyCall::SELECTOR.to_vec();
    data.extend_from_slice(encoding);
    data.into()
}

/// The encoding of the document in the call data of `submitPolicy`; none if it is another call.
#[must_use]
pub fn decode_submit_policy(data: &[u8]) -> Option<&[u8]> {
    data.strip_prefix(IPolicyGuard::submitPolicyCall::SELECTOR.as_slice())
}

/// Call data of `vetoPolicy`.
#[must_use]
pub fn encode_veto_policy() -> Bytes {
    IPolicyGuard::vetoPolicyCall {}.abi_encode().into()
}

/// What `rebalance` returns; none if it is something else.
#[must_use]
pub fn decode_receipt(output: &[u8]) -> Option<Receipt> {
    let receipt = IPolicyGuard::rebalanceCall::abi_decode_returns(output).ok()?;
    Some(Receipt {
        nav: receipt.nav,
        base: receipt.base,
        idle_before: receipt.idleBefore,
        idle_after: receipt.idleAfter,
        legs: receipt
            .legs
            .iter()
            .map(|leg| LegReceipt {
                assets: leg.assets,
                value_before: leg.valueBefore,
                value_after: leg.valueAfter,
                shares_before: leg.sharesBefore,
                shares_after: leg.sharesAfter,
            })
            .collect(),
        members: receipt
            .members
            .iter()
            .map(|member| MemberReading {
                index: member.index,
                is_readable: member.isReadable,
                value: member.value,
                shares: member.shares,
            })
            .collect(),
    })
}

/// The rule's refusal in revert data, if that is what it is.
#[must_use]
pub fn decode_refusal(data: &[u8]) -> Option<Refusal> {
    let refused = IPolicyGuard::Refused::abi_decode(data).ok()?;
    Some(Refusal {
        rule: Rule::from_number(refused.rule)?,
        observed: refused.observed,
        limit: refused.limit,
    })
}

/// Revert data in words: the refusal, a named error of guard or vault, a reason in text, or the bytes.
#[must_use]
pub fn describe_revert(data: &[u8]) -> String {
    if let Some(refusal) = decode_refusal(data) {
        return refusal.to_string();
    }
    if data.is_empty() {
        return "it reverts without a reason".to_owned();
    }
    if let Some(name) = error_name(data) {
        return format!("it reverts with {name}");
    }
    // Error(string) and Panic(uint256); anything else would be read as text that it may not be.
    let is_standard = matches!(data, [0x08, 0xc3, 0x79, 0xa0, ..] | [0x4e, 0x48, 0x7b, 0x71, ..]);
    match alloy::sol_types::decode_revert_reason(data).filter(|_| is_standard) {
        Some(reason) => format!("it reverts: {}", reason.replace('\n', " ")),
        None => format!("it reverts with {}", Bytes::copy_from_slice(&data[..data.len().min(68)])),
    }
}

fn error_name(data: &[u8]) -> Option<String> {
    use alloy::sol_types::SolInterface;
    if let Ok(error) = IPolicyGuard::IPolicyGuardErrors::abi_decode(data) {
        let selector = error.selector();
        return IPolicyGuard::IPolicyGuardErrors::name_by_selector(selector).map(str::to_owned);
    }
    let error = ITreasuryVault::ITreasuryVaultErrors::abi_decode(data).ok()?;
    ITreasuryVault::ITreasuryVaultErrors::name_by_selector(error.selector()).map(str::to_owned)
}

/// The rebalance event of a guard among a receipt's events.
#[must_use]
pub fn find_rebalanced(guard: Address, logs: &[EventLog]) -> Option<Rebalanced> {
    logs.iter().filter(|log| log.address == guard).find_map(|log| {
        let event =
            IPolicyGuard::Rebalanced::decode_raw_log(log.topics.iter().copied(), &log.data).ok()?;
        Some(Rebalanced {
            agent: event.agent,
            nonce: event.nonce,
            decision: event.decision,
            rebalance_count: event.rebalanceCount,
            turnover_assets: event.turnoverAssets,
            loss_assets: event.lossAssets,
        })
    })
}

/// Topic of the event of an executed rebalance; its third indexed value is the decision.
pub(crate) fn rebalanced_topic() -> B256 {
    IPolicyGuard::Rebalanced::SIGNATURE_HASH
}

/// Topic of the event that carries a policy document.
pub(crate) fn policy_submitted_topic() -> B256 {
    IPolicyGuard::PolicySubmitted::SIGNATURE_HASH
}

/// The encoding of the document with a hash among events, proven by hashing it.
pub(crate) fn find_policy_encoding(guard: Address, hash: B256, logs: &[EventLog]) -> Option<Bytes> {
    logs.iter().filter(|log| log.address == guard).find_map(|log| {
        let event =
            IPolicyGuard::PolicySubmitted::decode_raw_log(log.topics.iter().copied(), &log.data)
                .ok()?;
        (event.hash == hash && keccak256(&event.encoding) == hash).then_some(event.encoding)
    })
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolValue;
    use vagus_policy::{ANY_COUNT, Move};

    use super::*;

    #[test]
    fn a_rebalance_is_encoded_as_the_interface_says() {
        let rebalance = Rebalance {
            policy_version: 3,
            nonce: 7,
            vault_count: ANY_COUNT,
            deadline: 99,
            decision: B256::repeat_byte(0xab),
            moves: vec![Move { index: 2, is_deposit: true, assets: 5 }],
        };
        let data = encode_rebalance(&rebalance);
        let signature = "rebalance((uint64,uint64,uint64,uint64,bytes32,(uint8,bool,uint128)[]))";
        assert_eq!(data[..4], keccak256(signature)[..4]);
        type Tuple = (U256, U256, U256, U256, B256, Vec<(U256, bool, U256)>);
        let (version, nonce, count, deadline, decision, moves) =
            <(Tuple,)>::abi_decode_params(&data[4..]).expect("decodes").0;
        assert_eq!((version, nonce), (U256::from(3), U256::from(7)));
        assert_eq!((count, deadline), (U256::from(u64::MAX), U256::from(99)));
        assert_eq!(decision, rebalance.decision);
        assert_eq!(moves, vec![(U256::from(2), true, U256::from(5))]);
    }

    fn refused(rule: u8) -> Vec<u8> {
        let mut data = keccak256("Refused(uint8,uint256,uint256)")[..4].to_vec();
        data.extend((U256::from(rule), U256::from(11), U256::from(10)).abi_encode());
        data
    }

    #[test]
    fn what_waits_is_read_back_and_nothing_waits_under_no_hash() {
        let answer = |hash: B256| (hash, U256::from(7), U256::from(8), U256::from(9)).abi_encode();
        let hash = B256::repeat_byte(3);
        let waits = decode_pending_policy(&answer(hash)).flatten().expect("one waits");
        assert_eq!((waits.hash, waits.submitted_block), (hash, 7));
        assert_eq!((waits.activatable_at, waits.expires_at), (8, 9));
        assert_eq!(decode_pending_policy(&answer(B256::ZERO)), Some(None));
        assert_eq!(decode_pending_policy(&answer(hash)[..100]), None);
        assert_eq!(decode_pending_policy(&[]), None);
    }

    #[test]
    fn refusals_are_read_back() {
        let refusal = decode_refusal(&refused(7)).expect("a refusal");
        assert_eq!(refusal.rule, Rule::Turnover);
        assert_eq!((refusal.observed, refusal.limit), (U256::from(11), U256::from(10)));
        assert_eq!(decode_refusal(&refused(0)), None);
        assert_eq!(decode_refusal(&refused(15)), None);
        assert_eq!(decode_refusal(&refused(7)[..40]), None);
        assert_eq!(decode_refusal(&[]), None);
    }

    #[test]
    fn reverts_are_described() {
        assert_eq!(describe_revert(&refused(12)), "R12 Loss refuses: observed 11, limit 10");
        assert_eq!(describe_revert(&[]), "it reverts without a reason");
        assert_eq!(describe_revert(&keccak256("Locked()")[..4]), "it reverts with Locked");
        let mut text = keccak256("Error(string)")[..4].to_vec();
        text.extend(("no\nmoney".to_owned(),).abi_encode_params());
        assert!(describe_revert(&text).contains("no money"), "{}", describe_revert(&text));
        assert_eq!(describe_revert(&[1, 2, 3, 4]), "it reverts with 0x01020304");
    }

    #[test]
    fn the_event_of_another_contract_is_not_believed() {
        let guard = Address::repeat_byte(1);
        let event = IPolicyGuard::Rebalanced {
            agent: Address::repeat_byte(9),
            nonce: 4,
            decision: B256::repeat_byte(5),
            rebalanceCount: 6,
            turnoverAssets: U256::from(7),
            lossAssets: U256::from(8),
        };
        let data = event.encode_log_data();
        let log = EventLog { address: guard, topics: data.topics().to_vec(), data: data.data };
        let found = find_rebalanced(guard, std::slice::from_ref(&log)).expect("found");
        assert_eq!((found.nonce, found.rebalance_count), (4, 6));
        assert_eq!(find_rebalanced(Address::repeat_byte(2), &[log]), None);
    }

    #[test]
    fn a_document_is_believed_only_with_its_hash() {
        let guard = Address::repeat_byte(1);
        let encoding = Bytes::from_static(b"document");
        let event = |hash| {
            let data = IPolicyGuard::PolicySubmitted {
                submitter: guard,
                hash,
                activatableAt: Default::default(),
                expiresAt: Default::default(),
                encoding: encoding.clone(),
            }
            .encode_log_data();
            vec![EventLog { address: guard, topics: data.topics().to_vec(), data: data.data }]
        };
        let hash = keccak256(&encoding);
        assert_eq!(find_policy_encoding(guard, hash, &event(hash)), Some(encoding.clone()));
        let lie = B256::repeat_byte(3);
        assert_eq!(find_policy_encoding(guard, lie, &event(lie)), None);
        assert_eq!(find_policy_encoding(guard, lie, &event(hash)), None);
    }
}
