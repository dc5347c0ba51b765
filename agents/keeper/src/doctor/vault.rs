//! A vault: policy, mandate, budgets, amounts of the configuration, and what the guard itself would refuse now.

use vagus_chain::{
    Call, ChainReader as _, Header, Simulation,
    guard::{decode_first_refusal, describe_revert, encode_first_refusal},
};
use vagus_journal::draft;
use vagus_policy::{Mode, Policy, Refusal, Rule, Snapshot};

use super::Findings;
use crate::{
    render::number::{assets, span, time},
    status::{self, Mandate},
    words,
    world::{ChainWorld, VaultWorld},
};

/// Somebody has to vote before a mandate is over, and that takes days.
const SOON_SECONDS: u64 = 14 * 86_400;

pub(super) async fn vault(findings: &mut Findings, area: &str, world: &ChainWorld, head: &Header) {
    let Some(vault) = world.vaults.first() else { return };
    let unread = "raise lens_gas, or take an endpoint that allows such calls";
    let sightings = match world.sightings(head).await {
        Ok(sightings) => sightings,
        Err(error) => return findings.fail(area, "lens", error.to_string(), unread),
    };
    let snapshot = match sightings.first().map(|sighting| vault.recognised(sighting)) {
        Some(Ok(snapshot)) => snapshot,
        Some(Err(cause)) => return findings.fail(area, "lens", cause, unread),
        None => return findings.fail(area, "lens", "it left out the vault", unread),
    };
    let nav = assets(snapshot.vault.nav.nav_assets, &snapshot.vault.asset);
    findings.ok(area, "lens", format!("reads {nav} at block {}", snapshot.block.number));
    strategies(findings, area, vault, snapshot);
    match world.inputs(vault, snapshot) {
        Ok(_) => findings.ok(area, "amounts", format!("are of {}", snapshot.vault.asset.symbol)),
        Err(failure) => {
            let remedy = "write them in the vault's asset";
            findings.fail(area, "amounts", failure.sentence, remedy);
        }
    }
    let policy = match world.policy(snapshot).await {
        Ok(Some(policy)) => policy,
        Ok(None) => {
            let remedy =
                "governance has to adopt a policy; until then the keeper holds, with NoPolicy";
            return findings.warn(area, "policy", "none is in force", remedy);
        }
        Err(error) => {
            let remedy = "take an endpoint with the logs of that block, or a newer keeper";
            return findings.fail(area, "policy", error.to_string(), remedy);
        }
    };
    mode(findings, area, snapshot);
    let view = status::view(world, vault, Some(&policy), snapshot);
    let Some(mandate) = &view.mandate else {
        let found = format!("the policy in force names no agent {}", world.agent);
        let remedy = "correct [agent] address, or let governance give it a mandate";
        return findings.fail(area, "mandate", found, remedy);
    };
    self::mandate(findings, area, mandate, snapshot);
    first_refusal(findings, area, world, vault, &policy, snapshot, head).await;
}

fn strategies(findings: &mut Findings, area: &str, vault: &VaultWorld, snapshot: &Snapshot) {
    let strategies = &snapshot.vault.strategies;
    let unread: Vec<_> =
        strategies.iter().filter(|one| !one.is_readable).map(|one| one.symbol.as_str()).collect();
    if !unread.is_empty() {
        let found = format!("cannot be read: {}", unread.join(", "));
        let remedy = "the keeper holds, with Unreadable, until they answer or are written off";
        findings.warn(area, "strategies", found, remedy);
    }
    let is_listed = |named| strategies.iter().any(|one| one.strategy == named);
    let strange = vault.config.strategies.keys().filter(|named| !is_listed(**named));
    let strange: Vec<_> = strange.map(ToString::to_string).collect();
    if !strange.is_empty() {
        let found = format!("no strategy of the vault: {}", strange.join(", "));
        findings.warn(area, "names", found, "correct [vaults.strategies]");
    }
}

