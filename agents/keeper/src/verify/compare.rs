//! What is declared beside what was read: one check each. Pure.

mod document;

use std::collections::BTreeSet;

use alloy::primitives::{Address, B256, keccak256};
use vagus_policy::{Ceilings, toml::write};

use super::{
    Check,
    code::CodeList,
    declared::{Declared, DeclaredVault, Pin},
    facts::{Seen, StrategyFacts, VaultFacts},
    owner,
};

/// What stands for an answer that a contract does not give.
const UNREAD: &str = "cannot be read";
/// What stands for nobody and nothing.
const NONE: &str = "none";

/// Collects checks of an area.
pub(super) struct Checks<'a> {
    area: String,
    all: &'a mut Vec<Check>,
}

impl<'a> Checks<'a> {
    pub(super) fn of(area: impl Into<String>, all: &'a mut Vec<Check>) -> Self {
        Self { area: area.into(), all }
    }

    pub(super) fn put(
        &mut self,
        subject: impl Into<String>,
        ok: bool,
        expected: String,
        found: String,
    ) {
        let (area, subject) = (self.area.clone(), subject.into());
        self.all.push(Check { area, subject, ok, expected, found });
    }

    /// A value that has to be the declared one.
    pub(super) fn same<T: PartialEq>(
        &mut self,
        subject: impl Into<String>,
        expected: &T,
        found: Option<&T>,
        write: impl Fn(&T) -> String,
    ) {
        let told = found.map_or_else(|| UNREAD.to_owned(), &write);
        self.put(subject, found == Some(expected), write(expected), told);
    }

    pub(super) fn account(
        &mut self,
        subject: impl Into<String>,
        expected: Address,
        found: Option<Address>,
    ) {
        self.same(subject, &expected, found.as_ref(), |it| nobody_or(*it));
    }

    /// Code that has to hash to what is recorded.
    pub(super) fn code(&mut self, subject: impl Into<String>, expected: B256, code: &[u8]) {
        self.same(subject, &expected, Some(&keccak256(code)), ToString::to_string);
    }
}

/// An account, or nobody.
pub(super) fn nobody_or(account: Address) -> String {
    if account.is_zero() { NONE.to_owned() } else { account.to_string() }
}

