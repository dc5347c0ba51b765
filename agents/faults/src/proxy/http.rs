//! As much of HTTP as JSON-RPC needs, byte by byte, so that a connection can be broken where it hurts.

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

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
        let answer = read_message(&mut self.stream).await?.context("the chain went away")?;
        Ok(serde_json::from_slice(&answer)?)
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

/// The body of a whole message with a content length; none at the end of the connection.
pub(super) async fn read_message(stream: &mut TcpStream) -> Result<Option<Vec<u8>>> {
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
            return Ok(Some(bytes[body_at..end].to_vec()));
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}
