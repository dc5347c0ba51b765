//! Proposals of the Governor: how one is made, found and numbered.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::{SolCall as _, SolEvent as _},
};

use crate::{LogFilter, PlacedLog, bindings::governor::TreasuryGovernor};

/// Where a proposal of the Governor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalState {
    /// Its vote has not begun.
    Pending,
    /// It is voted on.
    Active,
    /// It was taken back.
    Canceled,
    /// It was lost.
    Defeated,
    /// It was won, and is not queued.
    Succeeded,
    /// It waits in the timelock.
    Queued,
    /// It was not carried out in time.
    Expired,
    /// It was carried out.
    Executed,
}

/// A proposal as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub id: U256,
    /// Contracts that it calls.
    pub targets: Vec<Address>,
    /// With which data.
    pub calldatas: Vec<Bytes>,
    /// What people read.
    pub description: String,
    /// Unix time at which its vote begins.
    pub vote_starts_at: u64,
    /// Unix time at which its vote ends.
    pub vote_ends_at: u64,
}

pub(super) const fn state_of(number: u8) -> Option<ProposalState> {
    Some(match number {
        0 => ProposalState::Pending,
        1 => ProposalState::Active,
        2 => ProposalState::Canceled,
        3 => ProposalState::Defeated,
        4 => ProposalState::Succeeded,
        5 => ProposalState::Queued,
        6 => ProposalState::Expired,
        7 => ProposalState::Executed,
        _ => return None,
    })
}

/// Call data of the Governor's `propose` with one call.
#[must_use]
pub fn encode_propose(target: Address, data: &Bytes, description: &str) -> Bytes {
    TreasuryGovernor::proposeCall {
        targets: vec![target],
        values: vec![U256::ZERO],
        calldatas: vec![data.clone()],
        description: description.to_owned(),
    }
    .abi_encode()
    .into()
}

/// The number that the Governor gives a proposal of one call, by OpenZeppelin's `hashProposal`.
#[must_use]
pub fn proposal_id(target: Address, data: &Bytes, description: &str) -> U256 {
    let call = TreasuryGovernor::hashProposalCall {
        targets: vec![target],
        values: vec![U256::ZERO],
        calldatas: vec![data.clone()],
        descriptionHash: keccak256(description),
    };
    // The hash is of the encoded arguments.
    U256::from_be_bytes(keccak256(call.abi_encode().get(4..).unwrap_or_default()).0)
}

/// Which events tell of a Governor's proposals.
#[must_use]
pub fn proposals_filter(governor: Address, (first, last): (u64, u64)) -> LogFilter {
    let topics = vec![Some(TreasuryGovernor::ProposalCreated::SIGNATURE_HASH)];
    LogFilter { addresses: vec![governor], topics, first, last }
}

/// The proposal of a number among a Governor's events.
#[must_use]
pub fn find_proposal(governor: Address, id: U256, logs: &[PlacedLog]) -> Option<Proposal> {
    logs.iter().filter(|log| log.log.address == governor).find_map(|placed| {
        let log = &placed.log;
        let topics: Vec<B256> = log.topics.clone();
        let event = TreasuryGovernor::ProposalCreated::decode_raw_log(topics, &log.data).ok()?;
        (event.proposalId == id).then(|| Proposal {
            id,
            targets: event.targets,
            calldatas: event.calldatas,
            description: event.description,
            vote_starts_at: event.voteStart.saturating_to(),
            vote_ends_at: event.voteEnd.saturating_to(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventLog;

    /// By the formula of OpenZeppelin's documentation, over the ABI encoding written out by hand.
    #[test]
    fn a_proposals_number_is_the_hash_of_its_arguments() {
        let target = Address::repeat_byte(7);
        let data = Bytes::from_static(&[1, 2, 3]);
        let word = |n: u64| U256::from(n).to_be_bytes::<32>();
        let mut encoded = Vec::new();
        for offset in [0x80, 0xc0, 0x100] {
            encoded.extend(word(offset));
        }
        encoded.extend(keccak256("why").0);
        encoded.extend(word(1));
        encoded.extend(target.into_word().0);
        encoded.extend([word(1), word(0)].concat());
        encoded.extend([word(1), word(0x20), word(3)].concat());
        encoded.extend(B256::right_padding_from(&[1, 2, 3]).0);
        let expected = U256::from_be_bytes(keccak256(&encoded).0);
        assert_eq!(proposal_id(target, &data, "why"), expected);
        assert_ne!(proposal_id(target, &data, "why not"), expected);
    }

    #[test]
    fn a_proposal_is_found_by_its_number_and_its_governor_alone() {
        let governor = Address::repeat_byte(1);
        let event = |id: u64| TreasuryGovernor::ProposalCreated {
            proposalId: U256::from(id),
            proposer: Address::ZERO,
            targets: vec![Address::repeat_byte(2)],
            values: vec![U256::ZERO],
            signatures: vec![String::new()],
            calldatas: vec![Bytes::from_static(&[9])],
            voteStart: U256::from(10),
            voteEnd: U256::from(20),
            description: format!("number {id}"),
        };
        let placed = |event: TreasuryGovernor::ProposalCreated| {
            let data = event.encode_log_data();
            let log = EventLog {
                address: governor,
                topics: data.topics().to_vec(),
                data: data.data.clone(),
            };
            PlacedLog {
                block_number: 1,
                block_hash: B256::ZERO,
                transaction: B256::ZERO,
                log_index: 0,
                log,
            }
        };
        let logs = [placed(event(4)), placed(event(5))];
        let found = find_proposal(governor, U256::from(5), &logs).expect("it is there");
        assert_eq!((found.description.as_str(), found.vote_ends_at), ("number 5", 20));
        assert_eq!(find_proposal(governor, U256::from(6), &logs), None);
        assert_eq!(find_proposal(Address::ZERO, U256::from(5), &logs), None);
    }

    #[test]
    fn every_state_of_a_proposal_has_a_name() {
        assert!((0..8).all(|number| state_of(number).is_some()));
        assert_eq!(state_of(8), None);
        assert_eq!(state_of(5), Some(ProposalState::Queued));
    }
}
