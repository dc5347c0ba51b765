use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc::unbounded_channel};

use super::*;
use crate::{config::Config, testing::wire};

mod conditions;
mod disagreement;
mod memory;
mod reload;

const MINUTE: u64 = 60;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn condition(kind: AlertKind, chain: &str) -> Condition {
    let (chain, summary) = (chain.to_owned(), "it is so".to_owned());
    Condition { kind, chain, vault: None, summary }
}

fn book() -> Book {
    Book::new("keeper-a", Timing::new(at(240 * MINUTE)))
}

/// What is told, in short.
fn told(notices: &[Notice]) -> Vec<(Change, Vec<&str>)> {
    let of = |notice: &'_ Notice| notice.alerts.len();
    assert!(notices.iter().all(|notice| of(notice) > 0), "{notices:?}");
    notices
        .iter()
        .map(|notice| (notice.change, notice.alerts.iter().map(|a| a.identity.as_str()).collect()))
        .collect()
}

#[test]
fn an_alert_opens_once_repeats_by_schedule_and_resolves() {
    let mut book = book();
    let stale = || vec![condition(AlertKind::StaleHead, "a")];
    let mut said = Vec::new();
    // Looked at every five seconds for nine hours; it is so until the eighth.
    for second in (0..9 * 60 * MINUTE).step_by(5) {
        let found = if second < 8 * 60 * MINUTE { stale() } else { Vec::new() };
        for notice in book.step(at(second), found) {
            said.push((second, notice.change));
        }
    }
    let hours = 60 * MINUTE;
    assert_eq!(
        said,
        [
            (10, Change::Opened),
            (4 * hours + 10, Change::Repeated),
            // Five minutes after it was last seen.
            (8 * hours - 5 + 300, Change::Resolved),
        ]
    );
    // The next time is a new one.
    assert!(book.step(at(100_000), stale()).is_empty());
    let again = book.step(at(100_010), stale());
    assert_eq!(told(&again), [(Change::Opened, vec!["StaleHead/a"])]);
}

#[test]
fn what_begins_together_is_told_together_and_each_has_its_own_identity() {
    let mut book = book();
    let a = condition(AlertKind::StaleHead, "a");
    let b = condition(AlertKind::StaleHead, "b");
    let mut vault = condition(AlertKind::MandateExpiring, "a");
    vault.vault = Some("main".to_owned());
    assert!(book.step(at(0), vec![a.clone()]).is_empty());
    assert!(book.step(at(5), vec![a.clone(), b.clone(), vault.clone()]).is_empty());
    let notices = book.step(at(10), vec![a.clone(), b.clone(), vault.clone()]);
    let all = vec!["MandateExpiring/a/main", "StaleHead/a", "StaleHead/b"];
    assert_eq!(told(&notices), [(Change::Opened, all)]);
    // One goes and the other stays.
    let mut resolved = Vec::new();
    for second in (15..400).step_by(5) {
        resolved.extend(book.step(at(second), vec![b.clone(), vault.clone()]));
    }
    assert_eq!(told(&resolved), [(Change::Resolved, vec!["StaleHead/a"])]);
}

#[test]
fn what_flickers_is_one_alert_and_what_is_short_is_none() {
    let mut book = book();
    let stale = condition(AlertKind::StaleHead, "a");
    let mut said = Vec::new();
    // On and off each minute, for an hour.
    for second in (0..60 * MINUTE).step_by(5) {
        let found = if second / 60 % 2 == 0 { vec![stale.clone()] } else { Vec::new() };
        said.extend(book.step(at(second), found));
    }
    assert_eq!(told(&said), [(Change::Opened, vec!["StaleHead/a"])]);

    // An endpoint that is silent for less than its minute is nobody's business, however often.
    let mut book = self::book();
    let silent = condition(AlertKind::EndpointsFailing, "a");
    for second in (0..60 * MINUTE).step_by(5) {
        let found = if second % 60 < 55 { vec![silent.clone()] } else { Vec::new() };
        assert!(book.step(at(second), found).is_empty(), "{second}");
    }
    // At its minute it is.
    let mut book = self::book();
    for second in (0..60).step_by(5) {
        assert!(book.step(at(second), vec![silent.clone()]).is_empty(), "{second}");
    }
    assert_eq!(book.step(at(60), vec![silent]).len(), 1);
}

/// A server that keeps what it is sent, and refuses as often as it is told.
struct Inbox {
    address: SocketAddr,
    got: Arc<Mutex<Vec<(String, Value)>>>,
    refusals: Arc<Mutex<Vec<u16>>>,
}

