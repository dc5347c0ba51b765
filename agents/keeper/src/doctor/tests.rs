//! What the doctor says of a chain and of budgets, at the limits of what is in order.

use std::sync::Arc;

use alloy::primitives::U256;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use vagus_chain::{AgentKey, EndpointUrl, WebsocketUrl, memory::MemoryChain};
use vagus_policy::Snapshot;

use super::*;
use crate::{
    board::unix_now,
    config::{ChainConfig, PrivateConfig},
    status,
    testing::{self, BLOCK_SECONDS, wire},
};

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9/planted-key";

/// A chain that has come as far as this machine's clock, ahead of it by so many seconds.
fn chain(ahead: u64) -> Arc<MemoryChain> {
    let agent = AgentKey::random().address();
    let mut snapshot = testing::snapshot(agent);
    snapshot.block.timestamp = unix_now() + ahead - 10 * BLOCK_SECONDS;
    let chain = Arc::new(MemoryChain::new(testing::policy(agent), snapshot));
    chain.with(|model| {
        for _ in 0..10 {
            model.mine(BLOCK_SECONDS);
        }
    });
    chain
}

fn endpoint(url: &str) -> EndpointUrl {
    EndpointUrl::parse(url).expect("an address")
}

fn private(url: &str) -> Option<PrivateConfig> {
    Some(PrivateConfig { endpoint: endpoint(url), public_after_blocks: None })
}

/// What is found of the example's chain, with these endpoints and what else is changed.
async fn found(urls: &[String], change: impl FnOnce(&mut ChainConfig)) -> Vec<Finding> {
    let mut config = testing::config();
    let chain = &mut config.chains[0];
    chain.endpoints = urls.iter().map(|url| endpoint(url)).collect();
    chain.profile.timeout_ms = 2_000;
    change(chain);
    let (chain, vault) = (config.chains[0].clone(), config.vaults[0].clone());
    let mut findings = Findings::default();
    super::chain::chain(&mut findings, &config, &chain, &[&vault]).await;
    for finding in &findings.0 {
        assert_eq!(finding.remedy.is_none(), finding.level == Level::Ok, "{finding:?}");
        assert!(!format!("{finding:?}").contains("planted"), "{finding:?}");
    }
    findings.0
}

/// The findings about a subject: how, and what.
fn about<'a>(findings: &'a [Finding], subject: &str) -> Vec<(Level, &'a str)> {
    let of = findings.iter().filter(|finding| finding.subject.starts_with(subject));
    of.map(|finding| (finding.level, finding.found.as_str())).collect()
}

#[test]
fn the_clock_is_compared_with_the_chains_time_at_both_limits() {
    let config = testing::config();
    let chain = &config.chains[0];
    let mut head =
        vagus_chain::Header { block: testing::snapshot(Default::default()).block, base_fee_wei: 0 };
    let stale_after = chain.profile.stale_after().as_secs();
    let mut at = |timestamp: u64, block_seconds: u32| {
        let mut chain = chain.clone();
        chain.profile.block_seconds = block_seconds;
        head.block.timestamp = timestamp;
        let mut findings = Findings::default();
        super::chain::clock(&mut findings, "chain mainnet", &chain, &head, 1_000_000);
        let [finding] = findings.0.try_into().expect("one");
        assert_eq!(finding.subject, "clock");
        (finding.level, finding.found)
    };
    // Behind: by as much as a block takes, or 15 seconds, is none.
    for (block_seconds, allowed) in [(2, 15), (12, 15), (15, 15), (60, 60)] {
        assert_eq!(at(1_000_000 + allowed, block_seconds).0, Level::Ok);
        let (level, found) = at(1_000_000 + allowed + 1, block_seconds);
        assert_eq!(level, Level::Warn);
        assert!(found.contains("this machine's clock is") && found.contains("behind"), "{found}");
    }
    assert_eq!(at(1_000_000 - stale_after, 12).0, Level::Ok);
    let (level, found) = at(1_000_000 - stale_after - 1, 12);
    assert_eq!(level, Level::Warn);
    assert!(found.starts_with("the newest block is"), "{found}");
}

#[tokio::test]
async fn the_clock_is_compared_with_the_best_endpoint_that_is_there() {
    for (ahead, level) in [(0, Level::Ok), (3_600, Level::Warn)] {
        let url = wire::node(chain(ahead), 0).await;
        let findings = found(&[url], |_| {}).await;
        let [clock] = about(&findings, "clock").try_into().expect("one");
        assert_eq!(clock.0, level, "{clock:?}");
    }
}

#[tokio::test]
async fn an_endpoint_behind_the_best_is_named_from_the_fourth_block_on() {
    // Three blocks may pass while endpoints of a chain of 12 seconds are asked one after the other.
    for (lag, is_named) in [(3, false), (4, true)] {
        let chain = chain(0);
        let urls = [wire::node(chain.clone(), lag).await, wire::node(chain, 0).await];
        let findings = found(&urls, |chain| chain.quorum = 2).await;
        assert_eq!(about(&findings, "quorum")[0].0, Level::Ok, "both are in order: {findings:?}");
        let first = about(&findings, "endpoint 1");
        assert_eq!(first[0].0, Level::Ok);
        let named = format!("{lag} blocks behind the best");
        let expected: &[(Level, &str)] = if is_named { &[(Level::Warn, &named)] } else { &[] };
        assert_eq!(&first[1..], expected);
        assert_eq!(about(&findings, "endpoint 2").len(), 1);
    }
}

