//! Stands in front of a chain's endpoint, hands everything on, and keeps what was asked.

use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy that counts.
#[derive(Debug)]
pub struct Counter {
    /// Its own address.
    pub url: String,
    asked: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Counter {
    /// In front of an endpoint at a local `http://host:port`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(target: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("looking for a port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let target = target.trim_start_matches("http://").to_owned();
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (target, kept) = (target.clone(), kept.clone());
                tokio::spawn(async move {
                    // A connection that breaks is the client's to notice.
                    let _ = hand_on(client, &target, &kept).await;
                });
            }
        });
        Ok(Self { url, asked, task })
    }

    /// The requests since the last time, in order.
    #[must_use]
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(|e| e.into_inner()))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hand_on(mut client: TcpStream, target: &str, asked: &Mutex<Vec<Value>>) -> Result<()> {
    let mut chain = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    chain.set_nodelay(true)?;
    loop {
        let Some(request) = message(&mut client).await? else { return Ok(()) };
        let body = serde_json::from_slice(&request.bytes[request.body_at..])?;
        asked.lock().unwrap_or_else(|e| e.into_inner()).push(body);
        chain.write_all(&request.bytes).await?;
        let answer = message(&mut chain).await?.context("the chain went away")?;
        client.write_all(&answer.bytes).await?;
    }
}

struct Message {
    bytes: Vec<u8>,
    body_at: usize,
}

/// A whole HTTP message with a content length; none at the end of the connection.
async fn message(stream: &mut TcpStream) -> Result<Option<Message>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0u8; 64 << 10];
    let mut whole = None;
    loop {
        if whole.is_none()
            && let Some(head) = bytes.windows(4).position(|end| end == b"\r\n\r\n")
        {
            let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
            let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.context("a message without a length")?.trim().parse()?;
            whole = Some((head + 4, head + 4 + length));
        }
        if let Some((body_at, end)) = whole
            && bytes.len() >= end
        {
            return Ok(Some(Message { bytes, body_at }));
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}
