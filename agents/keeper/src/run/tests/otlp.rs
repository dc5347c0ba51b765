//! Steps of a block, as a collector gets them.

use std::sync::Mutex;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::{config::Config, otlp::Traces};

/// Keeps what is posted, and takes it or not.
async fn collector(answer: &'static str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let host = listener.local_addr().expect("an address").to_string();
    let got: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = got.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut part = vec![0; 65_536];
            // A request and its body may come in several pieces; silence ends them.
            while let Ok(Ok(count)) =
                tokio::time::timeout(Duration::from_millis(300), stream.read(&mut part)).await
                && count > 0
            {
                kept.lock().expect("unpoisoned").extend_from_slice(&part[..count]);
            }
            let head = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
        }
    });
    (host, got)
}

fn with_traces(url: &str) -> Config {
    let text = include_str!("../../../examples/keeper.toml");
    let text = format!("{text}\n[traces]\nurl = \"{url}\"\n");
    let variable = |_: &str| Some("http://localhost".to_owned());
    Config::parse(&text, "keeper.toml".as_ref(), "".as_ref(), &variable).expect("sound")
}

/// A keeper places capital while its steps are told to a collector. What the collector got.
async fn told(answer: &'static str) -> (Vec<u8>, Keeper) {
    let (host, got) = collector(answer).await;
    let config =
        with_traces(&format!("http://user:planted-password@{host}/planted-path?planted=1"));
    let runtime = tokio::runtime::Handle::current();
    let traces = Traces::of(&config, &runtime).expect("a client").expect("asked for");
    let mut keeper = Keeper::start().await;
    {
        let subscriber = tracing_subscriber::registry().with(traces.layer());
        let _guard = tracing::subscriber::set_default(subscriber);
        keeper.round().await.expect("a round");
        keeper.mine_and_round().await;
    }
    tokio::task::spawn_blocking(move || traces.end()).await.expect("no panic");
    let bytes = got.lock().expect("unpoisoned").clone();
    (bytes, keeper)
}

#[tokio::test]
async fn every_step_is_told_with_its_place_and_no_secret() {
    let (bytes, keeper) = told("200 OK").await;
    let text = String::from_utf8_lossy(&bytes);
    let [stored] = keeper.rebalances().await.try_into().expect("one");
    assert!(text.starts_with("POST /planted-path?planted=1 "), "{text}");
    // In the head of a request, of which there may be several, the address is where it belongs.
    let body = text.replace("POST /planted-path?planted=1 ", "");
    for step in ["block", "observe", "decide", "act", "rehearse", "drive", "settle"] {
        assert!(body.contains(step), "{step} is missing from {body}");
    }
    for place in ["vagus-keeper", "mainnet", "treasury", &stored.hash.to_string()] {
        assert!(body.contains(place), "{place} is missing from {body}");
    }
    assert!(!body.contains("planted") && !body.contains(env!("CARGO_MANIFEST_DIR")), "{body}");
}

#[tokio::test]
async fn a_collector_that_takes_nothing_hinders_nothing() {
    let (bytes, keeper) = told("503 No").await;
    assert!(!bytes.is_empty());
    assert_eq!(keeper.rebalances().await.len(), 1);
    assert_eq!(keeper.executed(), 1);
}
