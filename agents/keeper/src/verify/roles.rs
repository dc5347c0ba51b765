//! Who has which role in a timelock, by everything that it ever said about roles. A list of members is kept nowhere on the
//! chain: a role that was given and forgotten stands in its events alone.

use std::collections::{BTreeMap, BTreeSet};

use alloy::{
    primitives::{Address, B256, keccak256},
    sol_types::SolEvent as _,
};
use vagus_chain::PlacedLog;

use super::interfaces::Timelock;

/// The role that administers all others, the zero word.
pub(super) const ADMIN: B256 = B256::ZERO;

/// The roles of OpenZeppelin's timelock, by their names.
pub(super) fn named() -> [(&'static str, B256); 4] {
    [
        ("admin", ADMIN),
        ("proposer", keccak256("PROPOSER_ROLE")),
        ("canceller", keccak256("CANCELLER_ROLE")),
        ("executor", keccak256("EXECUTOR_ROLE")),
    ]
}

/// A role in words: its name, or the word.
pub(super) fn words(role: B256) -> String {
    let known = named().into_iter().find(|(_, known)| *known == role);
    known.map_or_else(|| role.to_string(), |(name, _)| name.to_owned())
}

/// What events leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    /// Members of each role.
    pub(super) members: BTreeMap<B256, BTreeSet<Address>>,
    /// Roles whose administering role is not [`ADMIN`].
    pub(super) moved_admins: BTreeMap<B256, B256>,
}

/// What a timelock's events leave, in the order in which they were raised.
pub(super) fn replayed(timelock: Address, logs: &[PlacedLog]) -> Roles {
    let mut roles = Roles::default();
    for placed in logs.iter().filter(|placed| placed.log.address == timelock) {
        let (topics, data) = (placed.log.topics.iter().copied(), &placed.log.data);
        match placed.log.topics.first() {
            Some(topic) if *topic == Timelock::RoleGranted::SIGNATURE_HASH => {
                if let Ok(event) = Timelock::RoleGranted::decode_raw_log(topics, data) {
                    roles.members.entry(event.role).or_default().insert(event.account);
                }
            }
            Some(topic) if *topic == Timelock::RoleRevoked::SIGNATURE_HASH => {
                if let Ok(event) = Timelock::RoleRevoked::decode_raw_log(topics, data) {
                    roles.members.entry(event.role).or_default().remove(&event.account);
                }
            }
            Some(topic) if *topic == Timelock::RoleAdminChanged::SIGNATURE_HASH => {
                if let Ok(event) = Timelock::RoleAdminChanged::decode_raw_log(topics, data) {
                    roles.moved_admins.insert(event.role, event.newAdminRole);
                }
            }
            _ => {}
        }
    }
    roles.moved_admins.retain(|_, admin| *admin != ADMIN);
    roles.members.retain(|_, members| !members.is_empty());
    roles
}

#[cfg(test)]
mod tests {
    use alloy::primitives::LogData;
    use vagus_chain::EventLog;

    use super::*;

    fn account(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    fn placed(address: Address, data: LogData) -> PlacedLog {
        PlacedLog {
            block_number: 1,
            block_hash: B256::ZERO,
            transaction: B256::ZERO,
            log_index: 0,
            log: EventLog { address, topics: data.topics().to_vec(), data: data.data },
        }
    }

    fn granted(by: Address, role: B256, to: Address) -> PlacedLog {
        let event = Timelock::RoleGranted { role, account: to, sender: by };
        placed(by, event.encode_log_data())
    }

    fn revoked(by: Address, role: B256, from: Address) -> PlacedLog {
        let event = Timelock::RoleRevoked { role, account: from, sender: by };
        placed(by, event.encode_log_data())
    }

    #[test]
    fn what_was_given_and_not_taken_back_is_left() {
        let (timelock, proposer) = (account(1), named()[1].1);
        let logs = [
            granted(timelock, ADMIN, timelock),
            granted(timelock, proposer, account(2)),
            granted(timelock, proposer, account(3)),
            revoked(timelock, proposer, account(2)),
            granted(account(9), proposer, account(9)),
            revoked(timelock, proposer, account(3)),
            granted(timelock, proposer, account(3)),
        ];
        let roles = replayed(timelock, &logs);
        assert_eq!(roles.members[&ADMIN], BTreeSet::from([timelock]));
        assert_eq!(roles.members[&proposer], BTreeSet::from([account(3)]), "none of another's");
        assert_eq!(roles.members.len(), 2);
        assert!(roles.moved_admins.is_empty());
    }

    #[test]
    fn a_role_that_another_administers_is_told_until_it_is_given_back() {
        let (timelock, proposer) = (account(1), named()[1].1);
        let moved = |from: B256, to: B256| {
            let event = Timelock::RoleAdminChanged {
                role: proposer,
                previousAdminRole: from,
                newAdminRole: to,
            };
            placed(timelock, event.encode_log_data())
        };
        let odd = B256::repeat_byte(7);
        let mut logs = vec![moved(ADMIN, odd)];
        assert_eq!(replayed(timelock, &logs).moved_admins[&proposer], odd);
        logs.push(moved(odd, ADMIN));
        assert_eq!(replayed(timelock, &logs), Roles::default());
    }

    #[test]
    fn roles_have_their_names() {
        assert_eq!(words(ADMIN), "admin");
        assert_eq!(words(keccak256("EXECUTOR_ROLE")), "executor");
        assert!(words(B256::repeat_byte(1)).starts_with("0x0101"));
    }
}
