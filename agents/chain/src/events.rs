//! What vault, guard and tokens say of changes of a vault's holdings, and the reads that its holdings are told by.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    sol_types::{SolCall, SolEvent},
};
use vagus_policy::StrategyStatus;

use crate::{
    EventLog,
    bindings::{guard::IPolicyGuard, vault::ITreasuryVault},
    guard::{Rebalanced, find_rebalanced},
};

/// An event that says something about a vault's holdings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultEvent {
    /// A token went to or from the vault; of which token, its address says.
    Transfer {
        /// From whom; zero if it was minted.
        from: Address,
        /// To whom; zero if it was burned.
        to: Address,
        /// How much, smallest unit.
        value: U256,
    },
    /// A depositor entered.
    Deposit {
        /// What was brought, smallest unit.
        assets: U256,
    },
    /// A depositor left with assets.
    Withdraw,
    /// A depositor left with parts of what the vault holds.
    RedeemedInKind,
    /// The mark was moved; entries, exits and rebalances do so before anything else.
    Checkpointed,
    /// Fee shares were minted, likewise before anything else.
    FeesAccrued {
        /// Shares of the management fee.
        management_shares: U256,
        /// Shares of the performance fee.
        performance_shares: U256,
    },
    /// A policy handed down this list of strategies.
    Adopted(Vec<(Address, StrategyStatus)>),
    /// A rebalance was carried out.
    Rebalanced(Rebalanced),
    /// The guardian brought a strategy back to idle.
    Pulled,
    /// Somebody brought a strategy down to its cap.
    Trimmed {
        /// Who.
        by: Address,
    },
    /// What is in force is of this version from now on.
    Version(u64),
}

fn decode<E: SolEvent>(log: &EventLog) -> Option<E> {
    E::decode_raw_log(log.topics.iter().copied(), &log.data).ok()
}

fn status(number: u8) -> Option<StrategyStatus> {
    match number {
        0 => Some(StrategyStatus::Active),
        1 => Some(StrategyStatus::ExitOnly),
        2 => Some(StrategyStatus::WrittenOff),
        _ => None,
    }
}

/// A log of a vault's own, its guard's or a token's, as an event; none if it is none of these. Shares of the vault itself are no
/// holdings, so the vault's own transfers are none either.
#[must_use]
pub fn event_of(vault: Address, guard: Address, log: &EventLog) -> Option<VaultEvent> {
    if log.address == vault {
        return of_vault(log);
    }
    if log.address == guard {
        return of_guard(guard, log);
    }
    let transfer: ITreasuryVault::Transfer = decode(log)?;
    Some(VaultEvent::Transfer { from: transfer.from, to: transfer.to, value: transfer.value })
}

fn of_vault(log: &EventLog) -> Option<VaultEvent> {
    let topic = *log.topics.first()?;
    match topic {
        ITreasuryVault::Deposit::SIGNATURE_HASH => decode::<ITreasuryVault::Deposit>(log)
            .map(|event| VaultEvent::Deposit { assets: event.assets }),
        ITreasuryVault::Withdraw::SIGNATURE_HASH => Some(VaultEvent::Withdraw),
        ITreasuryVault::RedeemedInKind::SIGNATURE_HASH => Some(VaultEvent::RedeemedInKind),
        ITreasuryVault::Checkpointed::SIGNATURE_HASH => Some(VaultEvent::Checkpointed),
        ITreasuryVault::FeesAccrued::SIGNATURE_HASH => {
            let event: ITreasuryVault::FeesAccrued = decode(log)?;
            Some(VaultEvent::FeesAccrued {
                management_shares: event.managementShares,
                performance_shares: event.performanceShares,
            })
        }
        ITreasuryVault::Adopted::SIGNATURE_HASH => {
            let event: ITreasuryVault::Adopted = decode(log)?;
            let entries =
                event.exitList.iter().map(|entry| Some((entry.strategy, status(entry.status)?)));
            entries.collect::<Option<Vec<_>>>().map(VaultEvent::Adopted)
        }
        _ => None,
    }
}

fn of_guard(guard: Address, log: &EventLog) -> Option<VaultEvent> {
    let topic = *log.topics.first()?;
    match topic {
        IPolicyGuard::Rebalanced::SIGNATURE_HASH => {
            find_rebalanced(guard, std::slice::from_ref(log)).map(VaultEvent::Rebalanced)
        }
        IPolicyGuard::StrategyPulled::SIGNATURE_HASH => Some(VaultEvent::Pulled),
        IPolicyGuard::StrategyTrimmed::SIGNATURE_HASH => {
            decode::<IPolicyGuard::StrategyTrimmed>(log)
                .map(|event| VaultEvent::Trimmed { by: event.by })
        }
        IPolicyGuard::PolicyAdopted::SIGNATURE_HASH => decode::<IPolicyGuard::PolicyAdopted>(log)
            .map(|event| VaultEvent::Version(event.version)),
        IPolicyGuard::ModeSet::SIGNATURE_HASH => {
            decode::<IPolicyGuard::ModeSet>(log).map(|event| VaultEvent::Version(event.version))
        }
        IPolicyGuard::AgentRevoked::SIGNATURE_HASH => decode::<IPolicyGuard::AgentRevoked>(log)
            .map(|event| VaultEvent::Version(event.version)),
        _ => None,
    }
}

/// Topics of transfers of any token from an account, and of those to it.
#[must_use]
pub fn transfer_topics(account: Address) -> [Vec<Option<B256>>; 2] {
    let (transfer, account) = (ITreasuryVault::Transfer::SIGNATURE_HASH, account.into_word());
    [vec![Some(transfer), Some(account)], vec![Some(transfer), None, Some(account)]]
}

