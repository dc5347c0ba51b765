//! As much of HTTP as JSON-RPC needs, byte by byte, so that a connection can be broken where it hurts.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};
use vagus_e2e::message::Message;

/// A connection to the chain itself.
#[derive(Debug)]
pub(super) struct Upstream {
    stream: TcpStream,
    target: String,
}

impl Upstream {
    pub(super) async fn connect(target: &str) -> Result<Self> {
        let stream = TcpStream::connect(target).await.context("reaching the chain")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, target: target.to_owned() })
    }

    pub(super) async fn ask(&mut self, request: &Value) -> Result<Value> {
        let body = serde_json::to_vec(request)?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.target,
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        let answer = Message::read(&mut self.stream).await?.context("the chain went away")?;
        Ok(serde_json::from_slice(answer.body())?)
    }
}

pub(super) async fn answer(client: &mut TcpStream, status: &str, body: &[u8]) -> Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(&[head.as_bytes(), body].concat()).await?;
    Ok(())
}
