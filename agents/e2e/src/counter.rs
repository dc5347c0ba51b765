//! Stands in front of a chain's endpoint, hands everything on, and keeps what was asked, and when.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use alloy::primitives::B256;
use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use crate::{message::Message, stamped::Stamped};

/// A question that was answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The request.
    pub body: Value,
    /// When all of it had arrived here, by the kernel's word.
    pub asked_at: Instant,
    /// When all of the answer had come.
    pub answered_at: Instant,
    /// Hash of the block that the answer names, if a block was asked for.
    pub block: Option<B256>,
}

impl Asked {
    /// Its method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }
}

/// A proxy that counts.
#[derive(Debug)]
pub struct Counter {
    /// Its own address.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// The thread ends when this is dropped.
    _ending: tokio::sync::oneshot::Sender<()>,
}

impl Counter {
    /// In front of an endpoint at a local `http://host:port`. It has a thread of its own, so that whoever starts it may
    /// wait for programs that ask it.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(target: &str) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("looking for a port")?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let target = target.trim_start_matches("http://").to_owned();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let kept = asked.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (ending, ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    _ = ended => {}
                    _ = serve(listener, &target, &kept) => {}
                }
            });
        });
        Ok(Self { url, asked, _ending: ending })
    }

    /// The requests since the last time, in order.
    #[must_use]
    pub fn take(&self) -> Vec<Value> {
        self.take_timed().into_iter().map(|asked| asked.body).collect()
    }

    /// The same, with their times.
    #[must_use]
    pub fn take_timed(&self) -> Vec<Asked> {
        let mut asked = std::mem::take(&mut *self.asked.lock().unwrap_or_else(|e| e.into_inner()));
        asked.sort_by_key(|asked| asked.asked_at);
        asked
    }
}

async fn serve(
    listener: std::net::TcpListener,
    target: &str,
    kept: &Arc<Mutex<Vec<Asked>>>,
) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (client, _) = listener.accept().await?;
        let (target, kept) = (target.to_owned(), kept.clone());
        tokio::spawn(async move {
            // A connection that breaks is the client's to notice.
            let _ = hand_on(client, &target, &kept).await;
        });
    }
}

async fn hand_on(client: TcpStream, target: &str, kept: &Mutex<Vec<Asked>>) -> Result<()> {
    let mut chain = TcpStream::connect(target).await?;
    let mut client = Stamped::new(client)?;
    chain.set_nodelay(true)?;
    loop {
        let Some(request) = Message::read(&mut client).await? else { return Ok(()) };
        let asked_at = client.arrived_at();
        chain.write_all(&request.bytes).await?;
        let body: Value = serde_json::from_slice(request.body())?;
        let answer = Message::read(&mut chain).await?.context("the chain went away")?;
        let block = (body["method"] == "eth_getBlockByNumber")
            .then(|| serde_json::from_slice::<Value>(answer.body()).ok())
            .flatten()
            .and_then(|answer| answer["result"]["hash"].as_str()?.parse().ok());
        // Kept before whoever asked can go on.
        let asked = Asked { body, asked_at, answered_at: Instant::now(), block };
        kept.lock().unwrap_or_else(|e| e.into_inner()).push(asked);
        client.write_all(&answer.bytes).await?;
    }
}
