//! A chain's other ways in and out: the websocket that wakes, the private endpoint that takes transactions.

use vagus_chain::{ChainReader as _, HttpChain, wake};

use super::Findings;
use crate::config::ChainConfig;

pub(super) async fn ways(findings: &mut Findings, area: &str, chain: &ChainConfig) {
    if let Some(url) = &chain.websocket {
        let subject = format!("websocket ({url})");
        match wake::probe(url, chain.profile.timeout()).await {
            Ok(()) => findings.ok(area, &subject, "it announces new heads".to_owned()),
            Err(why) => {
                let remedy =
                    "heads are found by polling until it does: correct its url or ask its operator";
                findings.warn(area, &subject, why, remedy);
            }
        }
    }
    let Some(private) = &chain.private else { return };
    let subject = format!("private endpoint ({})", private.endpoint);
    let asked = match HttpChain::new(private.endpoint.clone(), chain.profile.timeout()) {
        Ok(http) => http.chain_id().await,
        Err(error) => Err(error),
    };
    match asked {
        Ok(id) if id == chain.chain_id => {
            findings.ok(area, &subject, format!("it takes transactions of chain {id}"));
        }
        Ok(id) => {
            let found = format!("it serves chain {id}, the configuration names {}", chain.chain_id);
            findings.fail(area, &subject, found, "correct chain_id or the endpoint's url");
        }
        Err(error) => {
            let remedy = "every transaction goes there first: correct its url, ask its operator, or take it out";
            findings.fail(area, &subject, error.to_string(), remedy);
        }
    }
}
