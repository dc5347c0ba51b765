//! The owner of the guards and who may act through it, beside what is declared. Pure.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::{Address, B256, U256};
use vagus_chain::{
    Deployment, GovernorDeployment, OwnerDeployment, SafeDeployment, TimelockDeployment,
};

use super::{
    Check,
    compare::{Checks, listed, nobody_or},
    declared::Declared,
    facts::{GovernorFacts, SafeFacts, Seen, TimelockFacts},
    roles,
};

/// How the zero address reads among executors.
const ANYONE: &str = "anyone";
const NONE: &str = "none";

pub(super) fn owner(declared: &Declared, seen: &Seen, all: &mut Vec<Check>) {
    let Some(owner) = &declared.deployment.owner else { return };
    let mut checks = Checks::of("owner", all);
    checks.code("code of the owner, as recorded", owner.code_hash, &seen.owner.code);
    if let (Some(timelock), Some(facts)) = (&owner.timelock, &seen.owner.timelock) {
        self::timelock(&mut checks, owner.address, timelock, facts);
    }
    if let (Some(governor), Some(facts)) = (&owner.governor, &seen.owner.governor) {
        self::governor(&mut checks, owner.address, governor, facts);
    }
    if let (Some(safe), Some(facts)) = (&owner.safe, &seen.owner.safe) {
        self::safe(&mut checks, safe, facts);
    }
    deployer(&declared.deployment, owner, seen, all);
}

fn seconds(checks: &mut Checks<'_>, subject: &str, expected: u64, found: Option<U256>) {
    checks.same(subject, &U256::from(expected), found.as_ref(), ToString::to_string);
}

fn timelock(
    checks: &mut Checks<'_>,
    address: Address,
    declared: &TimelockDeployment,
    facts: &TimelockFacts,
) {
    seconds(checks, "delay of the timelock, seconds", declared.delay_seconds, facts.delay_seconds);
    let [(_, admin), (_, proposer), (_, canceller), (_, executor)] = roles::named();
    let expected: BTreeMap<B256, BTreeSet<Address>> = BTreeMap::from([
        (admin, BTreeSet::from([address])),
        (proposer, declared.proposers.iter().copied().collect()),
        (canceller, declared.cancellers.iter().copied().collect()),
        (executor, declared.executors.iter().copied().collect()),
    ]);
    let nobody = BTreeSet::new();
    let known: BTreeSet<B256> = expected.keys().chain(facts.members.keys()).copied().collect();
    for role in known {
        let expected = expected.get(&role).unwrap_or(&nobody);
        let found = facts.members.get(&role).unwrap_or(&nobody);
        let missing: Vec<String> = facts
            .missing
            .iter()
            .filter(|(of, account)| *of == role && found.contains(account))
            .map(|(_, account)| account.to_string())
            .collect();
        let mut told = listed(found, ANYONE);
        if !missing.is_empty() {
            told = format!("{told}; asked, the timelock denies it of {}", missing.join(", "));
        }
        let ok = expected == found && missing.is_empty();
        let subject = format!("{}s of the timelock", roles::words(role));
        checks.put(subject, ok, listed(expected, ANYONE), told);
    }
    let moved: Vec<String> = facts
        .moved_admins
        .iter()
        .map(|(role, admin)| format!("{} by {}", roles::words(*role), roles::words(*admin)))
        .collect();
    let found = if moved.is_empty() { NONE.to_owned() } else { moved.join(", ") };
    checks.put("roles that others than the admin give", moved.is_empty(), NONE.to_owned(), found);
}

fn governor(
    checks: &mut Checks<'_>,
    timelock: Address,
    declared: &GovernorDeployment,
    facts: &GovernorFacts,
) {
    checks.code("code of the governor, as recorded", declared.code_hash, &facts.code);
    checks.code("code of the votes, as recorded", declared.votes_code_hash, &facts.votes_code);
    checks.account("timelock of the governor", timelock, facts.timelock);
    checks.account("votes of the governor", declared.votes, facts.token);
    seconds(checks, "voting delay", declared.voting_delay, facts.voting_delay);
    seconds(checks, "voting period", declared.voting_period, facts.voting_period);
    let threshold = &declared.proposal_threshold;
    let found = facts.proposal_threshold.as_ref();
    checks.same("proposal threshold", threshold, found, ToString::to_string);
    if let Some(percent) = declared.quorum_percent {
        seconds(checks, "quorum, percent", percent, facts.quorum_percent);
    }
}

fn safe(checks: &mut Checks<'_>, declared: &SafeDeployment, facts: &SafeFacts) {
    checks.account("code that the Safe runs", declared.singleton, Some(facts.singleton));
    let hash = declared.singleton_code_hash;
    checks.code("code that the Safe runs, as recorded", hash, &facts.singleton_code);
    let set = |accounts: &[Address]| accounts.iter().copied().collect::<BTreeSet<_>>();
    let write = |accounts: &BTreeSet<Address>| listed(accounts, NONE);
    let found = facts.owners.as_deref().map(set);
    checks.same("owners of the Safe", &set(&declared.owners), found.as_ref(), write);
    seconds(checks, "threshold of the Safe", declared.threshold, facts.threshold);
    let found = facts.modules.as_deref().map(set);
    checks.same("modules of the Safe", &BTreeSet::new(), found.as_ref(), write);
    checks.same("guard of the Safe", &Address::ZERO, Some(&facts.guard), |it| nobody_or(*it));
}

/// That who deployed has no power, through the owner; through each vault it is compared there.
fn deployer(deployment: &Deployment, owner: &OwnerDeployment, seen: &Seen, all: &mut Vec<Check>) {
    let mut checks = Checks::of("deployer", all);
    let deployer = deployment.deployer;
    if let Some(facts) = &seen.owner.timelock {
        let by_events = facts.members.iter().filter(|(_, members)| members.contains(&deployer));
        let has: BTreeSet<B256> =
            facts.of_deployer.iter().copied().chain(by_events.map(|(role, _)| *role)).collect();
        let told: Vec<String> = has.iter().map(|role| roles::words(*role)).collect();
        let found = if told.is_empty() { NONE.to_owned() } else { told.join(", ") };
        checks.put("roles in the timelock", told.is_empty(), NONE.to_owned(), found);
    }
    if let Some(facts) = &seen.owner.governor {
        let (held, given) = (facts.votes_of_deployer.0, facts.votes_of_deployer.1);
        let write = ToString::to_string;
        checks.same("votes held", &U256::ZERO, held.as_ref(), write);
        checks.same("voting power", &U256::ZERO, given.as_ref(), write);
    }
    if let Some(facts) = &seen.owner.safe {
        let signs = facts.owners.as_ref().map(|owners| owners.contains(&deployer));
        let write = |it: &bool| if *it { "yes" } else { "no" }.to_owned();
        checks.same("signs for the Safe", &false, signs.as_ref(), write);
    }
    let is_owner = owner.address == deployer;
    let write = |it: &bool| if *it { "yes" } else { "no" }.to_owned();
    checks.same("is the owner", &false, Some(&is_owner), write);
}
