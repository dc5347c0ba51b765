//! A chain: each of its endpoints by itself, then clock, gas and vaults by the first that is in order.

use std::{sync::Arc, time::Instant};

use vagus_chain::{Chain, ChainReader as _, Deployment, Endpoints, Header, HttpChain, Tag};

use super::{Findings, gas, vault, ways};
use crate::{
    board::unix_now,
    config::{ChainConfig, Config, Finality, VaultConfig},
    render::number::span,
    world::ChainWorld,
};

pub(super) async fn chain(
    findings: &mut Findings,
    config: &Config,
    chain: &ChainConfig,
    vaults: &[&VaultConfig],
) {
    let area = format!("chain {}", chain.name);
    let mut sound: Vec<Arc<dyn Chain>> = Vec::new();
    let mut heads = Vec::new();
    for (place, url) in chain.endpoints.iter().enumerate() {
        let subject = format!("endpoint {} ({url})", place + 1);
        let http = match HttpChain::new(url.clone(), chain.profile.timeout()) {
            Ok(http) => Arc::new(http.with_lens_gas(chain.profile.lens_gas)),
            Err(error) => {
                findings.fail(&area, &subject, error.to_string(), "correct its url");
                continue;
            }
        };
        if let Some(head) = endpoint(findings, &area, &subject, chain, &http).await {
            heads.push((subject, head));
            sound.push(http);
        }
    }
    ways::ways(findings, &area, chain).await;
    quorum(findings, &area, chain, sound.len());
    agreement(findings, &area, chain, &heads);
    let Some((_, head)) = heads.iter().max_by_key(|(_, head)| head.block.number) else { return };
    clock(findings, &area, chain, head, unix_now());
    let endpoints = Endpoints::new(sound).with_quorum(chain.quorum);
    gas::gas(findings, &area, config, chain, vaults, &endpoints, head).await;
    for one in vaults {
        let area = format!("vault {}", one.name);
        if !is_proven(findings, &area, chain, one, &endpoints, head).await {
            continue;
        }
        // It was proven a moment ago.
        let asked = Endpoints::new(endpoints.all()).with_quorum(chain.quorum);
        match ChainWorld::of(config, chain, asked, &[*one]) {
            Ok(world) => vault::vault(findings, &area, &world, head).await,
            Err(failure) => findings.fail(&area, "contracts", failure.sentence, ""),
        }
    }
}

async fn endpoint(
    findings: &mut Findings,
    area: &str,
    subject: &str,
    chain: &ChainConfig,
    http: &HttpChain,
) -> Option<Header> {
    let began = Instant::now();
    match http.chain_id().await {
        Ok(id) if id == chain.chain_id => {}
        Ok(id) => {
            let found = format!("it serves chain {id}, the configuration names {}", chain.chain_id);
            findings.fail(area, subject, found, "correct chain_id or the endpoint's url");
            return None;
        }
        Err(error) => {
            let remedy = "see that it runs, that the url and its key are right, and that nothing stands between";
            findings.fail(area, subject, error.to_string(), remedy);
            return None;
        }
    }
    let took = began.elapsed().as_millis();
    let head = match http.head(Tag::Latest).await {
        Ok(head) => head,
        Err(error) => {
            findings.fail(area, subject, error.to_string(), "ask its operator");
            return None;
        }
    };
    if chain.profile.finality == Finality::Tag
        && let Err(error) = http.head(Tag::Finalized).await
    {
        let remedy = "set finality to a number of blocks, or take an endpoint that knows the tag";
        findings.fail(area, subject, format!("no finalized block: {error}"), remedy);
        return None;
    }
    let found =
        format!("chain {}, block {}, answers in {took} ms", chain.chain_id, head.block.number);
    findings.ok(area, subject, found);
    Some(head)
}

fn quorum(findings: &mut Findings, area: &str, chain: &ChainConfig, sound: usize) {
    let found =
        format!("{} of {} have to agree, {sound} in order", chain.quorum, chain.endpoints.len());
    if sound < chain.quorum {
        let remedy =
            "nothing is sent until as many are in order: mend them, add others, or lower quorum";
        findings.fail(area, "quorum", found, remedy);
    } else if chain.quorum < 2 {
        let remedy = "one endpoint that lies is believed: configure a second of another operator";
        findings.warn(area, "quorum", found, remedy);
    } else {
        findings.ok(area, "quorum", found);
    }
}

fn agreement(findings: &mut Findings, area: &str, chain: &ChainConfig, heads: &[(String, Header)]) {
    let Some(best) = heads.iter().map(|(_, head)| head.block.number).max() else { return };
    // What passes while they are asked one after the other is no lateness.
    let allowed = 2 + 15 / u64::from(chain.profile.block_seconds);
    for (subject, head) in heads {
        let behind = best.saturating_sub(head.block.number);
        if behind > allowed {
            let found = format!("{behind} blocks behind the best");
            findings.warn(area, subject, found, "it is asked last while it is: ask its operator");
        }
    }
}

/// Compares this machine's clock, Unix time `now`, with the chain's.
pub(super) fn clock(
    findings: &mut Findings,
    area: &str,
    chain: &ChainConfig,
    head: &Header,
    now: u64,
) {
    let at = head.block.timestamp;
    let block_seconds = u64::from(chain.profile.block_seconds);
    if at > now.saturating_add(block_seconds.max(15)) {
        let found = format!("this machine's clock is {} behind the chain's time", span(at - now));
        findings.warn(area, "clock", found, "set it by NTP; decisions use the chain's time alone");
        return;
    }
    let age = now.saturating_sub(at);
    if age > chain.profile.stale_after().as_secs() {
        let found = format!("the newest block is {} old", span(age));
        let remedy = "the chain stands, every endpoint is late, or this machine's clock is ahead: nothing is \
                      decided on a head that does not move";
        findings.warn(area, "clock", found, remedy);
    } else {
        findings.ok(area, "clock", format!("the newest block is {} old", span(age)));
    }
}

async fn is_proven(
    findings: &mut Findings,
    area: &str,
    chain: &ChainConfig,
    vault: &VaultConfig,
    endpoints: &Endpoints,
    head: &Header,
) -> bool {
    const SUBJECT: &str = "contracts";
    let path = &vault.deployment;
    let found = async {
        let deployment = Deployment::load(path)?;
        let entry = deployment.vault(path, vault.vault)?;
        deployment.prove(path, entry, chain.chain_id, endpoints, head).await?;
        Ok::<_, vagus_chain::DeploymentError>(entry.clone())
    };
    match found.await {
        Ok(entry) => {
            let found = format!(
                "vault {}, guard {} and lens {} have the code of {}",
                entry.vault,
                entry.guard,
                entry.lens,
                path.display()
            );
            findings.ok(area, SUBJECT, found);
            true
        }
        Err(error) => {
            let remedy = "take the deployment file of this chain and treasury; never change its hashes by hand";
            findings.fail(area, SUBJECT, error.to_string(), remedy);
            false
        }
    }
}