/// Accounts in one order, or nobody.
pub(super) fn listed(accounts: &BTreeSet<Address>, zero: &str) -> String {
    if accounts.is_empty() {
        return NONE.to_owned();
    }
    let name = |it: &Address| if it.is_zero() { zero.to_owned() } else { it.to_string() };
    accounts.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Everything that is compared, in the order of the page.
pub(super) fn compare(declared: &Declared, seen: &Seen) -> Vec<Check> {
    let mut all = Vec::new();
    let mut chain = Checks::of("chain", &mut all);
    let deployment = &declared.deployment;
    chain.same("id", &deployment.chain_id, Some(&seen.chain_id), ToString::to_string);
    chain.same("genesis", &deployment.genesis_hash, seen.genesis.as_ref(), ToString::to_string);
    owner::owner(declared, seen, &mut all);
    for (vault, facts) in declared.vaults.iter().zip(&seen.vaults) {
        let mut checks = Checks::of(format!("vault {}", vault.name), &mut all);
        codes(&mut checks, &declared.code, vault, facts);
        parts(&mut checks, vault, facts);
        powers(&mut checks, declared, vault, facts);
        ceilings(&mut checks, &vault.entry.ceilings, facts.ceilings.as_ref());
        document::policy(&mut checks, vault, facts);
        strategies(&mut checks, declared, vault, facts);
    }
    all
}

fn codes(checks: &mut Checks<'_>, code: &CodeList, vault: &DeclaredVault, facts: &VaultFacts) {
    let recorded = &vault.entry.code_hashes;
    for (contract, what, hash) in [
        ("TreasuryVault", "vault", Some(recorded.vault)),
        ("VaultPeriphery", "vault's second half", recorded.vault_periphery),
        ("Conduit", "conduit", Some(recorded.conduit)),
        ("PolicyGuard", "guard", Some(recorded.guard)),
        ("GuardGovernance", "guard's second part", recorded.guard_governance),
        ("GuardRules", "guard's rules", recorded.guard_rules),
        ("TreasuryFactory", "factory", recorded.factory),
        ("TreasuryLens", "lens", Some(recorded.lens)),
    ] {
        let found = facts.codes.get(contract).map_or(&[][..], |code| code.as_ref());
        let is_built = code.get(contract).is_some_and(|known| known.is(found));
        let name = match code.name_of(found) {
            Some(name) => name.to_owned(),
            None if found.is_empty() => "no code".to_owned(),
            None => "code that is not of this build".to_owned(),
        };
        let found_name = if is_built { contract.to_owned() } else { name };
        checks.put(format!("code of the {what}"), is_built, contract.to_owned(), found_name);
        // The build leaves open what immutables say; the record does not.
        if let Some(hash) = hash {
            checks.code(format!("code of the {what}, as recorded"), hash, found);
        }
    }
}

fn parts(checks: &mut Checks<'_>, vault: &DeclaredVault, facts: &VaultFacts) {
    let entry = &vault.entry;
    for (part, expected) in [
        ("vault's guard", Some(entry.guard)),
        ("vault's conduit", Some(entry.conduit)),
        ("vault's asset", Some(entry.asset)),
        ("vault's second half", entry.vault_periphery),
        ("guard's vault", Some(entry.vault)),
        ("guard's second part", entry.guard_governance),
        ("guard's rules", entry.guard_rules),
    ] {
        let Some(expected) = expected else { continue };
        checks.account(part, expected, facts.parts.get(part).copied().flatten());
    }
}

fn powers(checks: &mut Checks<'_>, declared: &Declared, vault: &DeclaredVault, facts: &VaultFacts) {
    let deployment = &declared.deployment;
    let owner = deployment.owner.as_ref().map(|owner| owner.address).or(vault.entry.timelock);
    if let Some(owner) = owner {
        checks.account("owner", owner, facts.owner);
    }
    checks.account("ownership offered to", Address::ZERO, facts.offered_owner);
    checks.account("guardian", vault.entry.guardian, facts.guardian);
    let named = facts.named_guardian;
    let found = match named {
        None => UNREAD.to_owned(),
        Some((_, 0)) => NONE.to_owned(),
        Some((account, at)) => format!("{} from {}", nobody_or(account), write::time(at)),
    };
    checks.put("guardian named", named.is_some_and(|(_, at)| at == 0), NONE.to_owned(), found);

    let deployer = deployment.deployer;
    let has = [
        ("owner", facts.owner == Some(deployer)),
        ("guardian", facts.guardian == Some(deployer)),
        ("offered ownership", facts.offered_owner == Some(deployer)),
        ("named guardian", named.is_some_and(|(account, at)| at > 0 && account == deployer)),
        ("agent", facts.deployer_is_agent != Some(false)),
    ];
    let has: Vec<&str> = has.into_iter().filter(|(_, has)| *has).map(|(what, _)| what).collect();
    let found = if has.is_empty() { NONE.to_owned() } else { has.join(", ") };
    checks.put("powers of the deployer", has.is_empty(), NONE.to_owned(), found);
}

fn ceilings(checks: &mut Checks<'_>, expected: &Ceilings, found: Option<&Ceilings>) {
    let mut bps = |subject: &str, value: fn(&Ceilings) -> u16| {
        let found = found.map(value);
        checks.same(format!("ceiling {subject}"), &value(expected), found.as_ref(), |it| {
            write::percent(*it)
        });
    };
    bps("max_turnover", |it| it.max_turnover_bps);
    bps("max_loss", |it| it.max_loss_bps);
    bps("max_management_fee", |it| it.max_management_fee_bps);
    bps("max_performance_fee", |it| it.max_performance_fee_bps);
    let mut seconds = |subject: &str, value: fn(&Ceilings) -> u32| {
        let found = found.map(value);
        checks.same(format!("ceiling {subject}"), &value(expected), found.as_ref(), |it| {
            write::duration(*it)
        });
    };
    seconds("min_window", |it| it.min_window_seconds);
    seconds("min_policy_delay", |it| it.min_policy_delay_seconds);
    seconds("max_policy_delay", |it| it.max_policy_delay_seconds);
    seconds("grace", |it| it.grace_seconds);
}

fn strategies(
    checks: &mut Checks<'_>,
    declared: &Declared,
    vault: &DeclaredVault,
    facts: &VaultFacts,
) {
    for strategy in &facts.strategies {
        let name = vault.context.account(strategy.strategy);
        let pin = declared.pins.iter().find(|pin| pin.strategy == strategy.strategy);
        let subject = format!("code of strategy {name}");
        match (declared.code.name_of(&strategy.code), pin) {
            (Some(contract), _) => {
                checks.put(subject, true, contract.to_owned(), contract.to_owned());
            }
            (None, Some(pin)) => pinned(checks, &subject, pin, strategy),
            (None, None) => {
                let found = if strategy.code.is_empty() {
                    "no code".to_owned()
                } else {
                    keccak256(&strategy.code).to_string()
                };
                let expected = "a contract of this build, or a code hash in the file of strategies";
                checks.put(subject, false, expected.to_owned(), found);
            }
        }
    }
}

fn pinned(checks: &mut Checks<'_>, subject: &str, pin: &Pin, strategy: &StrategyFacts) {
    checks.code(subject, pin.code_hash, &strategy.code);
    let found = strategy.implementation.as_ref();
    let expected = pin.implementation.unwrap_or_default();
    let address = found.map(|(address, _)| *address).unwrap_or_default();
    if expected.is_zero() && address.is_zero() {
        return;
    }
    checks.account(format!("{subject}, behind its proxy"), expected, Some(address));
    let code = found.map_or(&[][..], |(_, code)| code.as_ref());
    let hash = pin.implementation_code_hash.unwrap_or_default();
    checks.code(format!("{subject}, behind its proxy, its code"), hash, code);
}
