//! As much of HTTP as JSON-RPC needs, byte by byte, for what stands in front of a chain.

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// A whole HTTP message with a content length.
#[derive(Clone, Debug)]
pub struct Message {
    /// All of it.
    pub bytes: Vec<u8>,
    body_at: usize,
}

impl Message {
    /// The next one; none at the end of the connection.
    ///
    /// # Errors
    /// If the connection breaks, or a message does not tell its length.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Self>> {
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
                return Ok(Some(Self { bytes, body_at }));
            }
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                return Ok(None);
            }
            bytes.extend_from_slice(&buffer[..count]);
        }
    }

    /// What it carries.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.bytes[self.body_at..]
    }
}
