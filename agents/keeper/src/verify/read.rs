//! Asks the chain for everything that is compared, at one block.

use std::collections::BTreeMap;

use alloy::{
    primitives::{Address, B256, Bytes, U256, b256},
    sol_types::SolCall,
};
use vagus_chain::{
    ChainError, ChainReader as _, GovernorDeployment, LogFilter, Reading, TimelockDeployment,
    guard::{decode_ceilings, encode_ceilings},
};
use vagus_policy::Mode;

use super::{
    declared::{Declared, DeclaredVault, Pinned},
    facts::{
        GovernorFacts, OwnerFacts, SafeFacts, Seen, Settings, StrategyFacts, TimelockFacts,
        VaultFacts,
    },
    interfaces::{Governor, Guard, Parts, Safe, Timelock, Token, Vault},
    roles,
};
use crate::{attribution::logs_of, exit::Failure, world::chain_failure};

/// Where an upgradable proxy keeps the address of its code (ERC-1967).
const IMPLEMENTATION_SLOT: B256 =
    b256!("0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
/// Where a Safe keeps the address of its guard, keccak-256 of "guard_manager.guard.address".
const SAFE_GUARD_SLOT: B256 =
    b256!("0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8");
/// Head of a Safe's list of modules.
const SENTINEL: Address = Address::with_last_byte(1);

/// Everything of the declared vaults and their owner.
///
/// # Errors
/// If the chain cannot be asked.
pub(super) async fn read(declared: &Declared, chain: &Pinned) -> Result<Seen, Failure> {
    let mut vaults = Vec::new();
    for vault in &declared.vaults {
        vaults.push(self::vault(declared, vault, chain).await?);
    }
    Ok(Seen {
        block: chain.head.block,
        chain_id: chain.chain_id,
        genesis: chain.genesis,
        owner: owner(declared, chain).await?,
        vaults,
    })
}

fn failed(error: ChainError) -> Failure {
    chain_failure(&error)
}

/// A contract's answer; none if it reverts, is not there, or says something else.
///
/// # Errors
/// If the chain cannot be asked.
pub(super) async fn ask<C: SolCall + Send>(
    chain: &Pinned,
    contract: Address,
    call: C,
) -> Result<Option<C::Return>, Failure> {
    let answer = answer(chain, contract, &call.abi_encode().into()).await?;
    Ok(answer.and_then(|answer| C::abi_decode_returns_validate(&answer).ok()))
}

async fn answer(
    chain: &Pinned,
    contract: Address,
    input: &Bytes,
) -> Result<Option<Bytes>, Failure> {
    Ok(match chain.endpoints.read(contract, input, &chain.head).await.map_err(failed)? {
        Reading::Answer(answer) => Some(answer),
        Reading::Fails => None,
    })
}

async fn code(chain: &Pinned, account: Address) -> Result<Bytes, Failure> {
    chain.endpoints.code(account, &chain.head).await.map_err(failed)
}

async fn address_at(chain: &Pinned, account: Address, slot: B256) -> Result<Address, Failure> {
    let word = chain.endpoints.storage(account, slot, &chain.head).await.map_err(failed)?;
    Ok(Address::from_word(word))
}

async fn owner(declared: &Declared, chain: &Pinned) -> Result<OwnerFacts, Failure> {
    let Some(owner) = &declared.deployment.owner else { return Ok(OwnerFacts::default()) };
    let deployer = declared.deployment.deployer;
    let mut facts = OwnerFacts { code: code(chain, owner.address).await?, ..OwnerFacts::default() };
    if let Some(timelock) = &owner.timelock {
        facts.timelock = Some(self::timelock(chain, owner.address, timelock, deployer).await?);
    }
    if let Some(governor) = &owner.governor {
        facts.governor = Some(self::governor(chain, governor, deployer).await?);
    }
    if owner.safe.is_some() {
        facts.safe = Some(self::safe(chain, owner.address).await?);
    }
    Ok(facts)
}

async fn timelock(
    chain: &Pinned,
    address: Address,
    declared: &TimelockDeployment,
    deployer: Address,
) -> Result<TimelockFacts, Failure> {
    let (addresses, topics) = (vec![address], Vec::new());
    let (first, last) = (declared.from_block, chain.head.block.number);
    let filter = LogFilter { addresses, topics, first, last };
    let logs = logs_of(&chain.endpoints, &filter).await.map_err(failed)?;
    let roles::Roles { members, moved_admins } = roles::replayed(address, &logs);
    let mut facts = TimelockFacts { members, moved_admins, ..TimelockFacts::default() };
    facts.delay_seconds = ask(chain, address, Timelock::getMinDelayCall {}).await?;
    let [(_, admin), (_, proposer), (_, canceller), (_, executor)] = roles::named();
    let wanted = [
        (admin, vec![address]),
        (proposer, declared.proposers.clone()),
        (canceller, declared.cancellers.clone()),
        (executor, declared.executors.clone()),
    ];
    // Asked as well: an endpoint that leaves out events must not make a role look as if it were there.
    for (role, accounts) in wanted {
        for account in accounts {
            let has = ask(chain, address, Timelock::hasRoleCall { role, account }).await?;
            if has != Some(true) {
                facts.missing.push((role, account));
            }
        }
        let call = Timelock::hasRoleCall { role, account: deployer };
        if ask(chain, address, call).await? != Some(false) {
            facts.of_deployer.push(role);
        }
    }
    Ok(facts)
}

async fn governor(
    chain: &Pinned,
    declared: &GovernorDeployment,
    deployer: Address,
) -> Result<GovernorFacts, Failure> {
    let (address, votes) = (declared.address, declared.votes);
    Ok(GovernorFacts {
        code: code(chain, address).await?,
        votes_code: code(chain, votes).await?,
        timelock: ask(chain, address, Governor::timelockCall {}).await?,
        token: ask(chain, address, Governor::tokenCall {}).await?,
        voting_delay: ask(chain, address, Governor::votingDelayCall {}).await?,
        voting_period: ask(chain, address, Governor::votingPeriodCall {}).await?,
        proposal_threshold: ask(chain, address, Governor::proposalThresholdCall {}).await?,
        quorum_percent: ask(chain, address, Governor::quorumNumeratorCall {}).await?,
        votes_of_deployer: (
            ask(chain, votes, Token::balanceOfCall { account: deployer }).await?,
            ask(chain, votes, Token::getVotesCall { account: deployer }).await?,
        ),
    })
}

async fn safe(chain: &Pinned, address: Address) -> Result<SafeFacts, Failure> {
    let singleton = address_at(chain, address, B256::ZERO).await?;
    let call = Safe::getModulesPaginatedCall { start: SENTINEL, pageSize: U256::from(10) };
    Ok(SafeFacts {
        singleton,
        singleton_code: code(chain, singleton).await?,
        owners: ask(chain, address, Safe::getOwnersCall {}).await?,
        threshold: ask(chain, address, Safe::getThresholdCall {}).await?,
        modules: ask(chain, address, call).await?.map(|page| page.array),
        guard: address_at(chain, address, SAFE_GUARD_SLOT).await?,
    })
}

async fn vault(
    declared: &Declared,
    vault: &DeclaredVault,
    chain: &Pinned,
) -> Result<VaultFacts, Failure> {
    let entry = &vault.entry;
    let guard = entry.guard;
    let parts = parts(vault, chain).await?;
    let part = |what: &str, recorded: Option<Address>| {
        recorded.or_else(|| parts.get(what).copied().flatten()).unwrap_or_default()
    };
    let mut codes = BTreeMap::new();
    for (contract, address) in [
        ("TreasuryVault", entry.vault),
        ("VaultPeriphery", part("vault's second half", entry.vault_periphery)),
        ("Conduit", entry.conduit),
        ("PolicyGuard", guard),
        ("GuardGovernance", part("guard's second part", entry.guard_governance)),
        ("GuardRules", part("guard's rules", entry.guard_rules)),
        ("TreasuryFactory", entry.factory),
        ("TreasuryLens", entry.lens),
    ] {
        codes.insert(contract, code(chain, address).await?);
    }
    let state = ask(chain, guard, Guard::guardStateCall {}).await?;
    let in_force =
        state.as_ref().map(|state| (state.policyVersion, state.policyHash, state.policyBlock));
    let policy = match in_force {
        Some((version, hash, block)) if version > 0 => {
            chain.endpoints.policy(guard, block, hash).await.ok()
        }
        _ => None,
    };
    let named = ask(chain, guard, Guard::namedGuardianCall {}).await?;
    let deployer = declared.deployment.deployer;
    let of_deployer = ask(chain, guard, Guard::agentStateCall { agent: deployer }).await?;
    let mut facts = VaultFacts {
        codes,
        parts,
        owner: ask(chain, guard, Guard::ownerCall {}).await?,
        offered_owner: ask(chain, guard, Guard::offeredOwnerCall {}).await?,
        guardian: ask(chain, guard, Guard::guardianCall {}).await?,
        named_guardian: named.map(|named| (named.guardian_, named.activatableAt.to())),
        ceilings: answer(chain, guard, &encode_ceilings())
            .await?
            .and_then(|said| decode_ceilings(&said)),
        policy_delay_seconds: ask(chain, guard, Guard::policyDelaySecondsCall {}).await?,
        pending: ask(chain, guard, Guard::pendingPolicyCall {}).await?.map(|pending| pending.hash),
        in_force,
        mode: state.and_then(|state| mode(state.mode)),
        settings: ask(chain, entry.vault, Vault::navParametersCall {}).await?.map(settings),
        exit_list: ask(chain, entry.vault, Vault::exitListCall {})
            .await?
            .map(|list| list.iter().map(|exit| (exit.strategy, exit.status)).collect()),
        deployer_is_agent: of_deployer.map(|state| state.exists),
        policy,
        ..VaultFacts::default()
    };
    let document = vault.policy.as_ref().or(facts.policy.as_ref());
    let (mut mandates, mut strategies) = (Vec::new(), Vec::new());
    for agent in document.iter().flat_map(|document| &document.agents) {
        let state = ask(chain, guard, Guard::agentStateCall { agent: agent.agent }).await?;
        mandates.push((agent.agent, state.map(|state| state.exists && !state.isRevoked)));
    }
    for strategy in document.iter().flat_map(|document| &document.strategies) {
        strategies.push(self::strategy(chain, strategy.strategy).await?);
    }
    (facts.mandates, facts.strategies) = (mandates, strategies);
    Ok(facts)
}

async fn parts(
    vault: &DeclaredVault,
    chain: &Pinned,
) -> Result<BTreeMap<&'static str, Option<Address>>, Failure> {
    let (at, guard) = (vault.entry.vault, vault.entry.guard);
    Ok(BTreeMap::from([
        ("vault's guard", ask(chain, at, Vault::guardCall {}).await?),
        ("vault's conduit", ask(chain, at, Vault::conduitCall {}).await?),
        ("vault's asset", ask(chain, at, Vault::assetCall {}).await?),
        ("vault's second half", ask(chain, at, Parts::peripheryCall {}).await?),
        ("guard's vault", ask(chain, guard, Guard::vaultCall {}).await?),
        ("guard's second part", ask(chain, guard, Parts::governanceCall {}).await?),
        ("guard's rules", ask(chain, guard, Parts::rulesCall {}).await?),
    ]))
}

async fn strategy(chain: &Pinned, strategy: Address) -> Result<StrategyFacts, Failure> {
    let implementation = address_at(chain, strategy, IMPLEMENTATION_SLOT).await?;
    let implementation = match implementation {
        Address::ZERO => None,
        address => Some((address, code(chain, address).await?)),
    };
    Ok(StrategyFacts { strategy, code: code(chain, strategy).await?, implementation })
}

const fn mode(number: u8) -> Option<Mode> {
    match number {
        0 => Some(Mode::Active),
        1 => Some(Mode::ExitOnly),
        2 => Some(Mode::Paused),
        _ => None,
    }
}

fn settings(said: Vault::NavParameters) -> Settings {
    Settings {
        max_growth_wad: said.maxGrowthWad,
        max_drawdown_bps: said.maxDrawdownBps,
        entry_halt_seconds: said.entryHaltSeconds,
        seasoning_seconds: said.seasoningSeconds,
        max_nav_age_seconds: said.maxNavAgeSeconds,
        deposit_cap: said.depositCap,
        management_fee_bps: said.managementFeeBps,
        performance_fee_bps: said.performanceFeeBps,
        fee_recipient: said.feeRecipient,
    }
}