impl Inbox {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let inbox = Self { address, got: Arc::default(), refusals: Arc::default() };
        let (got, refusals) = (inbox.got.clone(), inbox.refusals.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (got, refusals) = (got.clone(), refusals.clone());
                tokio::spawn(async move {
                    let Some((path, body)) = wire::read(&mut stream).await else { return };
                    let refusal = refusals.lock().expect("unpoisoned").pop();
                    if refusal.is_none() {
                        got.lock().expect("unpoisoned").push((path, body));
                    }
                    wire::write(&mut stream, refusal.unwrap_or(200), "").await;
                });
            }
        });
        inbox
    }

    async fn wait_for(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..500 {
            let got = self.got.lock().expect("unpoisoned").clone();
            if got.len() >= count {
                return got;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} wanted: {:?}", self.got.lock().expect("unpoisoned"));
    }
}

fn config(channels: &str) -> Result<Config, crate::exit::Failure> {
    let text = include_str!("../../examples/keeper.toml");
    let text = format!("{text}\n[alerts]\nrepeat_minutes = 60\n{channels}");
    Config::parse(&text, "keeper.toml".as_ref(), "".as_ref(), &|name| match name {
        "MAINNET_RPC_URL" => Some("http://localhost".into()),
        "TOKEN" => Some("123:planted-token".into()),
        "KEY" => Some("planted-key".into()),
        _ => None,
    })
}

fn channels(address: SocketAddr) -> String {
    let plain = |kind: &str| {
        format!(
            "[[alerts.channels]]\nkind = \"{kind}\"\nurl = \"http://{address}/{kind}/planted-path\"\n"
        )
    };
    format!(
        "{}{}{}[[alerts.channels]]\nkind = \"telegram\"\nurl = \"http://{address}\"\nsecret_env = \"TOKEN\"\n\
         chat_id = \"-100\"\n[[alerts.channels]]\nkind = \"pagerduty\"\nurl = \"http://{address}/pagerduty\"\n\
         secret_env = \"KEY\"\nseverity = \"critical\"\n",
        plain("webhook"),
        plain("slack"),
        plain("discord")
    )
}

fn notice(change: Change, kinds: &[AlertKind]) -> Notice {
    let alerts = kinds.iter().map(|kind| {
        let mut condition = condition(*kind, "main & <net>");
        condition.vault = Some("@everyone".to_owned());
        Alert {
            identity: condition.identity(),
            keeper: "keeper-a".to_owned(),
            condition,
            lasted: at(90),
        }
    });
    Notice { change, alerts: alerts.collect() }
}

#[tokio::test]
async fn every_channel_gets_what_its_service_takes() {
    let inbox = Inbox::open().await;
    let config = config(&channels(inbox.address)).expect("sound");
    let sender = Sender::start_with(&config.alerts, "keeper-a", unbounded_channel().0, at(0));
    sender.send(&notice(Change::Opened, &[AlertKind::StaleHead, AlertKind::NoMandate]));
    let got = inbox.wait_for(5).await;
    let of = |path: &str| {
        let found: Vec<&Value> =
            got.iter().filter(|(to, _)| to.contains(path)).map(|(_, body)| body).collect();
        assert_eq!(found.len(), 1, "{path}: {got:?}");
        found[0].clone()
    };
    let webhook = of("/webhook/planted-path");
    assert_eq!((&webhook["schema"], &webhook["change"]), (&1.into(), &"opened".into()));
    assert_eq!(webhook["alerts"][1]["id"], "keeper-a/NoMandate/main & <net>/@everyone");
    assert_eq!(webhook["alerts"][1]["severity"], "critical");
    assert_eq!(webhook["alerts"][0]["runbook"], "docs/operations/runbook/StaleHead.md");
    let slack = of("/slack/planted-path")["text"].as_str().expect("text").to_owned();
    assert!(slack.starts_with("[critical] Vagus keeper-a\n"), "{slack}");
    assert!(slack.contains("main &amp; &lt;net&gt;") && !slack.contains("<net>"), "{slack}");
    let discord = of("/discord/planted-path");
    assert_eq!(discord["allowed_mentions"]["parse"], serde_json::json!([]));
    assert!(discord["content"].as_str().is_some_and(|text| text.contains("StaleHead")));
    let telegram = of("/bot123:planted-token/sendMessage");
    assert_eq!(telegram["chat_id"], "-100");
    // It asked for what is critical alone.
    let pagerduty = of("/pagerduty");
    assert_eq!(pagerduty["routing_key"], "planted-key");
    assert_eq!(pagerduty["event_action"], "trigger");
    assert_eq!(pagerduty["payload"]["class"], "NoMandate");
    let identity = pagerduty["dedup_key"].clone();

    sender.send(&notice(Change::Resolved, &[AlertKind::NoMandate]));
    let got = inbox.wait_for(10).await;
    let over = got.iter().rfind(|(to, _)| to == "/pagerduty").expect("one").1.clone();
    assert_eq!((&over["event_action"], &over["dedup_key"]), (&"resolve".into(), &identity));
}