#[tokio::test]
async fn the_private_endpoint_is_asked_for_its_chain() {
    let url = wire::node(chain(0), 0).await;
    let own = found(std::slice::from_ref(&url), |chain| chain.private = private(&url)).await;
    assert_eq!(
        about(&own, "private endpoint"),
        [(Level::Ok, "it takes transactions of chain 31337")]
    );
    let agent = AgentKey::random().address();
    let mut other = testing::snapshot(agent);
    other.chain_id = 5;
    let other = Arc::new(MemoryChain::new(testing::policy(agent), other));
    let other = wire::node(other, 0).await;
    let strange = found(std::slice::from_ref(&url), |chain| chain.private = private(&other)).await;
    assert_eq!(
        about(&strange, "private endpoint"),
        [(Level::Fail, "it serves chain 5, the configuration names 31337")]
    );
    let silent = found(std::slice::from_ref(&url), |chain| chain.private = private(NOWHERE)).await;
    assert_eq!(about(&silent, "private endpoint (http://127.0.0.1:9)")[0].0, Level::Fail);
    assert_eq!(about(&found(&[url], |_| {}).await, "private endpoint"), []);
}

/// A websocket that answers a subscription with this.
async fn websocket(answer: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("ws://{}/planted-key", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream).await.expect("a handshake");
        socket.next().await.expect("subscribes").expect("sound");
        socket.send(Message::text(answer)).await.expect("open");
        std::future::pending::<()>().await;
    });
    url
}

#[tokio::test]
async fn the_websocket_has_to_take_a_subscription() {
    let url = wire::node(chain(0), 0).await;
    let refusing = r#"{"id":1,"error":{"code":-32601,"message":"no"}}"#;
    for (socket, expected) in [
        (websocket(r#"{"id":1,"result":"0x1"}"#).await, (Level::Ok, "it announces new heads")),
        (websocket(refusing).await, (Level::Warn, "it does not announce heads")),
        ("ws://127.0.0.1:9/planted-key".to_owned(), (Level::Warn, "Connection refused")),
    ] {
        let websocket = WebsocketUrl::parse(&socket).ok();
        assert!(websocket.is_some());
        let findings = found(std::slice::from_ref(&url), |chain| chain.websocket = websocket).await;
        let [(level, text)] = about(&findings, "websocket (ws://").try_into().expect("one");
        assert!(level == expected.0 && text.starts_with(expected.1), "{level:?}: {text}");
    }
    assert_eq!(about(&found(&[url], |_| {}).await, "websocket"), []);
}

/// What is found of a mandate in the small world, changed.
fn mandate(change: impl FnOnce(&mut Snapshot, &mut status::Mandate)) -> Vec<Finding> {
    let key = AgentKey::random();
    let (_, world) = testing::world(&key);
    let (policy, mut snapshot) = (testing::policy(key.address()), testing::snapshot(key.address()));
    let view = status::view(&world, &world.vaults[0], Some(&policy), &snapshot);
    let mut mandate = view.mandate.expect("a mandate");
    mandate.expires_at = snapshot.block.timestamp + 100 * 86_400;
    change(&mut snapshot, &mut mandate);
    let mut findings = Findings::default();
    super::vault::mandate(&mut findings, "vault treasury", &mandate, &snapshot);
    findings.0
}

#[test]
fn budgets_say_what_is_left_of_them_and_warn_when_that_is_nothing() {
    // One percent of a million.
    let full = mandate(|_, _| {});
    assert_eq!(
        about(&full, "may"),
        [
            (Level::Ok, "1,000,000.00 USDC of 1,000,000.00 USDC"),
            (Level::Ok, "10,000.00 USDC of 10,000.00 USDC")
        ]
    );
    let last = mandate(|_, mandate| mandate.loss.left = U256::ONE);
    assert_eq!(about(&last, "may lose")[0].0, Level::Ok);
    let spent = mandate(|_, mandate| mandate.loss.left = U256::ZERO);
    assert_eq!(about(&spent, "may lose"), [(Level::Warn, "0.00 USDC of 10,000.00 USDC")]);
    assert_eq!(about(&spent, "may move")[0].0, Level::Ok);
}

#[test]
fn a_mandate_that_ends_within_14_days_is_a_warning() {
    let left = |seconds: u64| {
        let all = mandate(|snapshot, mandate| {
            mandate.expires_at = snapshot.block.timestamp + seconds;
        });
        about(&all, "mandate")[0].0
    };
    assert_eq!((left(14 * 86_400), left(14 * 86_400 - 1)), (Level::Ok, Level::Warn));
    let expired = mandate(|_, mandate| mandate.is_valid = false);
    assert_eq!(about(&expired, "mandate")[0].0, Level::Fail);
    let revoked = mandate(|_, mandate| mandate.is_revoked = true);
    assert_eq!(about(&revoked, "mandate"), [(Level::Fail, "it was revoked")]);
}