/// Call data of `balanceOf`.
#[must_use]
pub fn encode_balance_of(account: Address) -> Bytes {
    ITreasuryVault::balanceOfCall { account }.abi_encode().into()
}

/// Call data of `convertToAssets`.
#[must_use]
pub fn encode_convert_to_assets(shares: U256) -> Bytes {
    ITreasuryVault::convertToAssetsCall { shares }.abi_encode().into()
}

/// Call data of `decimals`.
#[must_use]
pub fn encode_decimals() -> Bytes {
    ITreasuryVault::decimalsCall {}.abi_encode().into()
}

/// Call data of `symbol`.
#[must_use]
pub fn encode_symbol() -> Bytes {
    ITreasuryVault::symbolCall {}.abi_encode().into()
}

/// A token's symbol as it may be shown; none if the answer is no text.
#[must_use]
pub fn decode_symbol(answer: &[u8]) -> Option<String> {
    let symbol = ITreasuryVault::symbolCall::abi_decode_returns(answer).ok()?;
    Some(crate::lens::printable(&symbol))
}

/// Call data of the vault's `exitList`.
#[must_use]
pub fn encode_exit_list() -> Bytes {
    ITreasuryVault::exitListCall {}.abi_encode().into()
}

/// The vault's strategies in exit order, with what may be done with each; none if the answer is something else.
#[must_use]
pub fn decode_exit_list(answer: &[u8]) -> Option<Vec<(Address, StrategyStatus)>> {
    let entries = ITreasuryVault::exitListCall::abi_decode_returns(answer).ok()?;
    entries.iter().map(|entry| Some((entry.strategy, status(entry.status)?))).collect()
}

/// Call data of the guard's `guardState`.
#[must_use]
pub fn encode_guard_state() -> Bytes {
    IPolicyGuard::guardStateCall {}.abi_encode().into()
}

/// Version of the policy in force, from the guard's state; none if the answer is something else.
#[must_use]
pub fn decode_policy_version(answer: &[u8]) -> Option<u64> {
    IPolicyGuard::guardStateCall::abi_decode_returns(answer).ok().map(|state| state.policyVersion)
}

/// Call data of the vault's `navState`.
#[must_use]
pub fn encode_nav_state() -> Bytes {
    ITreasuryVault::navStateCall {}.abi_encode().into()
}

/// The vault's live value, from its state; none if the answer is something else.
#[must_use]
pub fn decode_live_assets(answer: &[u8]) -> Option<U256> {
    ITreasuryVault::navStateCall::abi_decode_returns(answer).ok().map(|state| state.liveAssets)
}

/// A single number; none if the answer is something else.
#[must_use]
pub fn decode_number(answer: &[u8]) -> Option<U256> {
    (answer.len() == 32).then(|| U256::from_be_slice(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VAULT: Address = Address::repeat_byte(1);
    const GUARD: Address = Address::repeat_byte(2);
    const TOKEN: Address = Address::repeat_byte(3);

    fn log(address: Address, event: &impl SolEvent) -> EventLog {
        let data = event.encode_log_data();
        EventLog { address, topics: data.topics().to_vec(), data: data.data }
    }

    #[test]
    fn events_are_those_of_their_contract() {
        let transfer = ITreasuryVault::Transfer { from: VAULT, to: GUARD, value: U256::from(5) };
        let found = event_of(VAULT, GUARD, &log(TOKEN, &transfer));
        assert_eq!(
            found,
            Some(VaultEvent::Transfer { from: VAULT, to: GUARD, value: U256::from(5) })
        );
        // Shares of the vault are no holdings.
        assert_eq!(event_of(VAULT, GUARD, &log(VAULT, &transfer)), None);
        let deposit = ITreasuryVault::Deposit {
            sender: TOKEN,
            owner: TOKEN,
            assets: U256::from(7),
            shares: U256::from(8),
        };
        let found = event_of(VAULT, GUARD, &log(VAULT, &deposit));
        assert_eq!(found, Some(VaultEvent::Deposit { assets: U256::from(7) }));
        // A strategy's deposits are its own affair.
        assert_eq!(event_of(VAULT, GUARD, &log(TOKEN, &deposit)), None);
        let trimmed =
            IPolicyGuard::StrategyTrimmed { by: TOKEN, strategy: VAULT, assets: U256::from(9) };
        assert_eq!(
            event_of(VAULT, GUARD, &log(GUARD, &trimmed)),
            Some(VaultEvent::Trimmed { by: TOKEN })
        );
        assert_eq!(event_of(VAULT, GUARD, &log(VAULT, &trimmed)), None);
    }

    #[test]
    fn lists_of_strategies_and_numbers_are_read_back() {
        let entry = |strategy, status| ITreasuryVault::ExitEntry { strategy, status };
        let answer = ITreasuryVault::exitListCall::abi_encode_returns(&vec![
            entry(TOKEN, 0),
            entry(GUARD, 2),
        ]);
        let list = decode_exit_list(&answer).unwrap();
        assert_eq!(list, [(TOKEN, StrategyStatus::Active), (GUARD, StrategyStatus::WrittenOff)]);
        let odd = ITreasuryVault::exitListCall::abi_encode_returns(&vec![entry(TOKEN, 3)]);
        assert_eq!(decode_exit_list(&odd), None);
        assert_eq!(decode_exit_list(&[]), None);
        assert_eq!(decode_number(&[]), None);
        assert_eq!(decode_number(&U256::from(3).to_be_bytes::<32>()), Some(U256::from(3)));
        let symbol = ITreasuryVault::symbolCall::abi_encode_returns(&"a\u{1b}[1mUSD".to_owned());
        assert_eq!(decode_symbol(&symbol).unwrap(), "a[1mUSD");
    }
}