#[tokio::test]
async fn a_channel_that_fails_is_tried_again_and_one_that_refuses_is_not() {
    let inbox = Inbox::open().await;
    let one =
        format!("[[alerts.channels]]\nkind = \"webhook\"\nurl = \"http://{}/\"\n", inbox.address);
    let config = config(&one).expect("sound");
    let (told, mut delivered) = unbounded_channel();
    let sender = Sender::start_with(&config.alerts, "k", told, Duration::from_millis(1));
    *inbox.refusals.lock().expect("unpoisoned") = vec![503, 429, 500];
    sender.send(&notice(Change::Opened, &[AlertKind::StaleHead]));
    assert_eq!(inbox.wait_for(1).await[0].1["change"], "opened");
    assert!(inbox.refusals.lock().expect("unpoisoned").is_empty());
    let (identities, change) =
        (vec!["StaleHead/main & <net>/@everyone".to_owned()], Change::Opened);
    assert_eq!(delivered.recv().await, Some(Delivered { identities, change }));
    // What is refused for good is given up, and what comes after it is not held up.
    *inbox.refusals.lock().expect("unpoisoned") = vec![403];
    sender.send(&notice(Change::Repeated, &[AlertKind::StaleHead]));
    sender.send(&notice(Change::Resolved, &[AlertKind::StaleHead]));
    let got = inbox.wait_for(2).await;
    let changes: Vec<&Value> = got.iter().map(|(_, body)| &body["change"]).collect();
    assert_eq!(changes, ["opened", "resolved"]);
    // What was given up is in nobody's hands any more either.
    for change in [Change::Repeated, Change::Resolved] {
        assert_eq!(delivered.recv().await.map(|of| of.change), Some(change));
    }
}

#[test]
fn channels_are_checked_and_print_their_host_alone() {
    let all = config(&channels(([127, 0, 0, 1], 9).into())).expect("sound");
    let printed = format!("{all:?} {}", all.alerts.channels[0]);
    assert!(!printed.contains("planted"), "{printed}");
    assert!(printed.contains("webhook (http://127.0.0.1:9)"), "{printed}");
    for (channel, expected) in [
        ("kind = \"slack\"", "exactly one of url"),
        ("kind = \"slack\"\nurl = \"planted\"", "http:// or https://"),
        ("kind = \"slack\"\nurl = \"http://h/planted\"\nsecret_env = \"KEY\"", "no secret"),
        ("kind = \"telegram\"\nchat_id = \"1\"", "expected secret_file or secret_env"),
        ("kind = \"telegram\"\nsecret_env = \"TOKEN\"", "expected chat_id"),
        ("kind = \"pagerduty\"\nsecret_env = \"NOPE\"", "NOPE"),
        ("kind = \"pagerduty\"\nsecret_env = \"KEY\"\nchat_id = \"1\"", "telegram alone"),
        ("kind = \"pigeon\"\nurl = \"http://h\"", "unknown variant"),
        ("kind = \"slack\"\nurl = \"http://h\"\nseverity = \"mild\"", "unknown variant"),
    ] {
        let failure = config(&format!("[[alerts.channels]]\n{channel}\n")).expect_err(channel);
        assert!(failure.sentence.contains(expected), "{channel}: {failure}");
        assert!(!failure.sentence.contains("planted"), "{failure}");
    }
}

#[test]
fn every_alert_has_its_page() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations/runbook");
    let known: BTreeSet<String> =
        AlertKind::ALL.iter().map(|kind| format!("{kind:?}.md")).collect();
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the runbook")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    assert_eq!(there, known);
    let list = std::fs::read_to_string(format!("{folder}/README.md")).expect("a list");
    for kind in AlertKind::ALL {
        let severity = format!("{:?}", kind.severity()).to_lowercase();
        let row = list.lines().find(|line| line.contains(&format!("({kind:?}.md)")));
        let row = row.unwrap_or_else(|| panic!("{kind:?} is not in the list"));
        assert!(row.contains(&severity), "{row}");
        let page = std::fs::read_to_string(format!("{folder}/{kind:?}.md")).expect("a page");
        for part in ["## What it means", "## What to do"] {
            assert!(page.contains(part), "{kind:?}: {part}");
        }
    }
}