fn mode(findings: &mut Findings, area: &str, snapshot: &Snapshot) {
    let state = &snapshot.vault.guard_state;
    let found = format!("version {}, {:?}", state.policy_version, state.mode);
    match state.mode {
        Mode::Active => findings.ok(area, "policy", found),
        Mode::ExitOnly | Mode::Paused => {
            let remedy = "guardian or governance did that; a new policy ends it";
            findings.warn(area, "policy", found, remedy);
        }
    }
}

pub(super) fn mandate(findings: &mut Findings, area: &str, mandate: &Mandate, snapshot: &Snapshot) {
    let left = mandate.expires_at.saturating_sub(snapshot.block.timestamp);
    let until = time(mandate.expires_at);
    let vote = "let governance vote a policy with a new mandate";
    if mandate.is_revoked {
        findings.fail(area, "mandate", "it was revoked", vote);
    } else if !mandate.is_valid {
        findings.fail(area, "mandate", format!("it expired at {until}"), vote);
    } else if left < SOON_SECONDS {
        findings.warn(area, "mandate", format!("it expires in {}, at {until}", span(left)), vote);
    } else {
        findings.ok(area, "mandate", format!("until {until}, next nonce {}", mandate.nonce));
    }
    for (subject, room) in [("may move", mandate.turnover), ("may lose", mandate.loss)] {
        let asset = &snapshot.vault.asset;
        let found = format!("{} of {}", assets(room.left, asset), assets(room.capacity, asset));
        if room.left.is_zero() {
            let remedy = "the budget fills up evenly over its window; an empty vault has none";
            findings.warn(area, subject, found, remedy);
        } else {
            findings.ok(area, subject, found);
        }
    }
}

/// What to do about a refusal.
const fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::Cooldown | Rule::Turnover | Rule::Loss => "none: time ends it",
        Rule::Mode | Rule::Mandate | Rule::Scope => "a new policy ends it",
        Rule::Freshness => "ask again: another rebalance came between",
        _ => "the plan leaves it inside, or repairs it; see keeper plan",
    }
}

async fn first_refusal(
    findings: &mut Findings,
    area: &str,
    world: &ChainWorld,
    vault: &VaultWorld,
    policy: &Policy,
    snapshot: &Snapshot,
    head: &Header,
) {
    const SUBJECT: &str = "smallest move";
    let Ok(inputs) = world.inputs(vault, snapshot) else { return };
    let Some(moves) = draft::smallest_moves(policy, snapshot) else {
        return findings.ok(area, SUBJECT, "there is nothing to move");
    };
    let rebalance = draft::rebalance(Some(policy), snapshot, &inputs, moves);
    let at = snapshot.block.timestamp.saturating_add(inputs.block_seconds.into());
    let call = Call {
        returns: true,
        from: world.agent,
        to: vault.entry.guard,
        input: encode_first_refusal(&rebalance, world.agent, at),
        gas: vault.config.gas.limit,
    };
    let ask = "ask the endpoint's operator whether it simulates calls at a block's hash";
    match world.endpoints.simulate(&call, head, at).await {
        Ok(Simulation::Succeeds(output)) => match decode_first_refusal(&output) {
            Some(None) => findings.ok(area, SUBJECT, "the guard refuses nothing of it"),
            Some(Some(refusal)) => {
                let Refusal { rule, .. } = refusal;
                let found = format!("refused by {}: {refusal}", words::rule(rule));
                findings.warn(area, SUBJECT, found, remedy(rule));
            }
            None => findings.fail(area, SUBJECT, "the guard's answer is not understood", ask),
        },
        Ok(Simulation::Fails { message, data }) => {
            let found = if data.is_empty() { message } else { describe_revert(&data) };
            findings.fail(area, SUBJECT, found, ask);
        }
        Err(error) => findings.fail(area, SUBJECT, error.to_string(), ask),
    }
}
