//! HTTP servers of a few lines, for what the keeper asks and tells.

use std::sync::Arc;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use vagus_chain::memory::MemoryChain;

/// The path of a request and its JSON; none if it is not whole.
pub(crate) async fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).await.ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_ascii_lowercase();
        let length = length.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.and_then(|length| length.trim().parse().ok())? {
            let path = head.split(' ').nth(1)?.to_owned();
            return Some((path, serde_json::from_str(body).ok()?));
        }
    }
}

/// Answers, and hangs up.
pub(crate) async fn write(stream: &mut TcpStream, status: u16, body: &str) {
    let answer = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A node of a chain in process, so many blocks behind it. Gives back its address.
pub(crate) async fn node(chain: Arc<MemoryChain>, lag: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let chain = chain.clone();
            tokio::spawn(async move {
                let Some((_, request)) = read(&mut stream).await else { return };
                write(&mut stream, 200, &chain.answer(&request, lag).to_string()).await;
            });
        }
    });
    url
}
